import fc from 'fast-check';
import {expect, test} from 'vitest';
import {BlockCut} from './block-cut.ts';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
// 2026-01-01T00:30:00Z in milliseconds.
const START = 1_767_227_400_000;
const cut = new BlockCut({startUnits: BigInt(START), unitsPerSecond: SECOND});

function offsetsEvery(step: number, count: number): Float64Array {
  return Float64Array.from({length: count}, (_, i) => i * step);
}

test('rows of every ten seconds are cut at full hours of the epoch', () => {
  const offsets = offsetsEvery(10 * SECOND, 1_000);
  const ends = cut.ends(offsets, offsets.length);
  expect(ends).toEqual([180, 540, 900, 1_000]);
  for (const end of ends.slice(0, -1)) expect((START + offsets[end]!) % HOUR).toBe(0);
});

test('nanoseconds beyond 2^53 since the epoch are cut alike', () => {
  const nanos = new BlockCut({startUnits: BigInt(START) * 1_000_000n, unitsPerSecond: 1e9});
  const offsets = offsetsEvery(10e9, 1_000);
  expect(nanos.ends(offsets, offsets.length)).toEqual([180, 540, 900, 1_000]);
});

test('rows of every hour gather to blocks that still end at midnight', () => {
  const offsets = offsetsEvery(HOUR, 400);
  const ends = cut.ends(offsets, offsets.length);
  expect(ends.length).toBeLessThan(5);
  for (const end of ends.slice(0, -1)) {
    expect((START + offsets[end]!) % (24 * HOUR)).toBeLessThan(HOUR);
    expect((START + offsets[end - 1]!) % (24 * HOUR)).toBeGreaterThanOrEqual(23 * HOUR);
  }
});

test('blocks cover all rows in order and never pass the limit', () => {
  const offsets = fc
    .uniqueArray(fc.oneof(fc.nat(100 * HOUR), fc.nat(5_000)), {maxLength: 3_000, size: 'max'})
    .map((each) => Float64Array.from(each).sort());
  fc.assert(
    fc.property(offsets, (each) => {
      let start = 0;
      for (const end of cut.ends(each, each.length)) {
        expect(end).toBeGreaterThan(start);
        expect(end - start).toBeLessThanOrEqual(1_000);
        start = end;
      }
      expect(start).toBe(each.length);
    }),
    {numRuns: 50},
  );
});
