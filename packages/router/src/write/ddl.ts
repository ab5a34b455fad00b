// What a write asks of meta before it can be placed.

import type {DatabaseId, ErrorCode} from '@flotilla/base';
import type {TableRequest} from '@flotilla/catalog';

/** Why meta did not make a table, a column or a bucket; becomes the reason of the lines that need it. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly reason: string;
}

/** When one of these resolves, this thread's copy of the catalog holds what it made. */
export interface MetaDdl {
  /** Refusals by `refusalKey(table, column)`; the column is '' where the whole table was refused. */
  ensureTables(
    database: DatabaseId,
    tables: readonly TableRequest[],
    deadlineMs: number,
  ): Promise<ReadonlyMap<string, Refusal>>;
  /** The bucket that holds `timeMs`, open for writes. */
  ensureBucket(
    database: DatabaseId,
    timeMs: number,
    deadlineMs: number,
  ): Promise<Refusal | undefined>;
}
