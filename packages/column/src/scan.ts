// Reading one replica's rows of one table: what a query asks of storage. The shape is here, below
// both, so that query and storage know it and not each other.

import type {ColumnId, SeriesId, TableId} from '@flotilla/base';
import type {ColumnValues, FieldType} from './column-values.ts';

/** On tags. A series without the tag has null there: no comparison but `null` holds for it. Plain JSON. */
export type TagPredicate =
  | {readonly op: 'and' | 'or'; readonly of: readonly TagPredicate[]}
  | {readonly op: 'not'; readonly of: TagPredicate}
  | {readonly op: 'in'; readonly column: ColumnId; readonly values: readonly string[]}
  | {
      readonly op: 'compare';
      readonly column: ColumnId;
      readonly with: '<' | '<=' | '>' | '>=';
      readonly value: string;
    }
  | {
      readonly op: 'match';
      readonly column: ColumnId;
      readonly pattern: string;
      readonly ignoreCase: boolean;
    }
  | {readonly op: 'null'; readonly column: ColumnId};

/** The rows of one replica set that a DELETE removes. Plain JSON: it is carried by log entries. */
export interface Deletion {
  readonly table: TableId;
  /** [startOffset, endOffset), as in ScanSpec. */
  readonly startOffset: number;
  readonly endOffset: number;
  /** Which series; all of the table where absent. */
  readonly tags?: TagPredicate | undefined;
}

/** Plain JSON: it crosses nodes inside a query fragment. */
export interface ScanSpec {
  readonly table: TableId;
  /** [startOffset, endOffset) in units of the database's precision since the bucket's start. */
  readonly startOffset: number;
  readonly endOffset: number;
  /**
   * Version of the catalog by which rows that have expired were left out of the range: a replica that knows an
   * older one alone hides nothing more. Absent: it hides what it knows of.
   */
  readonly plannedAt?: number | undefined;
  /** Which series; all of the table where absent. Three-valued: null counts as false. */
  readonly tags?: TagPredicate | undefined;
  /** The field columns to read, in the order in which chunks give them. */
  readonly fields: readonly {readonly column: ColumnId; readonly type: FieldType}[];
}

/** A column of a chunk: dense, one slot a row. */
export interface ChunkColumn {
  readonly values: ColumnValues;
  /** One byte a row, 1 = has a value; absent: every row has one. A slot without a value holds anything. */
  readonly present?: Uint8Array | undefined;
}

/**
 * Rows of ONE series, ascending by time, no two of the same time (the later write has won, field by
 * field). Arrays are valid until the next call of `next` or `close`, and may be longer than rowCount.
 */
export interface SeriesChunk {
  readonly series: SeriesId;
  readonly rowCount: number;
  readonly offsets: Float64Array;
  /** As ScanSpec.fields; undefined where no row of the chunk has a value. */
  readonly columns: readonly (ChunkColumn | undefined)[];
}

/** What a query wants to know of the values of a field in a block. */
export type BlockNeed =
  | 'count'
  | 'min'
  | 'max'
  | 'sum'
  /** The value in the block's first or last row that has one. */
  | 'first'
  | 'last'
  /** What stands in the block's first or last row, a value or none. */
  | 'first-row'
  | 'last-row';

/** Which blocks may come without their rows, and what is to be known of them. Stays in its process. */
export interface BlockRequest {
  /** As ScanSpec.fields. */
  readonly needs: readonly ReadonlySet<BlockNeed>[];
  /** Whether rows of these two times, and so all between them, go into one group. */
  isOneGroup(minOffset: number, maxOffset: number): boolean;
}

/** One field of some blocks, a slot a block. Only what was asked for is there; the others are empty. */
export interface BlockColumn {
  /** How many rows have a value. Where none has one, the numbers below mean nothing. */
  readonly counts: Float64Array;
  readonly mins: Float64Array;
  readonly maxs: Float64Array;
  /** Of integers exact; of floats the nearest double but for the last bits. */
  readonly sums: Float64Array;
  readonly firsts: Float64Array;
  readonly lasts: Float64Array;
  /** 1: the block's first row has a value, and it is the one in `firsts`. */
  readonly firstPresent: Uint8Array;
  readonly lastPresent: Uint8Array;
}

/**
 * Blocks of ONE series, ascending by time, each as if all its rows had been given: no other row of the series
 * lies in its time, none of its rows is deleted or outside of the range.
 */
export interface BlockChunk {
  readonly series: SeriesId;
  readonly blockCount: number;
  readonly rowCounts: Float64Array;
  /** Times of the first and of the last row. */
  readonly minOffsets: Float64Array;
  readonly maxOffsets: Float64Array;
  /** As ScanSpec.fields. */
  readonly columns: readonly BlockColumn[];
}

export interface BlockScan {
  /** As that of TableScan; chunks of both kinds of a series come in time order. */
  next(): Promise<readonly (SeriesChunk | BlockChunk)[] | undefined>;
}

export interface TableScan {
  /**
   * The same rows, of which whole blocks may come as what their statistics say of them: those of which all that
   * is needed is known exactly. Called before `next`, in whose place that of the answer then is. Absent where
   * there are no blocks.
   */
  withBlocks?(request: BlockRequest): BlockScan;
  /**
   * The next chunks, some thousand rows together, series by series (all chunks of a series follow
   * each other, in time order); undefined at the end. A row is given also when none of the asked
   * fields has a value in it.
   */
  next(): Promise<readonly SeriesChunk[] | undefined>;
  /** A tag's value, or undefined where the series does not have it. */
  tagValue(series: SeriesId, column: ColumnId): string | undefined;
  /** The canonical key's bytes, for ties. */
  seriesKey(series: SeriesId): Uint8Array;
  /** Releases what the scan pins. Idempotent; needed also after an error or the end. */
  close(): void;
}
