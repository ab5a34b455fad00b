// Every encoding of numbers on runs as it is made for, against a reader that shares nothing with it.

import {FatalError} from '@flotilla/base';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {ByteReader} from '../bytes/byte-reader.ts';
import {ByteWriter} from '../bytes/byte-writer.ts';
import {floatsOfBits, toPlain} from './column-codec.reference.ts';
import {ENCODING, type EncodingVersion} from './encoding.ts';
import {readNumbersReference} from './number-codecs.reference.ts';
import {decodeNumbers, encodeNumbers} from './numbers.ts';

const NEWEST: Readonly<Record<EncodingVersion, number>> = {1: 11, 2: 17};

function encode(values: Float64Array, version: EncodingVersion): Uint8Array {
  const writer = new ByteWriter();
  encodeNumbers(values, values.length, writer, version);
  return writer.copy();
}

/** In both versions, by the codec and by the reference; returns the bytes of version 2. */
function comesBack(values: Float64Array): Uint8Array {
  const count = values.length;
  const plain = toPlain({type: 'float', values}, count);
  const [, second] = ([1, 2] as const).map((version) => {
    const bytes = encode(values, version);
    // What was there before must not matter.
    const out = new Float64Array(count).fill(Number.NaN);
    const reader = new ByteReader(bytes);
    decodeNumbers(reader, count, out);
    expect(reader.remaining).toBe(0);
    expect(toPlain({type: 'float', values: out}, count)).toEqual(plain);
    expect(readNumbersReference(bytes, count, NEWEST[version])).toEqual(plain);
    return bytes;
  });
  return second!;
}

/** A sum of small steps, the same for the same seed. */
function walk(count: number, step: number, seed = 1): Float64Array {
  let state = seed;
  let value = 50;
  return Float64Array.from({length: count}, () => {
    let noise = -2;
    for (let i = 0; i < 4; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      noise += state / 2 ** 32;
    }
    value = Math.abs(value + noise * step);
    return value;
  });
}

const integerWalk = walk(360, 2).map(Math.round);

test('integers with a few far away', () => {
  const spike = integerWalk.with(100, 1e12).with(101, -1e12);
  const restarted = Float64Array.from({length: 360}, (_, i) => 1e9 + (i % 200) * 1_000 + (i % 7));
  const gap = Float64Array.from({length: 360}, (_, i) => 1e15 + i * 1e10 + (i > 90 ? 3.6e12 : 0));
  const levels = Float64Array.from({length: 360}, (_, i) => (i * 7919) % 61).with(3, -1e15);
  expect(comesBack(spike)[0]).toBe(ENCODING.patchedDelta);
  expect(comesBack(restarted)[0]).toBe(ENCODING.patchedDelta);
  expect(comesBack(levels)[0]).toBe(ENCODING.patchedFrame);
  const times = comesBack(gap);
  expect([times[0], times.length < 40]).toEqual([ENCODING.patchedDelta, true]);
  for (const values of [spike, restarted, gap, levels]) {
    expect(encode(values, 2).length).toBeLessThan(encode(values, 1).length / 2);
  }
});

test('integers that speed up evenly', () => {
  const falling = Float64Array.from({length: 360}, (_, i) => 9_810 * i * i + (i % 3));
  const bytes = comesBack(falling);
  expect(bytes[0]).toBe(ENCODING.deltaOfDelta);
  expect(bytes.length).toBeLessThan(encode(falling, 1).length / 3);
  for (const count of [1, 2, 3, 33, 34, 35]) comesBack(falling.slice(0, count));
  // Second differences that doubles do not hold exactly.
  comesBack(Float64Array.from({length: 60}, (_, i) => (i % 2 === 0 ? 1 : -1) * (2 ** 52 - i * 3)));
});

test('decimals with a few that are none, or have more digits', () => {
  const cents = walk(360, 2).map((value) => Math.round(value * 100) / 100);
  const odd = cents.with(0, Number.NaN).with(7, -0).with(8, Math.PI).with(300, 1e300);
  const bytes = comesBack(odd);
  expect(bytes[0]).toBe(ENCODING.patchedDecimal);
  expect(bytes.length).toBeLessThan(encode(cents, 2).length + 50);
  const fewOdd = integerWalk.with(5, Number.NaN).with(359, 0.5);
  expect(comesBack(fewOdd)[0]).toBe(ENCODING.patchedDecimal);
  // One in five has a third digit: the exponent grows, nothing is odd.
  const mixed = cents.map((value, i) => (i % 5 === 0 ? Math.round(value * 1000) / 1000 : value));
  expect(comesBack(mixed)[0]).toBe(ENCODING.decimal);
  // One in five is NaN: better beside decimals still than all by their bits.
  expect(comesBack(cents.map((value, i) => (i % 5 === 0 ? Number.NaN : value)))[0]).toBe(
    ENCODING.patchedDecimal,
  );
});

