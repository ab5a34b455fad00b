// The values of one field as they gather for a body, from chunk to chunk, and the rows that they are of. While
// every row has one the rows are not noted.

import {assert} from '@flotilla/base';
import type {ByteWriter, ChunkColumn, ColumnValues, FieldType} from '@flotilla/column';
import {COLUMN_TYPES, EVERY_ROW, WIDE} from './column-body.ts';

const CAPACITY_MIN = 1024;
/** Integers beyond it have their exact value in `wide` alone. */
const EXACT_MAX = 2 ** 53;

type Wide = BigInt64Array | BigUint64Array;

export class ColumnRun {
  readonly name: string;
  readonly #type: FieldType;
  #count = 0;
  /** Undefined while value i is that of row i. */
  #rows: Int32Array | undefined;
  #numbers = new Float64Array(0);
  /** As soon as one value needs it: then it is exact for all. */
  #wide: Wide | undefined;
  #flags = new Uint8Array(0);
  #ends = new Uint32Array(0);
  #text = new Uint8Array(0);
  #textBytes = 0;

  constructor(name: string, type: FieldType) {
    this.name = name;
    this.#type = type;
  }

  get count(): number {
    return this.#count;
  }

  /** What the values take in a body, about. */
  get bytes(): number {
    return this.#count * 8 + this.#textBytes;
  }

  clear(): void {
    this.#count = 0;
    this.#rows = undefined;
    this.#wide = undefined;
    this.#textBytes = 0;
  }

  /**
   * Adds the values of a chunk's rows [start, end), which are the rows from `row` on here.
   * @param column  undefined: none of them has a value
   */
  add(column: ChunkColumn | undefined, start: number, end: number, row: number): void {
    if (column === undefined) return;
    this.#makeRoom(this.#count + end - start);
    const {values, present} = column;
    if (present === undefined) {
      if (row !== this.#count || this.#rows !== undefined) this.#note(row, end - start);
      this.#copy(values, start, end);
      return;
    }
    for (let from = nextIs(1, present, start, end); from < end; ) {
      const to = nextIs(0, present, from, end);
      const first = row + from - start;
      if (first !== this.#count || this.#rows !== undefined) this.#note(first, to - from);
      this.#copy(values, from, to);
      from = nextIs(1, present, to, end);
    }
  }

  /** @param rowCount of the body */
  write(writer: ByteWriter, rowCount: number): void {
    const isEvery = this.#rows === undefined && this.#count === rowCount;
    const wide = this.#needsWide() ? this.#wide : undefined;
    const type = COLUMN_TYPES.indexOf(this.#type);
    writer.u8(type + (isEvery ? EVERY_ROW : 0) + (wide === undefined ? 0 : WIDE));
    writer.varint(this.#count);
    if (!isEvery) writer.bytes(bytesOf(this.#rows ?? everyRow(this.#count), this.#count));
    if (this.#type === 'boolean') {
      writer.bytes(this.#flags.subarray(0, this.#count));
    } else if (this.#type === 'string') {
      writer.bytes(bytesOf(this.#ends, this.#count));
      writer.bytes(this.#text.subarray(0, this.#textBytes));
    } else {
      writer.bytes(bytesOf(wide ?? this.#numbers, this.#count));
    }
  }

  /** The next `count` values are of the rows from `first` on. */
  #note(first: number, count: number): void {
    if (this.#rows === undefined || this.#rows.length < this.#count + count) {
      const rows = new Int32Array(Math.max(this.#count + count, CAPACITY_MIN, this.#count * 2));
      if (this.#rows === undefined) for (let i = 0; i < this.#count; i++) rows[i] = i;
      else rows.set(this.#rows.subarray(0, this.#count));
      this.#rows = rows;
    }
    for (let i = 0; i < count; i++) this.#rows[this.#count + i] = first + i;
  }

  #copy(values: ColumnValues, start: number, end: number): void {
    assert(values.type === this.#type, () => `a chunk of ${values.type} in a ${this.#type} column`);
    switch (values.type) {
      case 'float':
        this.#numbers.set(values.values.subarray(start, end), this.#count);
        break;
      case 'integer':
      case 'unsigned':
        this.#copyIntegers(values, start, end);
        break;
      case 'boolean':
        this.#flags.set(values.values.subarray(start, end), this.#count);
        break;
      case 'string':
        this.#copyTexts(values, start, end);
    }
    this.#count += end - start;
  }

  #copyIntegers(
    {type, values, wide}: Extract<ColumnValues, {type: 'integer' | 'unsigned'}>,
    start: number,
    end: number,
  ): void {
    this.#numbers.set(values.subarray(start, end), this.#count);
    if (wide === undefined && this.#wide === undefined) return;
    if (this.#wide === undefined || this.#wide.length < this.#numbers.length) {
      const grown = type === 'integer' ? BigInt64Array : BigUint64Array;
      const had = this.#wide;
      this.#wide = new grown(this.#numbers.length);
      for (let i = 0; i < this.#count; i++)
        this.#wide[i] = had === undefined ? BigInt(this.#numbers[i]!) : had[i]!;
    }
    for (let i = start; i < end; i++)
      this.#wide[this.#count + i - start] = wide?.[i] ?? BigInt(values[i]!);
  }

  #copyTexts({ends, bytes}: Extract<ColumnValues, {type: 'string'}>, start: number, end: number) {
    const first = start === 0 ? 0 : ends[start - 1]!;
    const length = ends[end - 1]! - first;
    if (this.#text.length < this.#textBytes + length) {
      const grown = new Uint8Array(Math.max(this.#textBytes + length, this.#text.length * 2));
      grown.set(this.#text.subarray(0, this.#textBytes));
      this.#text = grown;
    }
    this.#text.set(bytes.subarray(first, first + length), this.#textBytes);
    for (let i = start; i < end; i++)
      this.#ends[this.#count + i - start] = this.#textBytes + ends[i]! - first;
    this.#textBytes += length;
  }

  #makeRoom(count: number): void {
    const capacity = Math.max(count, CAPACITY_MIN, this.#count * 2);
    if (this.#type === 'boolean') {
      if (this.#flags.length >= count) return;
      const grown = new Uint8Array(capacity);
      grown.set(this.#flags.subarray(0, this.#count));
      this.#flags = grown;
    } else if (this.#type === 'string') {
      if (this.#ends.length >= count) return;
      const grown = new Uint32Array(capacity);
      grown.set(this.#ends.subarray(0, this.#count));
      this.#ends = grown;
    } else if (this.#numbers.length < count) {
      const grown = new Float64Array(capacity);
      grown.set(this.#numbers.subarray(0, this.#count));
      this.#numbers = grown;
    }
  }

  /** What made it wide may have been left out: a slot without a value holds anything. */
  #needsWide(): boolean {
    if (this.#wide === undefined) return false;
    for (let i = 0; i < this.#count; i++) if (Math.abs(this.#numbers[i]!) >= EXACT_MAX) return true;
    return false;
  }
}

/** Where the next row stands whose flag is so; `end` where there is none. */
function nextIs(flag: 0 | 1, flags: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && flags[at] !== flag) at++;
  return at;
}

function everyRow(count: number): Int32Array {
  return Int32Array.from({length: count}, (_, row) => row);
}

function bytesOf(array: Float64Array | Int32Array | Uint32Array | Wide, count: number): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, count * array.BYTES_PER_ELEMENT);
}
