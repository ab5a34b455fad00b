// zod at the edge: what does not fit is INVALID_ARGUMENT and names each field, in words for the person
// who sent it, not for the one who wrote the schema.

import {DbError} from '@flotilla/base';
import type {z} from 'zod';

export function parseOrThrow<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const result = schema.safeParse(value, {error: wordingOf});
  if (result.success) return result.data;
  const issues = result.error.issues.map(({path, message}) => {
    const where = path.join('.');
    return where === '' ? message : `${where}: ${message}`;
  });
  throw new DbError('INVALID_ARGUMENT', issues.join('; '), {issues});
}

type RawIssue = z.core.$ZodRawIssue;

/** Undefined keeps the message that the schema itself has. */
function wordingOf(issue: RawIssue): string | undefined {
  switch (issue.code) {
    case 'unrecognized_keys':
      return `${issue.keys.map((key) => `"${key}"`).join(', ')} is not known here`;
    case 'invalid_value':
      return `${shown(issue.input)} is not one of ${issue.values.join(', ')}`;
    case 'too_small':
      if (issue.origin === 'string') return 'it is empty';
      return `${shown(issue.input)} is under ${issue.minimum}`;
    case 'too_big':
      if (issue.origin === 'string') return `it is over ${issue.maximum} characters`;
      return `${shown(issue.input)} is over ${issue.maximum}`;
    case 'invalid_type':
      if (issue.input === undefined) return 'it is missing';
      if (Array.isArray(issue.input)) return 'it is given more than once';
      return `it wants a ${issue.expected}`;
    default:
      return undefined;
  }
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `"${value}"` : String(value);
}
