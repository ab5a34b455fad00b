// Rows of a memtable against a plain model: pages and chunks of many lengths, pins, late and double rows,
// sparse columns that begin anywhere, every type.

import type {ColumnId, SeriesId} from '@flotilla/base';
import type {ColumnValues} from '@flotilla/column';
import fc from 'fast-check';
import {expect, test, vi} from 'vitest';
import {MemtableTable} from './memtable.ts';
import type {MemtableView} from './memtable-view.ts';
import {RowList} from './row-lists.ts';
import type {SeriesRows} from './series-rows.ts';

const ALL = {
  startOffset: Number.NEGATIVE_INFINITY,
  endOffset: Number.POSITIVE_INFINITY,
  masks: [],
};
const TYPES = ['float', 'integer', 'unsigned', 'boolean', 'string'] as const;
const FIELDS = TYPES.map((type, i) => ({column: (2 + i) as ColumnId, type}));
const SERIES = 3;

type Value = number | bigint | string;
type Model = Map<number, Map<number, (Value | undefined)[]>>;

const runs = fc.array(
  fc.record({
    rows: fc.oneof(fc.nat(20), fc.nat(6_000)),
    /** Of each 10 rows, so many have a value; by field. */
    tenths: fc.array(fc.constantFrom(0, 3, 10), {
      minLength: FIELDS.length,
      maxLength: FIELDS.length,
    }),
    late: fc.nat(30),
    isWide: fc.boolean(),
  }),
  {minLength: 1, maxLength: 6},
);

function valueAt(field: number, row: number, isWide: boolean): Value {
  switch (TYPES[field]!) {
    case 'float':
      return row / 4;
    case 'boolean':
      return row % 2;
    case 'string':
      return 'x'.repeat(row % 7) + row;
    default:
      return isWide ? 2n ** 60n + BigInt(row) : BigInt(row);
  }
}

function valuesOf(field: number, values: Value[], isWide: boolean): ColumnValues {
  const type = TYPES[field]!;
  if (type === 'float') return {type, values: Float64Array.from(values as number[])};
  if (type === 'boolean') return {type, values: Uint8Array.from(values as number[])};
  if (type === 'string') {
    let end = 0;
    const ends = Uint32Array.from(values as string[], (text) => {
      end += text.length;
      return end;
    });
    return {type, ends, bytes: Buffer.from(values.join(''))};
  }
  const doubles = Float64Array.from(values, Number);
  if (!isWide) return {type, values: doubles};
  return type === 'integer'
    ? {type, values: doubles, wide: BigInt64Array.from(values as bigint[])}
    : {type, values: doubles, wide: BigUint64Array.from(values as bigint[])};
}

function append(
  table: MemtableTable,
  model: Model,
  {
    rows: rowCount,
    tenths,
    late,
    isWide,
  }: {rows: number; tenths: number[]; late: number; isWide: boolean},
): void {
  const base = table.rowCount;
  const offsets = Float64Array.from({length: rowCount}, (_, i) => base + i - ((i * late) % 31));
  const seriesOfRow = Int32Array.from({length: rowCount}, (_, i) => (base + i) % SERIES);
  const columns = FIELDS.map(({column}, field) => {
    const rows = Int32Array.from(offsets.keys()).filter((row) => row % 10 < tenths[field]!);
    const numbers = Array.from(rows, (row) => valueAt(field, base + row, isWide));
    for (const [i, row] of rows.entries()) {
      const ofSeries = model.get(seriesOfRow[row]!) ?? new Map();
      model.set(seriesOfRow[row]!, ofSeries);
      const line = ofSeries.get(offsets[row]!) ?? new Array(FIELDS.length).fill(undefined);
      line[field] = numbers[i];
      ofSeries.set(offsets[row]!, line);
    }
    const isFull = rows.length === rowCount;
    const values = valuesOf(field, numbers, isWide);
    return {column, count: rows.length, rows: isFull ? undefined : rows, values};
  }).filter(({count}) => count > 0);
  for (const [row, offset] of offsets.entries()) {
    const ofSeries = model.get(seriesOfRow[row]!) ?? new Map();
    model.set(seriesOfRow[row]!, ofSeries);
    if (!ofSeries.has(offset)) ofSeries.set(offset, new Array(FIELDS.length).fill(undefined));
  }
  table.append({rowCount, series: Int32Array.of(0, 1, 2), seriesOfRow, offsets, columns});
}

