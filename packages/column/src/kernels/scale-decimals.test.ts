import fc from 'fast-check';
import {expect, test} from 'vitest';
import {
  decimalExponent,
  isDecimal,
  isDecimalOf,
  scaleDecimals,
  scaleMostDecimals,
  unscaleDecimals,
} from './scale-decimals.ts';

const value = fc.oneof(
  fc.double(),
  fc.integer({min: -1e6, max: 1e6}).map((n) => n / 100),
  fc.constantFrom(-0, 0, Number.NaN, 1e300, 5e-324),
);

test('what is scaled comes back bit by bit, and the first that would not is named', () => {
  fc.assert(
    fc.property(fc.array(value), fc.integer({min: 0, max: 15}), (list, exponent) => {
      const values = Float64Array.from(list);
      const scaled = new Float64Array(list.length);
      const good = scaleDecimals(values, list.length, exponent, scaled);
      expect(scaled.slice(0, good).every(Number.isInteger)).toBe(true);
      unscaleDecimals(scaled, good, exponent);
      for (let i = 0; i < good; i++) expect(Object.is(scaled[i], values[i])).toBe(true);
      if (good === list.length) return;
      expect(decimalExponent(values[good]!, exponent)).not.toBe(exponent);
    }),
    {numRuns: 1000},
  );
});

test('the least exponent of a decimal is the number of its decimals', () => {
  expect([7, 0.5, 12.34, -0.001].map((value) => decimalExponent(value, 0))).toEqual([0, 1, 2, 3]);
  expect(
    [Math.PI * 1e10, Number.NaN, -0, Infinity].map((value) => decimalExponent(value, 0)),
  ).toEqual([-1, -1, -1, -1]);
});

test('what does not come back is named, and stands as the value before it', () => {
  fc.assert(
    fc.property(fc.array(value), fc.integer({min: 0, max: 15}), (list, exponent) => {
      const values = Float64Array.from(list);
      const scaled = new Float64Array(list.length);
      const odd = new Int32Array(list.length);
      const oddCount = scaleMostDecimals(values, list.length, exponent, scaled, odd);
      const isOdd = (i: number) =>
        scaleDecimals(values.subarray(i), 1, exponent, new Float64Array(1)) === 0;
      const want = [...list.keys()].filter(isOdd);
      expect([...odd.subarray(0, oddCount)]).toEqual(want);
      const first = list.findIndex((_, i) => !isOdd(i));
      list.forEach((_, i) => {
        if (isOdd(i))
          expect(scaled[i]).toBe(first < 0 ? 0 : scaled[i === 0 || i < first ? first : i - 1]);
      });
      unscaleDecimals(scaled, list.length, exponent);
      list.forEach((each, i) => {
        if (!isOdd(i)) expect(Object.is(scaled[i], each)).toBe(true);
      });
    }),
    {numRuns: 500},
  );
});

test('a decimal is what some exponent holds', () => {
  const value = fc.oneof(
    fc.double(),
    fc.maxSafeInteger(),
    fc
      .tuple(fc.integer({min: 0, max: 17}), fc.maxSafeInteger())
      .map(([digits, n]) => Number(`${n % 10 ** 12}e-${digits}`)),
    fc.constantFrom(-0, 0, Number.NaN, 2 ** 48, 2 ** 48 + 1, 5e-324, Infinity),
  );
  fc.assert(
    fc.property(value, (each) => {
      expect(isDecimal(each)).toBe(decimalExponent(each, 0) >= 0);
    }),
    {numRuns: 3_000},
  );
});

test('one exponent holds what comes back from it alone', () => {
  fc.assert(
    fc.property(value, fc.integer({min: 0, max: 15}), (each, exponent) => {
      const scaled = scaleDecimals(Float64Array.of(each), 1, exponent, new Float64Array(1));
      expect(isDecimalOf(each, exponent)).toBe(scaled === 1);
    }),
    {numRuns: 1_000},
  );
});
