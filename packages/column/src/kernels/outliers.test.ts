import fc from 'fast-check';
import {expect, test} from 'vitest';
import {countBuckets} from './count-buckets.ts';
import {packInside, packLow} from './pack-bits.ts';
import {separateOutliers} from './separate-outliers.ts';

const integers = fc.array(fc.oneof(fc.integer({min: -99, max: 99}), fc.maxSafeInteger()), {
  maxLength: 60,
});
const base = fc.integer({min: -60, max: 60});

test('what is outside a frame is named, and the rest is kept', () => {
  fc.assert(
    fc.property(integers, base, fc.integer({min: 0, max: 53}), (list, from, width) => {
      const kept = new Float64Array(list.length);
      const positions = new Int32Array(list.length);
      const frame = {base: from, limit: 2 ** width};
      const values = Float64Array.from(list);
      const others = separateOutliers(values, list.length, frame, kept, positions);
      const isInside = (value: number) => {
        const offset = BigInt(value) - BigInt(from);
        return offset >= 0n && offset < 2n ** BigInt(width);
      };
      const outside = list.flatMap((value, i) => (isInside(value) ? [] : [i]));
      expect([...positions.subarray(0, others)]).toEqual(outside);
      expect([...kept]).toEqual(list.map((value) => (isInside(value) ? value : from)));
    }),
  );
});

test('packed on the way they are what they are packed after', () => {
  fc.assert(
    fc.property(integers, base, fc.integer({min: 1, max: 32}), (list, from, width) => {
      const values = Float64Array.from(list);
      const count = list.length;
      const frame = {base: from, width};
      const [kept, words] = [new Float64Array(count), new Uint32Array(count)];
      const [positions, wanted] = [new Int32Array(count), new Int32Array(count)];
      const others = packInside(values, count, frame, words, positions);
      const limited = {base: from, limit: 2 ** width};
      expect(others).toBe(separateOutliers(values, count, limited, kept, wanted));
      expect(positions).toEqual(wanted);
      const apart = new Uint32Array(count);
      packLow(kept, count, from, width, apart);
      expect(words).toEqual(apart);
    }),
  );
});

test('buckets count what is in their range', () => {
  fc.assert(
    fc.property(
      integers,
      base,
      fc.nat(8),
      fc.integer({min: 1, max: 64}),
      (list, from, grain, n) => {
        const counts = new Int32Array(n);
        const buckets = {base: from, grain, buckets: n};
        countBuckets(Float64Array.from(list), list.length, buckets, counts);
        const want = Array.from({length: n}, (_, i) => {
          const start = from + i * 2 ** grain;
          return list.filter((value) => value >= start && value < start + 2 ** grain).length;
        });
        expect([...counts]).toEqual(want);
      },
    ),
  );
});
