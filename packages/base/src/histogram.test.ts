import fc from 'fast-check';
import {expect, test} from 'vitest';
import {DURATION_BOUNDS_S, DurationHistogram} from './histogram.ts';

test('a value counts in the first bucket that holds it, its bound included', () => {
  const histogram = new DurationHistogram();
  for (const ms of [0, 0.1, 0.100001, 1, 30_000, 30_001]) histogram.observeMs(ms);
  const filled = [...histogram.counts.entries()].filter(([, count]) => count > 0);
  expect(filled).toEqual([
    [0, 2],
    [1, 1],
    [DURATION_BOUNDS_S.indexOf(0.001), 1],
    [DURATION_BOUNDS_S.indexOf(30), 1],
    [DURATION_BOUNDS_S.length, 1],
  ]);
});

test('every value is counted once and summed', () => {
  fc.assert(
    fc.property(fc.array(fc.double({min: 0, max: 1e6, noNaN: true})), (values) => {
      const histogram = new DurationHistogram();
      for (const ms of values) histogram.observeMs(ms);
      expect(histogram.counts.reduce((sum, count) => sum + count, 0)).toBe(values.length);
      expect(histogram.sum).toBeCloseTo(
        values.reduce((sum, ms) => sum + ms / 1000, 0),
        3,
      );
    }),
  );
});

test('a copy stays as it was', () => {
  const histogram = new DurationHistogram();
  histogram.observeMs(1);
  const copy = histogram.copy();
  histogram.observeMs(1);
  expect(copy.sum).toBe(0.001);
  expect(copy.counts.reduce((sum, count) => sum + count, 0)).toBe(1);
});
