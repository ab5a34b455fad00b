// One table of a memtable at the moment of a pin: rows of a series in time order, duplicates of one
// time folded into one row, field by field, the later position winning.

import {assert, type ColumnId, type SeriesId} from '@flotilla/base';
import type {ChunkColumn, FieldType} from '@flotilla/column';
import {ABSENT, gatherColumn} from './column-gather.ts';
import {withCapacity} from './growable.ts';
import type {MemtableTable} from './memtable.ts';
import type {MemtableColumnView} from './memtable-column.ts';
import type {SeriesRows} from './series-rows.ts';
import type {Mask} from './tombstone.ts';

export interface Field {
  readonly column: ColumnId;
  readonly type: FieldType;
}

export interface RowRange {
  /** [startOffset, endOffset) */
  readonly startOffset: number;
  readonly endOffset: number;
}

/** Which rows of a series are wanted. */
export interface RowChoice extends RowRange {
  /** What hides rows of the series here. */
  readonly masks: readonly Mask[];
}

interface ViewParts {
  readonly table: MemtableTable;
  readonly rowCount: number;
  readonly offsets: Float64Array;
  readonly previous: Int32Array;
  readonly columns: ReadonlyMap<ColumnId, MemtableColumnView>;
}

/** Row numbers by time; `ends[i]` closes the rows of output row i when some time occurs twice. */
interface OrderedRows {
  readonly rows: Int32Array;
  readonly ends: Int32Array | undefined;
  readonly rowCount: number;
}

export class MemtableView {
  readonly #parts: ViewParts;

  constructor(parts: ViewParts) {
    this.#parts = parts;
  }

  rowsOf(series: SeriesId, fields: readonly Field[], choice: RowChoice): SeriesRows | undefined {
    const ordered = this.#order(series, choice);
    return ordered && this.#gather(fields, ordered);
  }

  /** The same rows in pieces of at most `pieceRows`, each gathered when it is asked for. */
  *piecesOf(
    series: SeriesId,
    fields: readonly Field[],
    choice: RowChoice,
    pieceRows: number,
  ): Generator<SeriesRows> {
    const ordered = this.#order(series, choice);
    if (ordered === undefined) return;
    for (let from = 0; from < ordered.rowCount; from += pieceRows)
      yield this.#gather(fields, sliceOrder(ordered, from, from + pieceRows));
  }

  #order(series: SeriesId, choice: RowChoice): OrderedRows | undefined {
    const chain = this.#collect(series, choice);
    if (chain === undefined) return undefined;
    return chain.ordered
      ? {rows: chain.rows, ends: undefined, rowCount: chain.rows.length}
      : orderRows(chain.rows, this.#parts.offsets);
  }

  #gather(fields: readonly Field[], ordered: OrderedRows): SeriesRows {
    return {
      rowCount: ordered.rowCount,
      offsets: pickOffsets(ordered, this.#parts.offsets),
      columns: fields.map((field) => this.#column(field, ordered)),
    };
  }

  /** The series' chosen rows, in order of arrival. */
  #collect(series: SeriesId, choice: RowChoice): {rows: Int32Array; ordered: boolean} | undefined {
    const {startOffset, endOffset, masks} = choice;
    const {table, rowCount, offsets, previous} = this.#parts;
    const last = table.lastRowOf(series);
    if (last === undefined) return undefined;
    let row = last.row;
    // Rows that came after the pin stand first in the chain.
    while (row >= rowCount) row = table.previousRow(row);
    let rows = new Int32Array(0);
    let count = 0;
    for (; row >= 0; row = previous[row]!) {
      const offset = offsets[row]!;
      if (offset < startOffset) {
        if (last.ordered) break;
        continue;
      }
      if (offset >= endOffset) continue;
      if (masks.length > 0 && isMasked(row, offset, masks)) continue;
      rows = withCapacity(rows, count + 1);
      rows[count++] = row;
    }
    if (count === 0) return undefined;
    return {rows: rows.subarray(0, count).reverse(), ordered: last.ordered};
  }

