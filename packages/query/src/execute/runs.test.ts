import fc from 'fast-check';
import {expect, test} from 'vitest';
import {Runs} from './runs.ts';
import {floorMod, unitBin} from './time-bins.ts';

test('runs are cut exactly where the bin changes, on edges and far from the origin', () => {
  const width = fc.oneof(
    fc.bigInt({min: 1n, max: 9n}),
    fc.constantFrom(60_000_000_000n, 3n ** 20n, 2n ** 51n - 1n),
  );
  const offsets = fc.oneof(
    fc.uniqueArray(fc.integer({min: 0, max: 60})),
    fc.uniqueArray(fc.integer({min: 2 ** 53 - 60, max: 2 ** 53 - 1})),
    fc.uniqueArray(fc.integer({min: 0, max: 200}).map((n) => n * 30_000_000_000)),
  );
  const origin = fc.bigInt({min: -100n, max: 10n ** 18n});
  const base = fc.record({
    startMs: fc.constantFrom(-7, 0, 1_704_067_200_000),
    unitNs: fc.constant(1),
  });
  fc.assert(
    fc.property(width, offsets, origin, base, (widthNs, unsorted, originNs, counted) => {
      const sorted = Float64Array.from(unsorted).sort();
      const bin = unitBin(widthNs, originNs, counted)!;
      const runs = new Runs();
      runs.cutByBin(sorted, sorted.length, bin);
      const starts = Array.from(sorted, (offset) => {
        const ns = BigInt(counted.startMs) * 1_000_000n + BigInt(offset);
        return ns - floorMod(ns - originNs, widthNs);
      });
      const ends = starts.flatMap((start, i) => (start === starts[i + 1] ? [] : [i + 1]));
      expect([...runs.ends.subarray(0, runs.count)]).toEqual(ends);
      ends.forEach((end, run) => {
        const offset = BigInt(runs.ordinals[run]! * bin.width - bin.phase);
        expect(BigInt(counted.startMs) * 1_000_000n + offset).toBe(starts[end - 1]);
      });
    }),
    {numRuns: 500},
  );
});
