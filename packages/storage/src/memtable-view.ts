// One table of a memtable at the moment of a pin: rows of a series in time order, duplicates of one
// time folded into one row, field by field, the later position winning.

import {assert, type ColumnId, type SeriesId} from '@flotilla/base';
import type {ChunkColumn, FieldType} from '@flotilla/column';
import {ABSENT, presence} from './column-gather.ts';
import type {ArrivedRows, MemtableTable} from './memtable.ts';
import type {MemtableColumnView} from './memtable-column.ts';
import {beginOf, doubleAt} from './pages.ts';
import type {RowList, RowPlace} from './row-lists.ts';
import type {SeriesRows} from './series-rows.ts';
import {STEP_ROWS, sortByTime} from './time-order.ts';
import type {Mask} from './tombstone.ts';
import {gatherDoubles} from './value-pages.ts';

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
  readonly offsets: readonly Float64Array[];
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
    const ordering = this.#order(series, choice);
    for (;;) {
      const step = ordering.next();
      if (!step.done) continue;
      return step.value && this.#gather(fields, step.value);
    }
  }

  /**
   * The same rows in pieces of at most `pieceRows`, each gathered when it is asked for. Undefined:
   * STEP_ROWS or so were looked at, there is more to do.
   */
  *piecesOf(
    series: SeriesId,
    fields: readonly Field[],
    choice: RowChoice,
    pieceRows: number,
  ): Generator<SeriesRows | undefined> {
    const ordered = yield* this.#order(series, choice);
    if (ordered === undefined) return;
    for (let from = 0; from < ordered.rowCount; from += pieceRows)
      yield this.#gather(fields, sliceOrder(ordered, from, from + pieceRows));
  }

  /** See `MemtableTable.copyOrdered`. */
  copyOrdered(series: SeriesId, limit: number, place: RowPlace): number {
    const {table, rowCount} = this.#parts;
    return table.copyOrdered(series, rowCount, limit, place);
  }

  /** Of the strings of all columns; 1 at least. */
  textBytesPerRow(): number {
    let bytes = 0;
    for (const {type, values} of this.#parts.columns.values())
      if (type === 'string') bytes += values.bytes;
    return Math.max(1, bytes / this.#parts.rowCount);
  }

  /** The rows of these numbers: of several series, of each by time. */
  gather(fields: readonly Field[], rows: Int32Array): SeriesRows {
    return this.#gather(fields, {rows, ends: undefined, rowCount: rows.length});
  }

  /** The series' chosen rows by time. Yields after each STEP_ROWS or so. */
  *#order(series: SeriesId, choice: RowChoice): Generator<undefined, OrderedRows | undefined> {
    const {table, rowCount, offsets} = this.#parts;
    const arrived = table.rowsOf(series, rowCount);
    if (arrived === undefined) return undefined;
    const rows = yield* collect(arrived, offsets, choice);
    if (rows.length === 0) return undefined;
    if (arrived.isOrdered) return {rows, ends: undefined, rowCount: rows.length};
    return yield* orderRows(rows, offsets);
  }

  #gather(fields: readonly Field[], ordered: OrderedRows): SeriesRows {
    return {
      rowCount: ordered.rowCount,
      offsets: pickOffsets(ordered, this.#parts.offsets),
      columns: fields.map((field) => this.#column(field, ordered)),
    };
  }

  #column(field: Field, ordered: OrderedRows): ChunkColumn | undefined {
    const view = this.#parts.columns.get(field.column);
    if (view === undefined) return undefined;
    assert(view.type === field.type, () => `column is ${view.type}, asked as ${field.type}`);
    const {rowCount} = ordered;
    if (view.denseCount === this.#parts.rowCount && ordered.ends === undefined)
      return {values: view.values.gather(ordered.rows, rowCount)};
    const pick = new Int32Array(rowCount);
    const absentCount = pickValues(view, ordered, pick);
    if (absentCount === rowCount) return undefined;
    const values = view.values.gather(pick, rowCount);
    return absentCount === 0 ? {values} : {values, present: presence(pick, rowCount)};
  }
}

/** The chosen ones, in order of arrival. */
function* collect(
  {rows: list, isOrdered, lateBy}: ArrivedRows,
  offsets: readonly Float64Array[],
  choice: RowChoice,
): Generator<undefined, Int32Array> {
  const {startOffset, endOffset, masks} = choice;
  // Where time ascends, the range is a run of rows, and where some are a little late it lies in one not much
  // longer: the times of the others are not looked at.
  const first = lowerBound(list, offsets, startOffset - lateBy);
  const last = lowerBound(list, offsets, endOffset + lateBy);
  const isRun = isOrdered && masks.length === 0;
  const rows = new Int32Array(Math.max(0, last - first));
  let count = 0;
  for (let from = first; from < last; from += STEP_ROWS) {
    if (from > first) yield;
    const to = Math.min(last, from + STEP_ROWS);
    const copied = rows.subarray(count, count + to - from);
    list.copy(from, to, copied);
    count += isRun ? copied.length : keepChosen(copied, offsets, choice);
  }
  return rows.subarray(0, count);
}

/** Moves the chosen rows to the front. Returns how many they are. */
function keepChosen(
  rows: Int32Array,
  offsets: readonly Float64Array[],
  {startOffset, endOffset, masks}: RowChoice,
): number {
  let count = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    const offset = doubleAt(offsets, row);
    if (offset < startOffset || offset >= endOffset) continue;
    if (masks.length > 0 && isMasked(row, offset, masks)) continue;
    rows[count++] = row;
  }
  return count;
}

