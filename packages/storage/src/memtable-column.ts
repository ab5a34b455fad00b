// One column of a memtable: values appended in arrival order beside the numbers of their rows. While
// the column has a value in every row from the first on, row number and position are the same and no
// row numbers are kept. Arrays only grow, so a view of them stays true while writes go on.

import {assert} from '@flotilla/base';
import type {ColumnValues, FieldType} from '@flotilla/column';
import {emptyValues} from './column-gather.ts';
import {withCapacity} from './growable.ts';

/** A column at the moment of a pin. */
export interface MemtableColumnView {
  readonly type: FieldType;
  readonly count: number;
  /** Ascending; undefined: value i belongs to row i. */
  readonly rows: Int32Array | undefined;
  readonly values: ColumnValues;
}

export class MemtableColumn {
  #count = 0;
  #rows: Int32Array | undefined;
  #values: ColumnValues;

  constructor(type: FieldType) {
    this.#values = emptyValues(type);
  }

  get type(): FieldType {
    return this.#values.type;
  }

  view(): MemtableColumnView {
    return {type: this.type, count: this.#count, rows: this.#rows, values: this.#values};
  }

  get bytes(): number {
    return (this.#rows?.byteLength ?? 0) + valuesBytes(this.#values);
  }

  /**
   * Appends `count` values.
   * @param rows  the run's row numbers, ascending; undefined: the run covers every row
   * @param base  added to each row number; not below any row that is already here
   */
  append(values: ColumnValues, rows: Int32Array | undefined, count: number, base: number): void {
    assert(values.type === this.type, () => `column is ${this.type}, the entry has ${values.type}`);
    this.#appendRows(rows, count, base);
    this.#values = appendValues(this.#values, this.#count, values, count);
    this.#count += count;
  }

  #appendRows(rows: Int32Array | undefined, count: number, base: number): void {
    if (this.#rows === undefined) {
      if (rows === undefined && base === this.#count) return;
      const dense = new Int32Array(this.#count + count);
      for (let i = 0; i < this.#count; i++) dense[i] = i;
      this.#rows = dense;
    }
    this.#rows = withCapacity(this.#rows, this.#count + count);
    const out = this.#rows;
    const start = this.#count;
    for (let i = 0; i < count; i++) out[start + i] = base + (rows === undefined ? i : rows[i]!);
  }
}

function valuesBytes(values: ColumnValues): number {
  if (values.type === 'string') return values.ends.byteLength + values.bytes.byteLength;
  const wide = 'wide' in values ? (values.wide?.byteLength ?? 0) : 0;
  return values.values.byteLength + wide;
}

/** `into` with `count` of `from` behind its first `start` values. */
function appendValues(
  into: ColumnValues,
  start: number,
  from: ColumnValues,
  count: number,
): ColumnValues {
  switch (into.type) {
    case 'float':
      return {type: 'float', values: appendDoubles(into.values, start, from, count)};
    case 'boolean': {
      const values = withCapacity(into.values, start + count);
      values.set((from as typeof into).values.subarray(0, count), start);
      return {type: 'boolean', values};
    }
    case 'integer': {
      const source = from as typeof into;
      const values = appendDoubles(into.values, start, from, count);
      if (into.wide === undefined && source.wide === undefined) return {type: 'integer', values};
      const wide = into.wide ?? BigInt64Array.from(into.values.subarray(0, start), BigInt);
      const grown = withCapacity(wide, values.length);
      appendWide(grown, start, source, count);
      return {type: 'integer', values, wide: grown};
    }
    case 'unsigned': {
      const source = from as typeof into;
      const values = appendDoubles(into.values, start, from, count);
      if (into.wide === undefined && source.wide === undefined) return {type: 'unsigned', values};
      const wide = into.wide ?? BigUint64Array.from(into.values.subarray(0, start), BigInt);
      const grown = withCapacity(wide, values.length);
      appendWide(grown, start, source, count);
      return {type: 'unsigned', values, wide: grown};
    }
    case 'string':
      return appendStrings(into, start, from as typeof into, count);
  }
}

function appendDoubles(
  into: Float64Array,
  start: number,
  from: ColumnValues,
  count: number,
): Float64Array {
  const values = withCapacity(into, start + count);
  values.set((from as {values: Float64Array}).values.subarray(0, count), start);
  return values;
}

function appendWide(
  into: BigInt64Array | BigUint64Array,
  start: number,
  from: {values: Float64Array; wide?: BigInt64Array | BigUint64Array | undefined},
  count: number,
): void {
  for (let i = 0; i < count; i++) into[start + i] = from.wide?.[i] ?? BigInt(from.values[i]!);
}

type Strings = Extract<ColumnValues, {type: 'string'}>;

function appendStrings(into: Strings, start: number, from: Strings, count: number): Strings {
  const ends = withCapacity(into.ends, start + count);
  const base = start === 0 ? 0 : ends[start - 1]!;
  const length = count === 0 ? 0 : from.ends[count - 1]!;
  for (let i = 0; i < count; i++) ends[start + i] = base + from.ends[i]!;
  const bytes = withCapacity(into.bytes, base + length);
  bytes.set(from.bytes.subarray(0, length), base);
  return {type: 'string', ends, bytes};
}