function read(values: ColumnValues, row: number): Value {
  if (values.type === 'string') {
    const start = row === 0 ? 0 : values.ends[row - 1]!;
    return Buffer.from(values.bytes.subarray(start, values.ends[row])).toString();
  }
  if (values.type === 'float' || values.type === 'boolean') return values.values[row]!;
  return values.wide?.[row] ?? BigInt(values.values[row]!);
}

function linesOf({rowCount, offsets, columns}: SeriesRows): [number, (Value | undefined)[]][] {
  return Array.from({length: rowCount}, (_, row) => {
    const line = columns.map((column) =>
      column === undefined || column.present?.[row] === 0 ? undefined : read(column.values, row),
    );
    return [offsets[row]!, line];
  });
}

function expectModel(view: MemtableView, model: Model): void {
  for (const [series, rows] of model) {
    const wanted = [...rows].sort(([a], [b]) => a - b);
    const found = view.rowsOf(series as SeriesId, FIELDS, ALL);
    expect(found === undefined ? [] : linesOf(found)).toEqual(wanted);
    const pieces = [...view.piecesOf(series as SeriesId, FIELDS, ALL, 700)];
    expect(pieces.flatMap((piece) => (piece === undefined ? [] : linesOf(piece)))).toEqual(wanted);
    for (const [from, to] of [
      [0.5, 1],
      [0, 0.3],
      [0.4, 0.45],
    ] as const) {
      const startOffset = wanted[Math.floor(wanted.length * from)]?.[0] ?? 0;
      const endOffset = wanted[Math.floor(wanted.length * to)]?.[0] ?? Number.POSITIVE_INFINITY;
      const range = view.rowsOf(series as SeriesId, FIELDS, {...ALL, startOffset, endOffset});
      expect(range === undefined ? [] : linesOf(range)).toEqual(
        wanted.filter(([offset]) => offset >= startOffset && offset < endOffset),
      );
    }
  }
}

test('rows of a series are those that were appended, and a pin sees none that came later', () => {
  fc.assert(
    fc.property(runs, (given) => {
      const table = new MemtableTable();
      const model: Model = new Map();
      const half = given.length >>> 1;
      for (const run of given.slice(0, half)) append(table, model, run);
      const pinned = structuredClone(model);
      const pin = table.view();
      for (const run of given.slice(half)) append(table, model, run);
      expectModel(pin, pinned);
      expectModel(table.view(), model);
    }),
    {numRuns: 15},
  );
});

test('of rows that came a little late, a range looks at little more than it holds', () => {
  const table = new MemtableTable();
  const rowCount = 30_000;
  // Writers side by side: each row up to three behind the latest.
  const offsets = Float64Array.from({length: rowCount}, (_, i) => i - ((i * 7) % 4));
  const seriesOfRow = new Int32Array(rowCount);
  table.append({rowCount, series: Int32Array.of(0), seriesOfRow, offsets, columns: []});
  const copied = vi.spyOn(RowList.prototype, 'copy');
  const range = {...ALL, startOffset: 20_000, endOffset: 20_100};
  const found = table.view().rowsOf(0 as SeriesId, [], range)!;
  const looked = copied.mock.calls.reduce((sum, [from, to]) => sum + to - from, 0);
  copied.mockRestore();
  expect(found.offsets[0]).toBe(20_000);
  expect(found.rowCount).toBeGreaterThan(20);
  expect(looked).toBeLessThan(120);
});
