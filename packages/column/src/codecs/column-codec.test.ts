import {FatalError} from '@flotilla/base';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {ByteReader} from '../bytes/byte-reader.ts';
import {ByteWriter} from '../bytes/byte-writer.ts';
import type {ColumnValues} from '../column-values.ts';
import {ColumnArena} from './column-arena.ts';
import {FIELD_TYPES, floatsOfBits, integersOf, textsOf, toPlain} from './column-codec.reference.ts';
import {decodeColumn, encodeColumn} from './column-codec.ts';
import {ENCODING, type EncodingVersion} from './encoding.ts';
import {readColumnReference} from './number-codecs.reference.ts';

const arena = new ColumnArena();

/** With whatever the last use left in it. */
function dirtied(): ColumnArena {
  arena.clear();
  return arena;
}

function encode(values: ColumnValues, count: number, version?: EncodingVersion): Uint8Array {
  const writer = new ByteWriter();
  // What stands before must not matter.
  writer.u8(0xee);
  encodeColumn(values, count, writer, version);
  return writer.copy().subarray(1);
}

/** Encodes in each version, decodes and compares; returns the bytes of the first. */
function roundTrip(values: ColumnValues, count: number): Uint8Array {
  comesBack(values, count, 2);
  return comesBack(values, count, 1);
}

const NEWEST: Readonly<Record<EncodingVersion, number>> = {1: 11, 2: 17};

/** By the codec, with and without an arena, and by the reference. */
function comesBack(values: ColumnValues, count: number, version: EncodingVersion): Uint8Array {
  const bytes = encode(values, count, version);
  const plain = toPlain(values, count);
  const {type} = values;
  expect(readColumnReference(bytes, {type, count, newest: NEWEST[version]})).toEqual(plain);
  for (const given of [undefined, dirtied()]) {
    const reader = new ByteReader(bytes);
    const back = decodeColumn(reader, values.type, count, given);
    expect(reader.remaining).toBe(0);
    expect(toPlain(back, count)).toEqual(plain);
    if (back.type === 'integer' || back.type === 'unsigned') {
      expect(back.values.slice(0, count)).toEqual(Float64Array.from(plain, Number));
    }
  }
  return bytes;
}

const floats = (values: readonly number[]): ColumnValues => ({
  type: 'float',
  values: Float64Array.from(values),
});

const SPECIAL_BITS = [
  0x0000000000000000n, // 0
  0x8000000000000000n, // -0
  0x0000000000000001n, // the smallest subnormal
  0x800fffffffffffffn, // the largest subnormal, negative
  0x7ff0000000000000n, // Infinity
  0xfff0000000000000n, // -Infinity
  0x7ff8000000000000n, // NaN
  0x7ff0000000000001n, // a signalling NaN
  0xfff8dead0000beefn, // NaN with a payload
  0x7fefffffffffffffn, // the largest double
  0x4340000000000000n, // 2^53
  0xc340000000000001n, // below -2^53
];

const anyBits = fc.oneof(
  fc.bigInt({min: 0n, max: 2n ** 64n - 1n}),
  fc.constantFrom(...SPECIAL_BITS),
  fc.integer({min: -1000, max: 1000}).map((n) => toPlain(floats([n]), 1)[0] as bigint),
  fc.integer({min: -1000, max: 1000}).map((n) => toPlain(floats([n / 100]), 1)[0] as bigint),
);

test('floats of every bit pattern come back', () => {
  const runs = fc.oneof(
    fc.array(anyBits, {maxLength: 60}),
    anyBits.chain((bits) => fc.array(fc.constant(bits), {maxLength: 20})),
  );
  fc.assert(
    fc.property(runs, (bits) => {
      roundTrip({type: 'float', values: floatsOfBits(bits)}, bits.length);
    }),
    {numRuns: 600},
  );
});