  #column(field: Field, ordered: OrderedRows): ChunkColumn | undefined {
    const view = this.#parts.columns.get(field.column);
    if (view === undefined) return undefined;
    assert(view.type === field.type, () => `column is ${view.type}, asked as ${field.type}`);
    const {values} = view;
    const isFull = view.rows === undefined && view.count === this.#parts.rowCount;
    if (isFull && ordered.ends === undefined)
      return gatherColumn(values, values, ordered.rows, ordered.rowCount, 0);
    const pick = new Int32Array(ordered.rowCount);
    const absentCount = pickValues(view, ordered, pick);
    return gatherColumn(values, values, pick, ordered.rowCount, absentCount);
  }
}

function isMasked(row: number, offset: number, masks: readonly Mask[]): boolean {
  for (const {tombstone, rowEnd} of masks)
    if (row < rowEnd && offset >= tombstone.startOffset && offset < tombstone.endOffset)
      return true;
  return false;
}

function orderRows(rows: Int32Array, offsets: Float64Array): OrderedRows {
  // Ties by row number: position is log order.
  const sorted = rows.slice().sort((a, b) => offsets[a]! - offsets[b]! || a - b);
  const ends = new Int32Array(sorted.length);
  let rowCount = 0;
  for (let i = 0; i < sorted.length; i++) {
    const isLastOfTime = i + 1 === sorted.length || offsets[sorted[i]!] !== offsets[sorted[i + 1]!];
    if (isLastOfTime) ends[rowCount++] = i + 1;
  }
  return {rows: sorted, ends: rowCount === sorted.length ? undefined : ends, rowCount};
}

/** Output rows [from, to), to at most the last. */
function sliceOrder({rows, ends, rowCount}: OrderedRows, from: number, to: number): OrderedRows {
  const end = Math.min(to, rowCount);
  if (ends === undefined)
    return {rows: rows.subarray(from, end), ends: undefined, rowCount: end - from};
  const start = from === 0 ? 0 : ends[from - 1]!;
  return {
    rows: rows.subarray(start, ends[end - 1]!),
    ends: ends.slice(from, end).map((each) => each - start),
    rowCount: end - from,
  };
}

function pickOffsets({rows, ends, rowCount}: OrderedRows, offsets: Float64Array): Float64Array {
  const out = new Float64Array(rowCount);
  for (let i = 0; i < rowCount; i++) {
    const position = ends === undefined ? i : ends[i]! - 1;
    out[i] = offsets[rows[position]!]!;
  }
  return out;
}

/** For each output row the latest of its rows that has a value. Returns how many have none. */
function pickValues(view: MemtableColumnView, ordered: OrderedRows, pick: Int32Array): number {
  const {rows, ends, rowCount} = ordered;
  const finder = new ValueFinder(view);
  let absentCount = 0;
  let start = 0;
  for (let i = 0; i < rowCount; i++) {
    const end = ends === undefined ? i + 1 : ends[i]!;
    let found = -1;
    for (let position = end - 1; position >= start && found < 0; position--)
      found = finder.find(rows[position]!);
    pick[i] = found < 0 ? ABSENT : found;
    if (found < 0) absentCount += 1;
    start = end;
  }
  return absentCount;
}

/** Position of a row's value in a column. Rows of a series mostly ascend, so it starts where it was. */
class ValueFinder {
  readonly #count: number;
  readonly #rows: Int32Array | undefined;
  #hint = 0;

  constructor(view: MemtableColumnView) {
    this.#count = view.count;
    this.#rows = view.rows;
  }

  find(row: number): number {
    const rows = this.#rows;
    if (rows === undefined) return row < this.#count ? row : -1;
    let low = this.#hint < this.#count && rows[this.#hint]! <= row ? this.#hint : 0;
    let high = this.#count;
    for (let step = 1; low + step < high; step *= 2) {
      if (rows[low + step]! > row) high = low + step;
      else low += step;
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (rows[middle]! < row) low = middle + 1;
      else high = middle;
    }
    this.#hint = low;
    return low < this.#count && rows[low] === row ? low : -1;
  }
}
