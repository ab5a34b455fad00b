// Rows of one series in time order, and the one rule by which two sources of them become one: the
// newer source (in log order) wins per field, and an absent field is not a write.

import type {ChunkColumn} from '@flotilla/column';
import {concatColumn, copyRows} from './column-concat.ts';
import {ABSENT, gatherColumn, sliceColumn} from './column-gather.ts';

/** Offsets strictly ascend; arrays may be longer than `rowCount`. Columns as the reader asked them. */
export interface SeriesRows {
  readonly rowCount: number;
  readonly offsets: Float64Array;
  readonly columns: readonly (ChunkColumn | undefined)[];
}

/** Pieces whose strings are of so many bytes are as large as any: rows of numbers are a hundredth of it. */
export const TEXT_BYTES_MAX = 8 * 1024 * 1024;

/** Of the strings of rows [from, to), which alone may take any room. */
export function textBytes(
  {rowCount, columns}: Pick<SeriesRows, 'rowCount' | 'columns'>,
  from = 0,
  to = rowCount,
): number {
  if (from === to) return 0;
  let bytes = 0;
  for (const column of columns) {
    if (column?.values.type !== 'string') continue;
    const {ends} = column.values;
    bytes += ends[to - 1]! - (from === 0 ? 0 : ends[from - 1]!);
  }
  return bytes;
}

/** First row whose offset is at least `offset`. */
export function lowerBound(offsets: Float64Array, count: number, offset: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (offsets[middle]! < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function sliceRows(rows: SeriesRows, from: number, to: number): SeriesRows {
  if (from === 0 && to === rows.rowCount) return rows;
  return {
    rowCount: to - from,
    offsets: rows.offsets.subarray(from, to),
    columns: rows.columns.map((column) => column && sliceColumn(column, from, to)),
  };
}

/** Rows with start <= offset < end. */
export function clipRows(rows: SeriesRows, start: number, end: number): SeriesRows {
  const from = lowerBound(rows.offsets, rows.rowCount, start);
  const to = lowerBound(rows.offsets, rows.rowCount, end);
  return sliceRows(rows, from, Math.max(from, to));
}

/** Without the rows inside any of the ranges [startOffset, endOffset). */
export function hideRows(
  rows: SeriesRows,
  ranges: readonly {readonly startOffset: number; readonly endOffset: number}[],
): SeriesRows {
  let kept = rows;
  for (const {startOffset, endOffset} of ranges) {
    const from = lowerBound(kept.offsets, kept.rowCount, startOffset);
    const to = lowerBound(kept.offsets, kept.rowCount, endOffset);
    if (from < to) kept = mergeRows(sliceRows(kept, 0, from), sliceRows(kept, to, kept.rowCount));
  }
  return kept;
}

/** Both sources in one. Requires the same columns in both. */
export function mergeRows(older: SeriesRows, newer: SeriesRows): SeriesRows {
  if (older.rowCount === 0) return newer;
  if (newer.rowCount === 0) return older;
  const merged = mergeOffsets(older, newer);
  const columns = older.columns.map((column, i) => mergeColumn(column, newer.columns[i], merged));
  return {rowCount: merged.rowCount, offsets: merged.offsets, columns};
}

/** Rows [from, to) of some. */
export interface RowPiece {
  readonly rows: SeriesRows;
  readonly from: number;
  to: number;
}

/** Puts a piece behind others, or to the last of them where it goes on with it. */
export function addPiece(pieces: RowPiece[], rows: SeriesRows, from: number, to: number): void {
  const last = pieces.at(-1);
  if (last?.rows === rows && last.to === from) last.to = to;
  else pieces.push({rows, from, to});
}

/** Pieces of one source, each later than the one before, as one. Requires at least one. */
export function concatRows(pieces: readonly SeriesRows[]): SeriesRows {
  if (pieces.length === 1) return pieces[0]!;
  return joinPieces(pieces.map((rows) => ({rows, from: 0, to: rows.rowCount})));
}

/** Rows of one series or of several, one piece behind the other. Requires at least one, of the same columns all. */
export function joinPieces(pieces: readonly RowPiece[]): SeriesRows {
  const rowCount = pieces.reduce((sum, {from, to}) => sum + to - from, 0);
  const offsets = new Float64Array(rowCount);
  let at = 0;
  for (const piece of pieces) {
    copyRows(piece.rows.offsets, piece, offsets, at);
    at += piece.to - piece.from;
  }
  const columns = pieces[0]!.rows.columns.map((_, field) => concatColumn(pieces, field));
  return {rowCount, offsets, columns};
}

interface MergedOffsets {
  readonly rowCount: number;
  readonly offsets: Float64Array;
  /** Row of each source, -1 where it has none of that time. */
  readonly olderRow: Int32Array;
  readonly newerRow: Int32Array;
}

function mergeOffsets(older: SeriesRows, newer: SeriesRows): MergedOffsets {
  const capacity = older.rowCount + newer.rowCount;
  const offsets = new Float64Array(capacity);
  const olderRow = new Int32Array(capacity).fill(-1);
  const newerRow = new Int32Array(capacity).fill(-1);
  let o = 0;
  let n = 0;
  let rowCount = 0;
  while (o < older.rowCount || n < newer.rowCount) {
    const left = o < older.rowCount ? older.offsets[o]! : Number.POSITIVE_INFINITY;
    const right = n < newer.rowCount ? newer.offsets[n]! : Number.POSITIVE_INFINITY;
    offsets[rowCount] = Math.min(left, right);
    if (left <= right) olderRow[rowCount] = o++;
    if (right <= left) newerRow[rowCount] = n++;
    rowCount += 1;
  }
  return {rowCount, offsets, olderRow, newerRow};
}

function mergeColumn(
  older: ChunkColumn | undefined,
  newer: ChunkColumn | undefined,
  merged: MergedOffsets,
): ChunkColumn | undefined {
  const any = newer ?? older;
  if (any === undefined) return undefined;
  const {rowCount} = merged;
  const pick = new Int32Array(rowCount);
  let absentCount = 0;
  for (let i = 0; i < rowCount; i++) {
    const n = merged.newerRow[i]!;
    const o = merged.olderRow[i]!;
    if (n >= 0 && has(newer, n)) pick[i] = n;
    else if (o >= 0 && has(older, o)) pick[i] = ~o;
    else {
      pick[i] = ABSENT;
      absentCount += 1;
    }
  }
  return gatherColumn((newer ?? any).values, (older ?? any).values, pick, rowCount, absentCount);
}

function has(column: ChunkColumn | undefined, row: number): boolean {
  return column !== undefined && (column.present === undefined || column.present[row] === 1);
}