test('doubles of full precision take what their noise takes', () => {
  const full = walk(360, 2);
  const bytes = comesBack(full);
  expect(bytes[0]).toBe(ENCODING.splitDoubles);
  expect(bytes.length / 360).toBeLessThan(6.4);
  // Around zero the exponents differ; the sign is a bit.
  expect(comesBack(full.map((value, i) => (i % 3 === 0 ? -1 : 1) * (value - 50.1)))[0]).toBe(
    ENCODING.splitDoubles,
  );
  expect(comesBack(full.map(Math.fround)).length / 360).toBeLessThan(3);
  // Powers of two have no bits below the exponent.
  comesBack(Float64Array.from({length: 80}, (_, i) => 2 ** (900 - i * 20)));
  comesBack(Float64Array.from({length: 80}, (_, i) => (i % 3 === 0 ? -0 : 0)));
  const random = fc.array(fc.bigInt({min: 0n, max: 2n ** 64n - 1n}), {minLength: 1, maxLength: 90});
  fc.assert(
    fc.property(
      random,
      fc.integer({min: 0, max: 64}),
      fc.integer({min: 0, max: 64}),
      (bits, a, b) => {
        const keep = BigInt.asUintN(64, (2n ** BigInt(a) - 1n) << BigInt(b));
        const values = floatsOfBits(bits.map((each) => each & keep));
        expect(comesBack(values).length).toBeLessThanOrEqual(1 + 8 * values.length);
      },
    ),
    {numRuns: 400},
  );
});

test('doubles that seldom change', () => {
  const held = walk(72, 2);
  const gauge = Float64Array.from({length: 360}, (_, i) => held[Math.floor(i / 5)]!);
  const bytes = comesBack(gauge);
  expect(bytes[0]).toBe(ENCODING.repeats);
  expect(bytes.length / 360).toBeLessThan(1.6);
  comesBack(gauge.map((value) => Math.round(value * 10) / 10));
  const bits = fc.constantFrom(0x7ff0000000000001n, 0x7ff8000000000000n, 0n, 1n << 63n, 5n);
  fc.assert(
    fc.property(fc.array(bits, {minLength: 1, maxLength: 60}), (list) => {
      comesBack(floatsOfBits(list));
    }),
  );
});

test('any run with any values far away comes back', () => {
  const far = fc.tuple(
    fc.nat(59),
    fc.oneof(fc.maxSafeInteger(), fc.double(), fc.constantFrom(-0, Number.NaN, 2 ** 53, 5e-324)),
  );
  const shape = fc.constantFrom<(i: number) => number>(
    (i) => i,
    (i) => (i * 37) % 11,
    (i) => i * i,
    (i) => 1e15 + i * 1e9,
    (i) => i / 8,
    (i) => ((i * 13) % 50) / 100,
    (i) => Math.sqrt(i + 0.5),
  );
  fc.assert(
    fc.property(
      shape,
      fc.integer({min: 1, max: 60}),
      fc.array(far, {maxLength: 8}),
      (f, n, list) => {
        const values = Float64Array.from({length: n}, (_, i) => f(i));
        for (const [at, value] of list) values[at % n] = value;
        comesBack(values);
      },
    ),
    {numRuns: 1_000},
  );
});

test('positions beyond the end and repeats of repeats are damage', () => {
  const decode = (count: number, ...bytes: number[]) =>
    decodeNumbers(new ByteReader(Uint8Array.from(bytes)), count, new Float64Array(count));
  // base 0, width 0, one outlier at position 3 of 3.
  expect(() => decode(3, ENCODING.patchedFrame, 0, 0, 1, 3, 5)).toThrow(FatalError);
  expect(() => decode(3, ENCODING.patchedFrame, 0, 0, 4)).toThrow(FatalError);
  const odd = new Array<number>(8).fill(0);
  expect(() =>
    decode(2, ENCODING.patchedDecimal, 1, ENCODING.constantInteger, 1, 1, 2, ...odd),
  ).toThrow(FatalError);
  const changes = [ENCODING.constantFlag, 1];
  expect(() =>
    decode(2, ENCODING.repeats, ...changes, ENCODING.repeats, ...changes, ENCODING.raw),
  ).toThrow(FatalError);
  expect(() => decode(0, ENCODING.repeats, ...changes)).toThrow(FatalError);
  expect(() => decode(1, ENCODING.deltaOfDelta, 1, 1, 0, 0, 0)).toThrow(FatalError);
  expect(() => decode(1, ENCODING.splitDoubles, 53, 0)).toThrow(FatalError);
  expect(() => decode(1, ENCODING.splitDoubles, 40, 41)).toThrow(FatalError);
});
