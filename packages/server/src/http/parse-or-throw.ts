// zod at the edge: what does not fit is INVALID_ARGUMENT and names each field.

import {DbError} from '@flotilla/base';
import type {z} from 'zod';

export function parseOrThrow<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.map(({path, message}) => {
    const where = path.join('.');
    return where === '' ? message : `${where}: ${message}`;
  });
  throw new DbError('INVALID_ARGUMENT', issues.join('; '), {issues});
}
