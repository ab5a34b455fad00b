// Kernels that see doubles as bits, against BigInts.

import fc from 'fast-check';
import {expect, test} from 'vitest';
import {floatsOfBits} from '../codecs/column-codec.reference.ts';
import {countRepeats, expandRuns, takeRuns} from './runs.ts';
import {type DoubleScan, joinDoubles, scanDoubles, splitDoubles} from './split-doubles.ts';

const bits = fc.bigInt({min: 0n, max: 2n ** 64n - 1n});
const toBits = (values: Float64Array) => [
  ...new BigUint64Array(values.buffer, values.byteOffset, values.length),
];

test('doubles are cut at any bit and put together again', () => {
  const cut = fc
    .integer({min: 32, max: 52})
    .chain((top) => fc.record({top: fc.constant(top), low: fc.integer({min: 0, max: top})}));
  fc.assert(
    fc.property(fc.array(bits, {minLength: 1, maxLength: 20}), cut, (list, {top, low}) => {
      const clear = (2n ** 64n - 1n) << BigInt(low);
      const want = list.map((each) => each & clear);
      const values = floatsOfBits(want);
      const count = list.length;
      const signs = new Uint8Array(count);
      const [tops, highs] = [0, 0].map(() => new Float64Array(count));
      const lows = new Uint32Array(count);
      const parts = {signs, tops: tops!, highs: highs!, lows};
      splitDoubles(values, count, {top, low}, parts);
      expect([...signs]).toEqual(want.map((each) => Number(each >> 63n)));
      const upper = want.map((each) => Number(BigInt.asUintN(63, each) >> BigInt(top)));
      expect([...tops!]).toEqual(upper);
      expect(Math.max(...highs!)).toBeLessThan(2 ** (top - Math.max(32, low)));
      expect(Math.max(...lows)).toBeLessThan(2 ** Math.max(0, 32 - low));
      const out = new Float64Array(count);
      joinDoubles(out, count, {top, low}, parts);
      expect(toBits(out)).toEqual(want);
      const scan: DoubleScan = {zeroBits: -1, stepBits: -1};
      scanDoubles(values, count, scan);
      const all = BigInt.asUintN(
        63,
        want.reduce((sum, each) => sum | each, 0n),
      );
      const zeros = all === 0n ? 64 : all.toString(2).length - all.toString(2).lastIndexOf('1') - 1;
      expect(scan.zeroBits).toBe(zeros);
    }),
    {numRuns: 500},
  );
});

test('runs of equal bits are taken and given back', () => {
  const few = fc.constantFrom(0n, 1n << 63n, 0x7ff0000000000001n, 0x7ff8000000000000n, 9n << 32n);
  fc.assert(
    fc.property(fc.array(few, {minLength: 1, maxLength: 40}), (list) => {
      const count = list.length;
      const values = floatsOfBits(list);
      const changes = new Uint8Array(count);
      const runs = new Float64Array(count);
      const runCount = takeRuns(values, count, changes, runs);
      const want = list.filter((each, i) => i === 0 || each !== list[i - 1]);
      expect(toBits(runs).slice(0, runCount)).toEqual(want);
      expect(countRepeats(values, count)).toBe(count - runCount);
      const out = new Float64Array(count);
      expandRuns(runs, changes, count, out);
      expect(toBits(out)).toEqual(list);
    }),
  );
});
