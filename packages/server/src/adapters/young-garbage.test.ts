import {constants, PerformanceObserver} from 'node:perf_hooks';
import {expect, test} from 'vitest';
import {YoungGarbage, youngCollector} from './young-garbage.ts';

const MIB = 1024 * 1024;

test('after each four megabytes it is collected, however they came', () => {
  let collections = 0;
  const garbage = new YoungGarbage(() => collections++);
  for (let i = 0; i < 63; i++) garbage.add(MIB / 16);
  expect(collections).toBe(0);
  garbage.add(MIB / 16);
  expect(collections).toBe(1);
  garbage.add(9 * MIB);
  expect(collections, 'one takes all').toBe(2);
  garbage.add(3 * MIB);
  expect(collections).toBe(2);
});

test('what is collected is young, and nobody else gets the means', async () => {
  const kinds: number[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      kinds.push((entry as unknown as {readonly detail: {readonly kind: number}}).detail.kind);
  });
  observer.observe({entryTypes: ['gc']});
  const collect = youngCollector();
  collect();
  await expect.poll(() => kinds).toContain(constants.NODE_PERFORMANCE_GC_MINOR);
  observer.disconnect();
  expect(globalThis.gc).toBeUndefined();
});
