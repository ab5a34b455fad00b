import fc from 'fast-check';
import {expect, test} from 'vitest';
import {decimalExponent, scaleDecimals, unscaleDecimals} from './scale-decimals.ts';

test('what is scaled comes back bit by bit, and the first that would not is named', () => {
  const value = fc.oneof(
    fc.double(),
    fc.integer({min: -1e6, max: 1e6}).map((n) => n / 100),
    fc.constantFrom(-0, 0, Number.NaN, 1e300, 5e-324),
  );
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
