// Values of one field and one literal type, gathered row by row. While every row so far has one, no
// row numbers are kept: most fields of most bodies stay that way.

import {assert} from '@flotilla/base';
import type {ColumnValues, ParsedField} from '@flotilla/column';
import type {NumberType} from './number-literal.ts';

const CAPACITY_MIN = 16;

/** What the columns of all types share: how many values, and in which rows. */
abstract class FieldColumn {
  readonly name: string;
  count = 0;
  /** Undefined while value i belongs to row i. */
  protected rows: Int32Array | undefined = undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** Takes back the last value. */
  pop(): void {
    assert(this.count > 0, 'no value to take back');
    this.count--;
  }

  /** @param everyRow  0, 1, 2, .. for at least `count` rows; shared, never written */
  finish(everyRow: Int32Array): ParsedField {
    const rows = this.rows ?? everyRow;
    return {name: this.name, count: this.count, rows, values: this.values()};
  }

  protected abstract values(): ColumnValues;

  /** Notes the row of the value that is about to be added. Requires room in the value's own array. */
  protected addRow(row: number, capacity: number): void {
    const {count} = this;
    if (this.rows === undefined) {
      if (row === count) return;
      this.rows = new Int32Array(capacity);
      for (let i = 0; i < count; i++) this.rows[i] = i;
    } else if (this.rows.length < capacity) {
      this.rows = growInt32(this.rows, capacity);
    }
    this.rows[count] = row;
  }
}

export class NumberColumn extends FieldColumn {
  readonly type: NumberType;
  #doubles: Float64Array<ArrayBuffer>;
  /** Once one value is outside ±(2^53 - 1), all of them, exact. */
  #wide: bigint[] | undefined = undefined;

  constructor(name: string, type: NumberType, capacity: number) {
    super(name);
    this.type = type;
    this.#doubles = new Float64Array(Math.max(capacity, CAPACITY_MIN));
  }

  add(row: number, value: number, wide: bigint | undefined): void {
    const {count} = this;
    if (count === this.#doubles.length) {
      const grown = new Float64Array(count * 2);
      grown.set(this.#doubles);
      this.#doubles = grown;
    }
    this.addRow(row, this.#doubles.length);
    this.#doubles[count] = value;
    this.count = count + 1;
    if (wide !== undefined || this.#wide !== undefined) this.#addWide(count, value, wide);
  }

  #addWide(index: number, value: number, wide: bigint | undefined): void {
    this.#wide ??= Array.from(this.#doubles.subarray(0, index), BigInt);
    this.#wide[index] = wide ?? BigInt(value);
  }

  protected values(): ColumnValues {
    const values = this.#doubles;
    // A bad line may have taken back the only wide value.
    const wide = this.#wide?.slice(0, this.count);
    if (wide?.every((exact) => Number.isSafeInteger(Number(exact))) ?? true) {
      return {type: this.type, values};
    }
    if (this.type === 'integer') return {type: 'integer', values, wide: BigInt64Array.from(wide!)};
    return {type: 'unsigned', values, wide: BigUint64Array.from(wide!)};
  }
}

export class BooleanColumn extends FieldColumn {
  #flags: Uint8Array<ArrayBuffer>;

  constructor(name: string, capacity: number) {
    super(name);
    this.#flags = new Uint8Array(Math.max(capacity, CAPACITY_MIN));
  }

  add(row: number, value: boolean): void {
    const {count} = this;
    if (count === this.#flags.length) this.#flags = growBytes(this.#flags, count * 2);
    this.addRow(row, this.#flags.length);
    this.#flags[count] = value ? 1 : 0;
    this.count = count + 1;
  }

  protected values(): ColumnValues {
    return {type: 'boolean', values: this.#flags};
  }
}

export class TextColumn extends FieldColumn {
  #ends: Uint32Array<ArrayBuffer>;
  #bytes = new Uint8Array(256);

  constructor(name: string, capacity: number) {
    super(name);
    this.#ends = new Uint32Array(Math.max(capacity, CAPACITY_MIN));
  }

  add(row: number, text: Uint8Array): void {
    const {count} = this;
    if (count === this.#ends.length) {
      const grown = new Uint32Array(count * 2);
      grown.set(this.#ends);
      this.#ends = grown;
    }
    this.addRow(row, this.#ends.length);
    const start = count === 0 ? 0 : this.#ends[count - 1]!;
    const end = start + text.length;
    if (end > this.#bytes.length) {
      this.#bytes = growBytes(this.#bytes, Math.max(end, this.#bytes.length * 2));
    }
    this.#bytes.set(text, start);
    this.#ends[count] = end;
    this.count = count + 1;
  }

  protected values(): ColumnValues {
    return {type: 'string', ends: this.#ends, bytes: this.#bytes};
  }
}

export type AnyColumn = NumberColumn | BooleanColumn | TextColumn;

function growBytes(bytes: Uint8Array, capacity: number): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(capacity);
  grown.set(bytes);
  return grown;
}

function growInt32(values: Int32Array, capacity: number): Int32Array {
  const grown = new Int32Array(capacity);
  grown.set(values);
  return grown;
}
