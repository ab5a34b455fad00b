// What every ingest protocol makes of a body: rows by table, columns by name, nothing resolved yet.
// Router turns names into ids (packages/router); this is the only shape it knows.

import type {ColumnValues} from './column-values.ts';

/**
 * One tag set of one table as a protocol wrote it. The same object is handed out again for the same
 * text while it stays in the parser's cache, so that whatever was resolved for it once is found
 * without a hash of its bytes.
 */
export class ParsedSeries {
  readonly table: string;
  /** Ascending by name (UTF-8 bytes); no duplicates; no empty values. */
  readonly tagNames: readonly string[];
  readonly tagValues: readonly string[];
  /** Router's slot: what the names resolved to, or undefined. Ingest never reads it. */
  resolution: unknown = undefined;
  constructor(table: string, tagNames: readonly string[], tagValues: readonly string[]) {
    this.table = table;
    this.tagNames = tagNames;
    this.tagValues = tagValues;
  }
}

/**
 * Values of one field of one table, all written with one literal type. A field written as `1i` in
 * one line and `1.0` in another has two of these. Value i belongs to row rows[i]; rows ascend.
 */
export interface ParsedField {
  readonly name: string;
  readonly count: number;
  readonly rows: Int32Array;
  readonly values: ColumnValues;
}

export interface ParsedTable {
  readonly table: string;
  readonly rowCount: number;
  /** The series of this table in this batch, in order of first appearance. */
  readonly series: readonly ParsedSeries[];
  /** Row -> index into `series`. */
  readonly seriesOfRow: Int32Array;
  /** Row time = timesMs * 1e6 + timesNs nanoseconds since the epoch; 0 <= timesNs < 1e6. Exact. */
  readonly timesMs: Float64Array;
  readonly timesNs: Int32Array;
  /** Physical line number, from 1, of the row's first byte. */
  readonly lines: Uint32Array;
  readonly fields: readonly ParsedField[];
}

export interface BadLine {
  readonly line: number;
  /** A code of base's ERRORS: LINE_SYNTAX, LINE_TOO_LONG, TIME_OUT_OF_RANGE, ... */
  readonly code: string;
  readonly reason: string;
  /** The first 200 characters of the line. */
  readonly text: string;
}

export interface ParsedBatch {
  readonly tables: readonly ParsedTable[];
  readonly rowCount: number;
  /** By line number: the first LIMITS.rejected_lines_listed bad lines, and the first of each other code. */
  readonly badLines: readonly BadLine[];
  readonly badLineCount: number;
}
