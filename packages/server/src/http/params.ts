// Parameters that several routes share.

import {z} from 'zod';

const Name = z.string().min(1).max(255);

/** CnosDB's tools name its default tenant. */
export const TenantParam = Name.default('default').transform((name) =>
  name === 'cnosdb' ? 'default' : name,
);
export const DatabaseParam = Name.default('public');

/** Content-Encoding is judged where the body is inflated. */
const ENCODING = z.enum(['identity', 'gzip', 'deflate', 'zstd']);

export const IDEMPOTENCY_KEY = z
  .string()
  .regex(/^[\x20-\x7e]{1,128}$/, 'Idempotency-Key: want 1 to 128 printable ASCII bytes');

/** What the write routes read, for their description. */
export const WriteHeaders = z.object({
  'Content-Encoding': ENCODING.optional(),
  'Idempotency-Key': IDEMPOTENCY_KEY.optional(),
});