test('-0 keeps its sign among integers and among decimals, wherever it stands', () => {
  const plain = fc.oneof(
    fc.array(fc.integer({min: -9, max: 9}), {maxLength: 40}),
    fc.array(
      fc.integer({min: -900, max: 900}).map((cents) => cents / 100),
      {maxLength: 40},
    ),
    fc.array(fc.constantFrom(0, -0), {maxLength: 40}),
  );
  fc.assert(
    fc.property(plain, fc.nat(), (list, at) => {
      const values = list.toSpliced(at % (list.length + 1), 0, -0);
      roundTrip(floats(values), values.length);
    }),
  );
});

test('doubles at the edge of exact integers come back', () => {
  const near = fc.tuple(
    fc.constantFrom(2 ** 52, 2 ** 53, 2 ** 54, 2 ** 60, -(2 ** 52), -(2 ** 53), -(2 ** 54), 0),
    fc.integer({min: -4, max: 4}),
  );
  fc.assert(
    fc.property(fc.array(near, {maxLength: 12}), (list) => {
      const values = list.map(([base, add]) => base + add);
      roundTrip(floats(values), values.length);
    }),
    {numRuns: 500},
  );
});

test('doubles that differ in their last bits alone are not one constant', () => {
  const tails = fc.array(fc.integer({min: 0, max: 3}), {minLength: 1, maxLength: 12});
  fc.assert(
    fc.property(fc.constantFrom(...SPECIAL_BITS, 0x3ff0_0000_0000_0000n), tails, (head, list) => {
      const bits = list.map((tail) => head ^ BigInt(tail));
      roundTrip({type: 'float', values: floatsOfBits(bits)}, bits.length);
    }),
  );
});

test('texts that begin with few and go on with many come back', () => {
  for (const distinct of [255, 256, 257, 1_100]) {
    const list = Array.from(
      {length: distinct * 3},
      (_, i) => `text ${i < 70 ? i % 3 : i % distinct}`,
    );
    roundTrip(textsOf(list), list.length);
  }
});

test('decimals come back bit by bit, whatever their digits', () => {
  const decimals = fc
    .tuple(fc.integer({min: 0, max: 17}), fc.array(fc.maxSafeInteger(), {maxLength: 60}))
    .map(([digits, list]) => list.map((n) => Number(`${n % 10 ** 9}e-${digits}`)));
  fc.assert(
    fc.property(decimals, (list) => {
      roundTrip(floats(list), list.length);
    }),
    {numRuns: 400},
  );
});

/** Runs of integers as they occur: a base, and steps of some width. */
const integerRun = (min: bigint, max: bigint) =>
  fc
    .record({
      base: fc.bigInt({min, max}),
      bits: fc.integer({min: 0, max: 64}),
      climbing: fc.boolean(),
      steps: fc.array(fc.bigInt({min: 0n, max: 2n ** 64n}), {maxLength: 80}),
    })
    .map(({base, bits, climbing, steps}) => {
      let sum = base;
      return steps.map((step) => {
        const next = (climbing ? sum : base) + BigInt.asUintN(bits, step);
        sum = next > max ? max : next;
        return sum;
      });
    });

test.each([
  ['integer', -(2n ** 63n), 2n ** 63n - 1n],
  ['integer', -(2n ** 53n), 2n ** 53n],
  ['integer', -1000n, 1000n],
  ['unsigned', 0n, 2n ** 64n - 1n],
] as const)('%s runs from %i to %i are exact', (type, min, max) => {
  fc.assert(
    fc.property(integerRun(min, max), (exact) => {
      roundTrip(integersOf(type, exact), exact.length);
    }),
    {numRuns: 300},
  );
});

test('a narrow run of a wide column is encoded without its wide values', () => {
  const values = integersOf('integer', [1n, 2n, 2n ** 60n]);
  const back = decodeColumn(new ByteReader(encode(values, 2)), 'integer', 2);
  expect('wide' in back && back.wide).toBe(false);
  expect(toPlain(back, 2)).toEqual([1n, 2n]);
  roundTrip(integersOf('integer', [2n ** 53n + 1n, 2n ** 53n]), 2);
  roundTrip(integersOf('unsigned', [2n ** 64n - 1n, 0n]), 2);
  roundTrip(integersOf('integer', [2n ** 63n - 1n, -(2n ** 63n)]), 2);
});

