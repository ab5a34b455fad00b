import fc from 'fast-check';
import {expect, test} from 'vitest';
import {emptyScan, scanIntegers, scanNumbers} from './scan-numbers.ts';

const integer = fc.oneof(fc.integer({min: -99, max: 99}), fc.maxSafeInteger());

test('of known integers the pass tells the same, and writes their differences', () => {
  fc.assert(
    fc.property(fc.array(integer, {minLength: 1, maxLength: 60}), (list) => {
      const values = Float64Array.from(list);
      const deltas = new Float64Array(list.length);
      const scan = emptyScan();
      scanIntegers(values, list.length, scan, deltas);
      expect(scan.deltas).toBe(deltas);
      const wanted = list.slice(1).map((value, i) => value - list[i]!);
      expect([...deltas.subarray(0, list.length - 1)]).toEqual(wanted);
      const slow = emptyScan();
      scanNumbers(values, list.length, slow);
      expect({...scan, deltas: undefined}).toEqual(slow);
    }),
  );
});

test('differences of the run before are forgotten', () => {
  const scan = emptyScan();
  scanIntegers(Float64Array.of(1, 2), 2, scan, new Float64Array(2));
  scanNumbers(Float64Array.of(1.5), 1, scan);
  expect([scan.integers, scan.deltas]).toEqual([false, undefined]);
});
