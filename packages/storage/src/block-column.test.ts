import {ByteReader, ByteWriter, type ChunkColumn, type FieldType} from '@flotilla/column';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {readBlockColumn, writeBlockColumn} from './block-column.ts';
import {computeStatistics, readStatistics, writeStatistics} from './block-statistics.ts';

const integers = fc.array(fc.oneof(fc.integer({min: -99, max: 99}), fc.maxSafeInteger()), {
  minLength: 1,
  maxLength: 50,
});

test('statistics of integers come back exact, or are left out', () => {
  fc.assert(
    fc.property(integers, (numbers) => {
      const values = Float64Array.from(numbers);
      const statistics = computeStatistics({type: 'integer', values}, numbers.length, 100);
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

test("an hour of TSBS's integers costs at most 0.03 bytes a value in statistics", () => {
  const values = Float64Array.from({length: 360}, (_, i) => 70 + (i % 30));
  const writer = new ByteWriter();
  writeStatistics(writer, 'integer', computeStatistics({type: 'integer', values}, 360, 200)!);
  expect(writer.position / 360).toBeLessThanOrEqual(0.03);
});

test('floats have statistics only where they are small beside the values, never with NaN', () => {
  const values = Float64Array.from({length: 400}, (_, i) => Math.sin(i));
  expect(computeStatistics({type: 'float', values}, 400, 3_200)).toBeDefined();
  expect(computeStatistics({type: 'float', values}, 50, 400)).toBeUndefined();
  values[7] = Number.NaN;
  expect(computeStatistics({type: 'float', values}, 400, 3_200)).toBeUndefined();
});

test('rows with and without values come back', () => {
  const rows = fc.array(fc.option(fc.double(), {nil: undefined}), {minLength: 1, maxLength: 40});
  fc.assert(
    fc.property(rows, fc.nat(40), fc.nat(40), (numbers, a, b) => {
      const from = Math.min(a, b, numbers.length - 1);
      const to = Math.min(Math.max(a, b) + 1, numbers.length);
      const column: ChunkColumn = {
        values: {type: 'float', values: Float64Array.from(numbers, (each) => each ?? 0)},
        present: Uint8Array.from(numbers, (each) => (each === undefined ? 0 : 1)),
      };
      const writer = new ByteWriter();
      writeBlockColumn(writer, new ByteWriter(), column, from, to);
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
