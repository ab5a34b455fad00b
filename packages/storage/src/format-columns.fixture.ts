// Columns and bodies of part files, read from FORMAT.md alone: this file, format-parts.fixture.ts and
// format-replica.fixture.ts share nothing with the code that writes and reads them. What they cannot read is not drawn
// on the page, or drawn wrong. Slow and plain, one value after the other; where the page says what holds, they hold
// what is written to that.

import assert from 'node:assert/strict';

export type Value = number | bigint | boolean | string;

/** What of the page a sample has put to the test, by name. */
export type Met = Map<string, number>;

const FLOAT = 0;
const INTEGER = 1;
const UNSIGNED = 2;
const BOOLEAN = 3;
const STRING = 4;

const PRESENCE = 1;
const STATISTICS = 2;
const LISTED = 4;
const UNLISTED = 8;

export class Cursor {
  readonly bytes: Buffer;
  readonly met: Met;
  at = 0;

  constructor(bytes: Uint8Array, met: Met) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.met = met;
  }

  take(count: number): Buffer {
    assert(this.at + count <= this.bytes.length, `${count} bytes at ${this.at} are not there`);
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  inside(count: number): Cursor {
    return new Cursor(this.take(count), this.met);
  }

  ends(): void {
    assert.equal(this.at, this.bytes.length, 'bytes behind the last that is drawn');
  }

  meet(name: string): void {
    this.met.set(name, (this.met.get(name) ?? 0) + 1);
  }

  u8 = (): number => this.take(1).readUInt8();
  u32 = (): number => this.take(4).readUInt32LE();
  f64 = (): number => this.take(8).readDoubleLE();

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.u8();
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  }

  svarint(): number {
    const byte = this.u8();
    const value = (byte % 64) + (byte >= 128 ? this.varint() * 64 : 0);
    return (byte & 64) === 0 ? value : -value;
  }

  /** As many as asked for, each by one call. */
  list<T>(count: number, read: () => T): T[] {
    return Array.from({length: count}, read);
  }
}

/** Bit after bit, low bits first. */
function bitsOf(bytes: Uint8Array, first: number, count: number): number {
  let value = 0;
  for (let bit = 0; bit < count; bit++) {
    const at = first + bit;
    value += ((bytes[at >> 3]! >> (at & 7)) & 1) * 2 ** bit;
  }
  return value;
}

function readPacked(from: Cursor, n: number): number[] {
  const width = from.u8();
  assert(width <= 53, `width ${width}`);
  const [low, high] = [Math.min(width, 32), Math.max(width - 32, 0)];
  const lowBytes = from.take(Math.ceil((n * low) / 8));
  const highBytes = from.take(Math.ceil((n * high) / 8));
  if (high > 0) from.meet('packed wider than 32');
  return Array.from(
    {length: n},
    (_, i) => bitsOf(lowBytes, i * low, low) + bitsOf(highBytes, i * high, high) * 2 ** 32,
  );
}

/** Puts in what is said apart: of each how many values lie between it and the one before, and it. */
function readApart(from: Cursor, values: number[], readValue: () => number): number[] {
  let at = -1;
  for (let left = from.varint(); left > 0; left--) {
    at += 1 + from.varint();
    assert(at < values.length, `value ${at} of ${values.length}`);
    values[at] = readValue();
    from.meet('said apart');
  }
  return values;
}

function readPatched(from: Cursor, n: number): number[] {
  const base = from.svarint();
  const values = readPacked(from, n).map((each) => base + each);
  return readApart(from, values, () => from.svarint());
}

/** Each is the one before and what is said of it. */
export function summed(first: number, steps: readonly number[]): number[] {
  const values = [first];
  for (const step of steps) values.push(values.at(-1)! + step);
  return values;
}

function readSplit(from: Cursor, n: number): number[] {
  const [top, low] = [from.u8(), from.u8()];
  assert(top >= 32 && top <= 52 && low <= top, `top ${top}, low ${low}`);
  from.meet(low > 32 ? 'split, low bits all zero' : 'split');
  const signs = readFlags(from, n);
  const highs = readNumbers(from, n);
  const middles = readPacked(from, n);
  const lows = readPacked(from, n);
  const double = Buffer.alloc(8);
  return highs.map((high, i) => {
    const bits =
      (signs[i]! ? 1n << 63n : 0n) |
      (BigInt(high) << BigInt(top)) |
      (BigInt(middles[i]!) << BigInt(Math.max(32, low))) |
      (BigInt(lows[i]!) << BigInt(low));
    double.writeBigUInt64LE(bits);
    return double.readDoubleLE();
  });
}

function readRepeats(from: Cursor, n: number): number[] {
  const differs = readFlags(from, n - 1);
  const apart = readNumbers(from, 1 + differs.filter(Boolean).length);
  const values = [apart.shift()!];
  for (const flag of differs) values.push(flag ? apart.shift()! : values.at(-1)!);
  return values;
}

function readNumbers(from: Cursor, n: number): number[] {
  const encoding = from.u8();
  from.meet(`encoding ${encoding}`);
  switch (encoding) {
    case 0: {
      const value = from.svarint();
      return from.list(n, () => value);
    }
    case 1: {
      const value = from.f64();
      return from.list(n, () => value);
    }
    case 2: {
      const base = from.svarint();
      return readPacked(from, n).map((each) => base + each);
    }
    case 3: {
      const [first, base] = [from.svarint(), from.svarint()];
      return summed(
        first,
        readPacked(from, n - 1).map((each) => base + each),
      );
    }
    case 12:
      return readPatched(from, n);
    case 13:
      return summed(from.svarint(), readPatched(from, n - 1));
    case 14: {
      const [first, firstDelta] = [from.svarint(), from.svarint()];
      return summed(first, summed(firstDelta, readPatched(from, n - 2)));
    }
    case 4:
    case 15: {
      const scale = 10 ** from.u8();
      const values = readNumbers(from, n).map((each) => each / scale);
      return encoding === 4 ? values : readApart(from, values, from.f64);
    }
    case 5:
      return from.list(n, from.f64);
    case 16:
      return readSplit(from, n);
    case 17:
      return readRepeats(from, n);
    default:
      assert.fail(`encoding ${encoding} of numbers`);
  }
}

