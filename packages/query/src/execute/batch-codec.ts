// Rows or groups on their way from a replica to the coordinator, as columns:
//
//   version u8 (1) | rowCount u32 | columnCount u16 | column ..
//   column: type u8 | flags u8 (1 present follows, 2 constant, 4 wide)
//           [present: one byte a slot] | values
//   values: float f64; boolean u8; string: dictionary; integer, unsigned: width u8 (1, 2, 4 signed, 8 = f64,
//           9 = 64 bits wide) and that many bytes a slot; time: startMs f64, unitNs u32, then as integer
//   dictionary: textCount u32 | index width u8 (1, 2, 4) | texts (length u32, UTF-8) .. | index a slot
//
// Little-endian. A constant column has one slot, others rowCount.

import {Buffer} from 'node:buffer';
import {FatalError} from '@flotilla/base';
import type {ValueType} from '../plan/plan.ts';
import type {ExactVector, Vector} from './vector.ts';

export interface Batch {
  readonly rowCount: number;
  readonly columns: readonly Vector[];
}

const VERSION = 1;
const TYPES: readonly ValueType[] = ['float', 'integer', 'unsigned', 'boolean', 'string', 'time'];
const PRESENT = 1;
const CONSTANT = 2;
const WIDE = 4;
const WIDTH_DOUBLE = 8;
const WIDTH_WIDE = 9;

export function encodeBatch(batch: Batch): Uint8Array {
  const writer = new Writer();
  writer.u8(VERSION);
  writer.u32(batch.rowCount);
  writer.u16(batch.columns.length);
  for (const column of batch.columns) encodeColumn(writer, column, batch.rowCount);
  return writer.finish();
}

function encodeColumn(writer: Writer, vector: Vector, rowCount: number): void {
  const slots = vector.constant ? 1 : rowCount;
  const wide = 'wide' in vector && vector.wide !== undefined;
  writer.u8(TYPES.indexOf(vector.type));
  writer.u8(
    (vector.present === undefined ? 0 : PRESENT) |
      (vector.constant ? CONSTANT : 0) |
      (wide ? WIDE : 0),
  );
  if (vector.present !== undefined) writer.bytes(vector.present.subarray(0, slots));
  switch (vector.type) {
    case 'float':
      writer.array(vector.values.subarray(0, slots));
      return;
    case 'boolean':
      writer.bytes(vector.values.subarray(0, slots));
      return;
    case 'string':
      encodeTexts(writer, vector.values, slots);
      return;
    case 'time':
      writer.f64(vector.startMs);
      writer.u32(vector.unitNs);
      encodeNumbers(writer, vector, slots);
      return;
    default:
      encodeNumbers(writer, vector, slots);
  }
}

function encodeNumbers(writer: Writer, vector: ExactVector, slots: number): void {
  if (vector.wide !== undefined) {
    writer.u8(WIDTH_WIDE);
    writer.array(vector.wide.subarray(0, slots));
    return;
  }
  const values = vector.values.subarray(0, slots);
  let low = 0;
  let high = 0;
  for (let i = 0; i < slots; i++) {
    const value = values[i]!;
    // A slot without a value may hold NaN; it fits any width.
    if (value < low) low = value;
    else if (value > high) high = value;
  }
  const narrow = [Int8Array, Int16Array, Int32Array].find(({BYTES_PER_ELEMENT: bytes}) => {
    const bound = 2 ** (8 * bytes - 1);
    return low >= -bound && high < bound;
  });
  writer.u8(narrow?.BYTES_PER_ELEMENT ?? WIDTH_DOUBLE);
  writer.array(narrow === undefined ? values : narrow.from(values));
}

function encodeTexts(writer: Writer, texts: readonly string[], slots: number): void {
  const known = new Map<string, number>();
  const indexes = new Uint32Array(slots);
  let last = '';
  let lastIndex = -1;
  for (let i = 0; i < slots; i++) {
    const text = texts[i]!;
    if (lastIndex < 0 || text !== last) {
      lastIndex = known.get(text) ?? known.size;
      if (lastIndex === known.size) known.set(text, lastIndex);
      last = text;
    }
    indexes[i] = lastIndex;
  }
  const width = known.size <= 0x100 ? 1 : known.size <= 0x1_0000 ? 2 : 4;
  writer.u32(known.size);
  writer.u8(width);
  for (const text of known.keys()) writer.text(text);
  if (width === 1) writer.bytes(Uint8Array.from(indexes));
  else writer.array(width === 2 ? Uint16Array.from(indexes) : indexes);
}

/** Throws FatalError where the bytes are no batch: they crossed a checked connection. */
export function decodeBatch(bytes: Uint8Array): Batch {
  const reader = new Reader(bytes);
  const version = reader.u8();
  if (version !== VERSION) {
    throw new FatalError(`cannot decode query batch: want version ${VERSION}; have ${version}`);
  }
  const rowCount = reader.u32();
  const columnCount = reader.u16();
  const columns = Array.from({length: columnCount}, () => decodeColumn(reader, rowCount));
  return {rowCount, columns};
}

