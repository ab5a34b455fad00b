import {FatalError} from '@flotilla/base';
import {ByteReader, ByteWriter, type ChunkColumn, type FieldType} from '@flotilla/column';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {readBlockColumn, writeBlockColumn} from './block-column.ts';
import {computeStatistics, readStatistics, writeStatistics} from './block-statistics.ts';
import type {PartVersion} from './part-format.ts';
import {listIsShorter, readPresenceList, writePresenceList} from './presence.ts';

const integers = fc.array(fc.oneof(fc.integer({min: -99, max: 99}), fc.maxSafeInteger()), {
  minLength: 1,
  maxLength: 50,
});

test('statistics of integers come back exact, or are left out', () => {
  fc.assert(
    fc.property(integers, (numbers) => {
      const values = Float64Array.from(numbers);
      const statistics = computeStatistics({type: 'integer', values}, numbers.length, 100, 1);
      const sum = numbers.reduce((total, each) => total + BigInt(each), 0n);
      if (statistics === undefined) return;
      expect(BigInt(statistics.sum)).toBe(sum);
      expect(statistics.min).toBe(Math.min(...numbers));
      expect(statistics.max).toBe(Math.max(...numbers));
      const writer = new ByteWriter();
      writeStatistics(writer, 'integer', statistics);
      const read = readStatistics(new ByteReader(writer.copy()), 'integer');
      // -0 and 0 are one integer.
      for (const name of ['min', 'max', 'sum', 'first', 'last'] as const)
        expect(read[name] + 0).toBe(statistics[name] + 0);
    }),
  );
});

test('narrow integers cut from a column of wide ones have statistics', () => {
  const values = Float64Array.of(1, 2, 3, 2 ** 53);
  const wide = BigInt64Array.of(1n, 2n, 3n, 2n ** 53n + 1n);
  const of = (count: number) => computeStatistics({type: 'integer', values, wide}, count, 100, 1);
  expect(of(3)).toEqual({min: 1, max: 3, sum: 6, first: 1, last: 3});
  expect(of(4)).toBeUndefined();
});

test("an hour of TSBS's integers costs at most 0.03 bytes a value in statistics", () => {
  const values = Float64Array.from({length: 360}, (_, i) => 70 + (i % 30));
  const writer = new ByteWriter();
  writeStatistics(writer, 'integer', computeStatistics({type: 'integer', values}, 360, 200, 1)!);
  expect(writer.position / 360).toBeLessThanOrEqual(0.03);
});

test('floats have statistics only where they are small beside the values, never with NaN', () => {
  const values = Float64Array.from({length: 400}, (_, i) => Math.sin(i));
  expect(computeStatistics({type: 'float', values}, 400, 3_200, 1)).toBeDefined();
  expect(computeStatistics({type: 'float', values}, 50, 400, 1)).toBeUndefined();
  values[7] = Number.NaN;
  expect(computeStatistics({type: 'float', values}, 400, 3_200, 1)).toBeUndefined();
});

test('rows with and without values come back', () => {
  const row = (freq: number) => fc.option(fc.double(), {nil: undefined, freq});
  const rows = fc.oneof(
    fc.array(row(5), {minLength: 1, maxLength: 40}),
    // Nearly all, and one to some of many: lists in version 2.
    fc.array(row(40), {minLength: 100, maxLength: 300}),
    fc
      .tuple(
        fc.array(fc.tuple(fc.nat(399), fc.double()), {minLength: 1, maxLength: 20}),
        fc.nat(99),
      )
      .map(([few, extra]) => {
        const all = new Array<number | undefined>(300 + extra).fill(undefined);
        for (const [at, value] of few) all[at % all.length] = value;
        return all;
      }),
  );
  const version = fc.constantFrom<PartVersion>(1, 2);
  fc.assert(
    fc.property(rows, fc.nat(400), fc.nat(400), version, (numbers, a, b, version) => {
      const from = Math.min(a, b, numbers.length - 1);
      const to = Math.min(Math.max(a, b) + 1, numbers.length);
      const column: ChunkColumn = {
        values: {type: 'float', values: Float64Array.from(numbers, (each) => each ?? 0)},
        present: Uint8Array.from(numbers, (each) => (each === undefined ? 0 : 1)),
      };
      const writer = new ByteWriter();
      writeBlockColumn(writer, new ByteWriter(), column, {from, to, version});
      const want = numbers.slice(from, to);
      if (want.every((each) => each === undefined)) {
        expect(writer.position).toBe(0);
        return;
      }
      const type: FieldType = 'float';
      const read = readBlockColumn(writer.copy(), type, to - from);
      const {values} = read.values as {values: Float64Array};
      expect(want.map((_, i) => (read.present?.[i] === 0 ? undefined : values[i]))).toEqual(want);
    }),
  );
});

test('one value in an hour of rows takes a few bytes, as one row without a value does', () => {
  const sizeOf = (present: Uint8Array, version: PartVersion) => {
    const writer = new ByteWriter();
    const values = new Float64Array(360).fill(7);
    const column: ChunkColumn = {values: {type: 'integer', values}, present};
    writeBlockColumn(writer, new ByteWriter(), column, {from: 0, to: 360, version});
    return writer.position;
  };
  const none = new Uint8Array(360);
  expect(sizeOf(none.with(200, 1), 1)).toBeGreaterThan(50);
  expect(sizeOf(none.with(200, 1), 2)).toBeLessThanOrEqual(6);
  expect(sizeOf(none.fill(1).with(200, 0), 2)).toBeLessThanOrEqual(6);
});

test('a list of rows is taken where it is shorter, and refused beyond the block', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(999), {maxLength: 90}),
      fc.constantFrom<0 | 1>(0, 1),
      (at, listed) => {
        const present = new Uint8Array(1000).fill(1 - listed);
        for (const row of at) present[row] = listed;
        const writer = new ByteWriter();
        writePresenceList(writer, present, 1000, listed);
        expect(readPresenceList(new ByteReader(writer.copy()), 1000, listed)).toEqual(present);
        if (listIsShorter(new Set(at).size, 1000)) expect(writer.position).toBeLessThan(125);
      },
    ),
  );
  expect(() => readPresenceList(new ByteReader(Uint8Array.of(1, 8)), 8, 1)).toThrow(FatalError);
});

test('a column without a value stands in no block: one whose bits are all zero is refused', () => {
  const values = {type: 'float' as const, values: Float64Array.of(1, 2)};
  const writer = new ByteWriter();
  const block = {from: 0, to: 2, version: 1} as const;
  writeBlockColumn(writer, new ByteWriter(), {values, present: Uint8Array.of(1, 0)}, block);
  const bytes = writer.copy();
  expect([bytes[0], bytes[1]]).toEqual([1, 1]);
  bytes[1] = 0;
  expect(() => readBlockColumn(bytes, 'float', 2)).toThrow(FatalError);
});