/**
 * Where rows of `offset` would stand in time order. Where rows are late by up to `lateBy`, all before it are
 * earlier than `offset + lateBy`, and none from it on is earlier than `offset - lateBy`: a row that is looked
 * at bounds the latest of those before it, and so all behind it.
 */
function lowerBound(list: RowList, offsets: readonly Float64Array[], offset: number): number {
  let low = 0;
  let high = list.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (doubleAt(offsets, list.at(middle)) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isMasked(row: number, offset: number, masks: readonly Mask[]): boolean {
  for (const {tombstone, rowEnd} of masks)
    if (row < rowEnd && offset >= tombstone.startOffset && offset < tombstone.endOffset)
      return true;
  return false;
}

/** Sorts them. Requires rows in order of arrival: of one time, the last one came last. */
function* orderRows(
  rows: Int32Array,
  offsets: readonly Float64Array[],
): Generator<undefined, OrderedRows> {
  const times = gatherDoubles(offsets, rows, rows.length);
  yield* sortByTime({rows, offsets: times});
  yield;
  const ends = new Int32Array(rows.length);
  let rowCount = 0;
  for (let i = 0; i < rows.length; i++)
    if (i + 1 === rows.length || times[i] !== times[i + 1]) ends[rowCount++] = i + 1;
  return {rows, ends: rowCount === rows.length ? undefined : ends, rowCount};
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

function pickOffsets(
  {rows, ends, rowCount}: OrderedRows,
  offsets: readonly Float64Array[],
): Float64Array {
  if (ends === undefined) return gatherDoubles(offsets, rows, rowCount);
  const out = new Float64Array(rowCount);
  for (let i = 0; i < rowCount; i++) out[i] = doubleAt(offsets, rows[ends[i]! - 1]!);
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
  readonly #denseCount: number;
  /** Of values behind the dense ones, from 0. */
  readonly #rows: readonly Int32Array[];
  readonly #count: number;
  #page = 0;
  /** Rows of the page: [#firstRow, #endRow). */
  #firstRow = 0;
  #endRow = 0;
  /** In the page. */
  #hint = 0;

  constructor({count, denseCount, rows}: MemtableColumnView) {
    this.#denseCount = denseCount;
    this.#rows = rows;
    this.#count = count - denseCount;
  }

  find(row: number): number {
    if (row < this.#denseCount) return row;
    if (this.#count === 0) return -1;
    if (row < this.#firstRow || row >= this.#endRow) this.#turnTo(row);
    const rows = this.#rows[this.#page]!;
    const begin = beginOf(this.#page);
    const count = Math.min(rows.length, this.#count - begin);
    let low = this.#hint < count && rows[this.#hint]! <= row ? this.#hint : 0;
    let high = count;
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
    return low < count && rows[low] === row ? this.#denseCount + begin + low : -1;
  }

  /** The last page that does not begin behind the row, or else the first. */
  #turnTo(row: number): void {
    const rows = this.#rows;
    let page = 0;
    while (beginOf(page + 1) < this.#count && rows[page + 1]![0]! <= row) page += 1;
    const isLast = beginOf(page + 1) >= this.#count;
    this.#page = page;
    this.#firstRow = page === 0 ? 0 : rows[page]![0]!;
    this.#endRow = isLast ? Number.POSITIVE_INFINITY : rows[page + 1]![0]!;
    this.#hint = 0;
  }
}
