// What meta refused to make for a write, found again by table and column.

import type {ErrorCode} from '@flotilla/base';

/** Why meta did not make a table, a column or a bucket; becomes the reason of the lines that need it. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly reason: string;
}

/** The column is '' where the whole table was refused. */
export function refusalKey(table: string, column: string): string {
  return `${table}\u0000${column}`;
}
