// Parameters that several routes share.

import {z} from 'zod';

const Name = z.string().min(1).max(255);

/** CnosDB's tools name its default tenant. */
export const TenantParam = Name.default('default').transform((name) =>
  name === 'cnosdb' ? 'default' : name,
);
export const DatabaseParam = Name.default('public');

export const IDEMPOTENCY_KEY = z
  .string()
  .regex(/^[\x20-\x7e]{1,128}$/, 'Idempotency-Key: want 1 to 128 printable ASCII bytes');
