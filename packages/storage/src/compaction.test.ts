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

test('each failed merge of a part halves the runs that it may be in; after the third it is in none', () => {
  const all = (failures: number) =>
    planCompaction(Array.from({length: 20}, () => ({bytes: 10, failures})));
  expect([0, 1, 2, 3].map(all)).toEqual([
    {start: 4, end: 20},
    {start: 12, end: 20},
    {start: 16, end: 20},
    undefined,
  ]);
  const around = (at: number) =>
    planCompaction(Array.from({length: 9}, (_, i) => ({bytes: 10, failures: i === at ? 3 : 0})));
  expect([around(2), around(4), around(8)]).toEqual([
    {start: 3, end: 9},
    {start: 5, end: 9},
    {start: 0, end: 8},
  ]);
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
