import fc from 'fast-check';
import {expect, test} from 'vitest';
import {planCompaction} from './compaction.ts';

const plan = (...sizes: number[]) => planCompaction(sizes.map((bytes) => ({bytes})));

test('four parts of a size are merged, three are not', () => {
  expect(plan(10, 10, 10)).toBeUndefined();
  expect(plan(10, 10, 10, 10)).toEqual({start: 0, end: 4});
});

test('a large old part stays where it is while small new ones are merged beside it', () => {
  expect(plan(1_000, 10, 12, 9, 11)).toEqual({start: 1, end: 5});
  expect(plan(1_000, 10, 12, 9)).toBeUndefined();
});

test('flushes of one size are each rewritten a logarithmic number of times', () => {
  const sizes: number[] = [];
  let written = 0;
  const flushes = 2_000;
  for (let i = 0; i < flushes; i++) {
    sizes.push(1);
    for (;;) {
      const next = plan(...sizes);
      if (next === undefined) break;
      const merged = sizes.slice(next.start, next.end).reduce((sum, size) => sum + size, 0);
      written += merged;
      sizes.splice(next.start, next.end - next.start, merged);
    }
  }
  expect(sizes.length).toBeLessThan(20);
  expect(written / flushes).toBeLessThan(12);
});

test('a plan is always a run of neighbours', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({min: 1, max: 1_000}), {maxLength: 40}), (sizes) => {
      const found = plan(...sizes);
      if (found === undefined) return;
      expect(found.start).toBeGreaterThanOrEqual(0);
      expect(found.end).toBeLessThanOrEqual(sizes.length);
      expect(found.end - found.start).toBeGreaterThanOrEqual(4);
    }),
  );
});
