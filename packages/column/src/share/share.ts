// A share: the rows of one replica set, as they travel to its leader, lie in its log and are applied.

import type {ColumnId, TableId} from '@flotilla/base';
import type {ColumnValues} from '../column-values.ts';

export interface ShareColumn {
  readonly column: ColumnId;
  readonly count: number;
  /** Row of each value, ascending; undefined: value i belongs to row i, and count is the row count. */
  readonly rows: Int32Array | undefined;
  readonly values: ColumnValues;
}

export interface ShareTable {
  readonly table: TableId;
  readonly rowCount: number;
  /** Index -> series: its canonical key's bytes, or already a SeriesId of the replica set. */
  readonly series: readonly (Uint8Array | number)[];
  /** Row -> index into `series`. */
  readonly seriesOfRow: Int32Array;
  /** Row times as exact integers in the database's precision since the bucket's start, 0 <= offset < 2^53. */
  readonly offsets: Float64Array;
  readonly columns: readonly ShareColumn[];
}

export interface Share {
  /** Which of its own retries a router means: each (incarnation, sequence) is applied at most once. */
  readonly router: {readonly incarnation: number; readonly sequence: number};
  /** The client's Idempotency-Key. */
  readonly idempotencyKey?: string | undefined;
  readonly tables: readonly ShareTable[];
}

/** What is known of a share without its rows. */
export interface ShareHeader {
  readonly incarnation: number;
  readonly sequence: number;
  readonly idempotencyKey: string | undefined;
  readonly rowCount: number;
}
