// What meta refused to make for a write, found again by table and column.

import type {ErrorCode} from '@flotilla/base';

/** Why meta did not make a table, a column or a bucket; becomes the reason of the lines that need it. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly reason: string;
}

/** The catalog lacks the table or the column; meta will be asked to make it. */
export function isOfMissing({code}: Refusal): boolean {
  return code === 'TABLE_NOT_FOUND';
}

/** The column is '' where the whole table was refused. */
export function refusalKey(table: string, column: string): string {
  return `${table}\u0000${column}`;
}
