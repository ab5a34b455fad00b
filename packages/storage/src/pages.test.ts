import fc from 'fast-check';
import {expect, test} from 'vitest';
import {beginOf, doublePages, FIRST_LENGTH, lengthOf, pageOf} from './pages.ts';

test('each position is in the page that begins at or before it and ends behind it', () => {
  fc.assert(
    fc.property(fc.oneof(fc.nat(200_000), fc.nat(2 ** 30)), (position) => {
      const page = pageOf(position);
      expect(beginOf(page)).toBeLessThanOrEqual(position);
      expect(beginOf(page) + lengthOf(page)).toBeGreaterThan(position);
      expect(pageOf(beginOf(page))).toBe(page);
    }),
  );
});

test('growing moves nothing but a small first page, and leaves at most half of it all spare', () => {
  const pages = doublePages();
  const seen = new Map<number, Float64Array>();
  const run = Float64Array.from({length: 777}, (_, i) => i);
  for (let count = 0; count < 300_000; count += run.length) {
    pages.reserve(count + run.length);
    pages.write(run, run.length, count);
    expect(pages.bytes).toBe(pages.list.reduce((sum, page) => sum + page.byteLength, 0));
    expect(pages.bytes).toBeLessThanOrEqual(2 * 8 * (count + run.length) + FIRST_LENGTH * 8);
    for (const [number, page] of pages.list.entries()) {
      const before = seen.get(number);
      if (before !== undefined && before.length > FIRST_LENGTH / 2) expect(page).toBe(before);
      seen.set(number, page);
    }
  }
  for (let i = 0; i < 300_000; i += 1_000)
    expect(pages.list[pageOf(i)]![i - beginOf(pageOf(i))]).toBe(i % run.length);
});

test('a table of few rows takes few bytes', () => {
  const pages = doublePages();
  pages.reserve(3);
  expect(pages.bytes).toBe(16 * 8);
});