test('booleans and texts come back', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), {maxLength: 40}), (flags) => {
      roundTrip({type: 'boolean', values: Uint8Array.from(flags, Number)}, flags.length);
    }),
  );
  const texts = fc.oneof(
    fc.array(fc.string({unit: 'grapheme'}), {maxLength: 40}),
    fc.array(fc.constantFrom('', 'on', 'off', 'défaut'), {maxLength: 300}),
    fc.array(fc.integer({min: 0, max: 400}).map(String), {minLength: 200, maxLength: 900}),
  );
  fc.assert(
    fc.property(texts, (list) => {
      roundTrip(textsOf(list), list.length);
    }),
  );
});

test('each encoding is chosen where it is smallest', () => {
  const times = Float64Array.from({length: 360}, (_, i) => 1e15 + i * 1e10);
  const walk = Float64Array.from({length: 360}, (_, i) => 50 + Math.round(40 * Math.sin(i * 1.7)));
  const cents = walk.map((value, i) => (value * 100 + (i % 7)) / 100);
  const chaos = Float64Array.from({length: 360}, (_, i) => Math.sqrt(i + 0.5));
  const sizes = [times, walk, cents, chaos].map((values) => {
    const bytes = roundTrip({type: 'float', values}, values.length);
    return [bytes[0], bytes.length] as const;
  });
  expect(sizes.map(([encoding]) => encoding)).toEqual([
    ENCODING.delta,
    ENCODING.frameOfReference,
    ENCODING.decimal,
    ENCODING.raw,
  ]);
  expect(sizes[0]![1]).toBeLessThan(20);
  expect(sizes[1]![1]).toBe(3 + (360 * 7) / 8);
  expect(roundTrip(floats([7, 7, 7]), 3)).toEqual(Uint8Array.of(ENCODING.constantInteger, 7));
  const states = textsOf(Array.from({length: 1000}, (_, i) => ['running', 'stopped'][i % 2]!));
  expect(roundTrip(states, 1000).length).toBeLessThan(160);
});

test('every width packs and unpacks at every length', () => {
  for (let width = 1; width <= 53; width++) {
    for (const count of [1, 2, 31, 32, 33, 65]) {
      const top = 2 ** width - 1;
      const values = Float64Array.from({length: count}, (_, i) => {
        const spread = Math.floor(((i * 0.6180339887) % 1) * top);
        return (i === 0 ? top : i === 1 ? 0 : spread) - 2 ** (width - 1);
      });
      roundTrip({type: 'float', values}, count);
    }
  }
});

test('damaged columns give FatalError or other values, never another error', () => {
  const any = fc.oneof(
    fc
      .array(anyBits, {maxLength: 30})
      .map((bits): [ColumnValues, number] => [
        {type: 'float', values: floatsOfBits(bits)},
        bits.length,
      ]),
    integerRun(0n, 2n ** 63n - 1n).map((exact): [ColumnValues, number] => [
      integersOf('integer', exact),
      exact.length,
    ]),
    fc
      .array(fc.constantFrom('a', 'bb', 'ccc'), {maxLength: 90})
      .map((list): [ColumnValues, number] => [textsOf(list), list.length]),
  );
  const change = fc.record({at: fc.nat(), to: fc.integer({min: 0, max: 255})});
  fc.assert(
    fc.property(
      any,
      fc.array(change, {maxLength: 3}),
      fc.nat(),
      fc.constantFrom<EncodingVersion>(1, 2),
      ([values, count], changes, cut, version) => {
        const bytes = encode(values, count, version);
        for (const {at, to} of changes) bytes[at % bytes.length] = to;
        for (const type of FIELD_TYPES) {
          for (const part of [bytes, bytes.subarray(0, cut % bytes.length)]) {
            try {
              decodeColumn(new ByteReader(part), type, count, dirtied());
            } catch (error) {
              expect(error).toBeInstanceOf(FatalError);
            }
          }
        }
      },
    ),
    {numRuns: 500},
  );
});