function readFlags(from: Cursor, n: number): boolean[] {
  const encoding = from.u8();
  from.meet(`encoding ${encoding}`);
  if (encoding === 7) {
    const value = from.u8() === 1;
    return from.list(n, () => value);
  }
  assert.equal(encoding, 6, 'encoding of flags');
  const bytes = from.take(Math.ceil(n / 8));
  return Array.from({length: n}, (_, i) => bitsOf(bytes, i, 1) === 1);
}

function readStrings(from: Cursor, n: number): string[] {
  const encoding = from.u8();
  from.meet(`encoding ${encoding}`);
  if (encoding === 8) {
    const lengths = readNumbers(from, n);
    return lengths.map((length) => from.take(length).toString());
  }
  assert.equal(encoding, 9, 'encoding of strings');
  const count = from.varint();
  assert(count <= 256, `${count} texts`);
  const texts = readStrings(from, count);
  return readNumbers(from, n).map((code) => texts[code]!);
}

export function readIntegers(from: Cursor, n: number, type: number): bigint[] {
  const encoding = from.bytes[from.at]!;
  if (encoding !== 10 && encoding !== 11) return readNumbers(from, n).map(BigInt);
  from.u8();
  from.meet(`encoding ${encoding}`);
  const wide = (): bigint =>
    type === INTEGER ? from.take(8).readBigInt64LE() : from.take(8).readBigUInt64LE();
  if (encoding === 10) return from.list(n, wide);
  const first = wide();
  return readNumbers(from, n).map((each) => first + BigInt(each));
}

function readColumn(from: Cursor, n: number, type: number): Value[] {
  switch (type) {
    case FLOAT:
      return readNumbers(from, n);
    case INTEGER:
    case UNSIGNED:
      return readIntegers(from, n, type);
    case BOOLEAN:
      return readFlags(from, n);
    case STRING:
      return readStrings(from, n);
    default:
      assert.fail(`type ${type}`);
  }
}

/** Which rows have a value. */
function readPresence(from: Cursor, rows: number, flags: number): boolean[] {
  if ((flags & PRESENCE) !== 0) {
    const bytes = from.take(Math.ceil(rows / 8));
    return Array.from({length: rows}, (_, i) => bitsOf(bytes, i, 1) === 1);
  }
  if ((flags & (LISTED | UNLISTED)) === 0) return from.list(rows, () => true);
  const present = from.list(rows, () => (flags & UNLISTED) !== 0);
  let at = -1;
  for (let left = from.varint(); left > 0; left--) {
    at += 1 + from.varint();
    assert(at < rows, `row ${at} of ${rows}`);
    present[at] = (flags & LISTED) !== 0;
  }
  return present;
}

type Statistics = Record<'min' | 'max' | 'first' | 'last' | 'sum', number>;

function readStatistics(from: Cursor, type: number): Statistics {
  if (type === FLOAT) {
    const [min, max, sum] = [from.f64(), from.f64(), from.f64()];
    return {min, max, sum, first: from.f64(), last: from.f64()};
  }
  assert(type === INTEGER || type === UNSIGNED, `statistics of type ${type}`);
  const min = from.svarint();
  const [max, first, last] = [min + from.varint(), min + from.varint(), min + from.varint()];
  return {min, max, first, last, sum: from.svarint()};
}

function statisticsOf(values: readonly number[]): Statistics {
  let [min, max, sum, lost] = [values[0]!, values[0]!, 0, 0];
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return {min, max, first: values[0]!, last: values.at(-1)!, sum: sum + lost};
}

export interface BodyRows {
  readonly rows: number;
  readonly type: number;
  readonly version: number;
  readonly areThin: boolean;
}

/** Whether the page says that they are there; undefined where it leaves that open. */
function wantsStatistics(body: BodyRows, values: readonly Value[], bytes: number) {
  const {type, rows, version, areThin} = body;
  if (areThin || type === BOOLEAN || type === STRING) return false;
  const {min, max, sum} = statisticsOf(values.map(Number));
  if (type === FLOAT) return bytes >= 800 && Number.isFinite(sum);
  const isExact = Number.isSafeInteger(sum) && Number.isSafeInteger(max - min);
  if (!isExact || !values.every((value) => Number.isSafeInteger(Number(value)))) return false;
  if (version === 1 || bytes >= 16) return true;
  // A flush writes such blocks as in version 1, a compaction does not.
  return rows < 100 ? undefined : false;
}

/** Of each row what it has. */
export function readBody(from: Cursor, body: BodyRows): (Value | undefined)[] {
  const flags = from.u8();
  from.meet(`flags ${flags}`);
  const present = readPresence(from, body.rows, flags);
  const statistics = (flags & STATISTICS) === 0 ? undefined : readStatistics(from, body.type);
  const start = from.at;
  const values = readColumn(from, present.filter(Boolean).length, body.type);
  from.ends();
  const wants = wantsStatistics(body, values, from.at - start);
  if (wants !== undefined) assert.equal(statistics !== undefined, wants, 'statistics');
  if (statistics !== undefined) {
    from.meet(body.type === FLOAT ? 'statistics of floats' : 'statistics of integers');
    assert.deepEqual(statistics, statisticsOf(values.map(Number)));
  }
  return present.map((isPresent) => (isPresent ? values.shift() : undefined));
}
