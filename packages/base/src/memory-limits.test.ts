import fc from 'fast-check';
import {expect, test} from 'vitest';
import {LIMITS} from './limits.ts';
import {engineThreadsOf, fitMemory, MEMORY_LIMITS, memoryBytesMin} from './memory-limits.ts';

const MIB = 1024 * 1024;
const threads = fc.integer({min: 1, max: 64});

test('with enough memory each budget is its limit', () => {
  const limits = fitMemory(256 * 1024 * MIB, 4);
  expect(limits).toEqual(MEMORY_LIMITS);
  expect(limits.memtables_bytes_max).toBe(LIMITS.memtables_bytes_max.value);
});

test('with less, all budgets fit half of it together and series indexes a quarter, none over its limit', () => {
  const extra = fc.integer({min: 0, max: 256 * 1024}).map((mib) => mib * MIB);
  fc.assert(
    fc.property(threads, extra, (count, more) => {
      const memory = memoryBytesMin(count) + more;
      const {
        bodies_in_flight_bytes_max: bodies,
        series_indexes_bytes_max: indexes,
        ...ofThread
      } = fitMemory(memory, count);
      expect(count * indexes).toBeLessThanOrEqual(memory / 4);
      expect(indexes).toBeGreaterThan(64 * MIB);
      const sum = Object.values(ofThread).reduce((a, b) => a + b, ofThread.memtables_bytes_max);
      expect(bodies + count * sum).toBeLessThanOrEqual(memory / 2);
      expect(bodies).toBeGreaterThanOrEqual(64 * MIB);
      for (const [name, bytes] of Object.entries(fitMemory(memory, count)))
        expect(bytes).toBeLessThanOrEqual(LIMITS[name as keyof typeof LIMITS].value);
    }),
  );
});

test('more memory never makes a budget smaller', () => {
  const few = fc.integer({min: 0, max: 16 * 1024}).map((mib) => mib * MIB);
  fc.assert(
    fc.property(threads, few, few, (count, some, more) => {
      const before = fitMemory(memoryBytesMin(count) + some, count);
      const after = fitMemory(memoryBytesMin(count) + some + more, count);
      for (const name of Object.keys(before) as (keyof typeof before)[])
        expect(after[name]).toBeGreaterThanOrEqual(before[name]);
    }),
  );
});

test('as many engine threads as have their least, and one with however little', () => {
  expect(engineThreadsOf(1)).toBe(1);
  fc.assert(
    fc.property(threads, (count) => {
      expect(engineThreadsOf(memoryBytesMin(count))).toBe(count);
      expect(engineThreadsOf(memoryBytesMin(count) - 1)).toBe(Math.max(1, count - 1));
    }),
  );
});
