import fc from 'fast-check';
import {expect, test} from 'vitest';
import {bitWidth} from '../kernels/pack-bits.ts';
import {narrowFrame, outlierBits} from './narrow-frame.ts';

const BITS_EACH = 30;

function narrow(list: readonly number[]) {
  const values = Float64Array.from(list);
  const min = Math.min(...list);
  const whole = {base: min, width: bitWidth(Math.max(...list) - min)};
  return {whole, ...narrowFrame(values, list.length, whole, BITS_EACH)};
}

test('a frame costs what it says, and no more than the whole one', () => {
  const near = fc.integer({min: -40, max: 40});
  const list = fc.array(fc.oneof({weight: 9, arbitrary: near}, fc.integer(), fc.nat(2 ** 31)), {
    minLength: 1,
    maxLength: 200,
  });
  fc.assert(
    fc.property(list, (values) => {
      const {whole, base, width, bits} = narrow(values);
      const outside = values.filter((value) => value < base || value >= base + 2 ** width);
      expect(bits).toBe(width * values.length + outside.length * BITS_EACH);
      expect(bits).toBeLessThanOrEqual(whole.width * values.length);
    }),
    {numRuns: 500},
  );
});

test('lone values do not widen the frame, on whichever side and however far they are', () => {
  const values = Array.from({length: 300}, (_, i) => 1000 + (i % 8));
  for (const far of [1e3 + 20, 1e6, 2 ** 52, -5, -1e9, -(2 ** 51)]) {
    const {width, bits} = narrow(values.with(17, far));
    expect([width, bits]).toEqual([3, 3 * 300 + BITS_EACH]);
  }
  const both = narrow(values.with(3, 1e12).with(200, -1e12));
  expect([both.width, both.bits]).toEqual([3, 3 * 300 + 2 * BITS_EACH]);
});

test('an outlier takes a gap and its own size', () => {
  expect(outlierBits(-1, 1)).toBe(16);
  expect(outlierBits(0, 100)).toBe(24);
  expect(outlierBits(-(2 ** 53), 0)).toBe(8 + 8 * 8);
});
