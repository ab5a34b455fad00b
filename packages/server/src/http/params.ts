// Parameters that several routes share.

import {LIMITS} from '@flotilla/base';
import {z} from 'zod';

const KEY_BYTES_MAX = LIMITS.idempotency_key_bytes_max.value;

/** Of a database or a tenant. */
export const Name = z.string().min(1).max(LIMITS.database_name_chars_max.value);

/** CnosDB's tools name its default tenant. */
export const TenantParam = Name.default('default').transform((name) =>
  name === 'cnosdb' ? 'default' : name,
);
export const DatabaseParam = Name.default('public');

/** Content-Encoding is judged where the body is inflated. */
const ENCODING = z.enum(['identity', 'gzip', 'deflate', 'zstd']);

export const IDEMPOTENCY_KEY = z
  .string()
  .regex(
    new RegExp(`^[\\x20-\\x7e]{1,${KEY_BYTES_MAX}}$`),
    `Idempotency-Key: want 1 to ${KEY_BYTES_MAX} printable ASCII bytes`,
  );

/** What the write routes read, for their description. */
export const WriteHeaders = z.object({
  'Content-Encoding': ENCODING.optional(),
  'Idempotency-Key': IDEMPOTENCY_KEY.optional(),
});

/** A number, or `bucket-7`: the creation of a bucket has no other. */
export const ByOperationId = z.object({
  id: z
    .string()
    .regex(
      /^(bucket-)?[1-9]\d{0,14}$/,
      'not an id: ids are whole numbers from 1, or bucket-7 of the creation of bucket 7',
    )
    .transform((text) => (text.startsWith('bucket-') ? text : Number(text))),
});