function decodeColumn(reader: Reader, rowCount: number): Vector {
  const code = reader.u8();
  const type = TYPES[code];
  if (type === undefined) throw new FatalError(`cannot decode query batch: column type ${code}`);
  const flags = reader.u8();
  const constant = (flags & CONSTANT) !== 0;
  const slots = constant ? 1 : rowCount;
  const present = (flags & PRESENT) === 0 ? undefined : reader.take(slots).slice();
  switch (type) {
    case 'float':
      return {type, constant, present, values: new Float64Array(reader.copy(slots * 8))};
    case 'boolean':
      return {type, constant, present, values: reader.take(slots).slice()};
    case 'string':
      return {type, constant, present, values: decodeTexts(reader, slots)};
    case 'time': {
      const startMs = reader.f64();
      const unitNs = reader.u32();
      return {type, constant, present, startMs, unitNs, ...decodeNumbers(reader, slots, type)};
    }
    default:
      return {type, constant, present, ...decodeNumbers(reader, slots, type)};
  }
}

function decodeNumbers(
  reader: Reader,
  slots: number,
  type: 'integer' | 'unsigned' | 'time',
): Pick<ExactVector, 'values' | 'wide'> {
  const width = reader.u8();
  if (width === WIDTH_WIDE) {
    const buffer = reader.copy(slots * 8);
    const wide = type === 'unsigned' ? new BigUint64Array(buffer) : new BigInt64Array(buffer);
    const values = new Float64Array(slots);
    for (let i = 0; i < slots; i++) values[i] = Number(wide[i]);
    return {values, wide};
  }
  const buffer = reader.copy(slots * width);
  switch (width) {
    case 1:
      return {values: Float64Array.from(new Int8Array(buffer))};
    case 2:
      return {values: Float64Array.from(new Int16Array(buffer))};
    case 4:
      return {values: Float64Array.from(new Int32Array(buffer))};
    case WIDTH_DOUBLE:
      return {values: new Float64Array(buffer)};
    default:
      throw new FatalError(`cannot decode query batch: number width ${width}`);
  }
}

function decodeTexts(reader: Reader, slots: number): string[] {
  const count = reader.u32();
  const width = reader.u8();
  const texts: string[] = [];
  for (let i = 0; i < count; i++) texts.push(reader.text());
  const buffer = reader.copy(slots * width);
  const indexes =
    width === 1
      ? new Uint8Array(buffer)
      : width === 2
        ? new Uint16Array(buffer)
        : new Uint32Array(buffer);
  return Array.from(indexes, (index) => texts[index]!);
}

class Writer {
  #bytes = Buffer.allocUnsafe(1024);
  #size = 0;

  #room(count: number): number {
    const at = this.#size;
    this.#size += count;
    if (this.#size > this.#bytes.length) {
      const wider = Buffer.allocUnsafe(Math.max(this.#size, this.#bytes.length * 2));
      this.#bytes.copy(wider, 0, 0, at);
      this.#bytes = wider;
    }
    return at;
  }

  u8(value: number): void {
    const at = this.#room(1);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.#room(2);
    this.#bytes.writeUInt16LE(value, at);
  }

  u32(value: number): void {
    const at = this.#room(4);
    this.#bytes.writeUInt32LE(value, at);
  }

  f64(value: number): void {
    const at = this.#room(8);
    this.#bytes.writeDoubleLE(value, at);
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  array(values: {buffer: ArrayBufferLike; byteOffset: number; byteLength: number}): void {
    this.bytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }

  text(text: string): void {
    const length = Buffer.byteLength(text);
    this.u32(length);
    const at = this.#room(length);
    this.#bytes.write(text, at);
  }

  finish(): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(0, this.#size));
  }
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  take(count: number): Uint8Array {
    const at = this.#at;
    if (at + count > this.#bytes.length) {
      const have = this.#bytes.length - at;
      throw new FatalError(`cannot decode query batch: want ${count} bytes at ${at}; have ${have}`);
    }
    this.#at += count;
    return this.#bytes.subarray(at, at + count);
  }

  /** An aligned copy, for typed arrays. */
  copy(count: number): ArrayBuffer {
    const buffer = new ArrayBuffer(count);
    new Uint8Array(buffer).set(this.take(count));
    return buffer;
  }

  u8(): number {
    return this.take(1)[0]!;
  }

  u16(): number {
    return (this.take(2) as Buffer).readUInt16LE();
  }

  u32(): number {
    return (this.take(4) as Buffer).readUInt32LE();
  }

  f64(): number {
    return (this.take(8) as Buffer).readDoubleLE();
  }

  text(): string {
    return (this.take(this.u32()) as Buffer).toString();
  }
}
