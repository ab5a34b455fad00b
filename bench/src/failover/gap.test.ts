import {setTimeout as sleep} from 'node:timers/promises';
import {expect, it} from 'vitest';
import {longestGapMs, measureGap} from './gap.ts';

it('finds the longest silence that ends after the fault', () => {
  expect(longestGapMs([0, 500, 510, 520, 700, 710, 760], 515)).toBe(180);
  // The fault itself may fall into the silence.
  expect(longestGapMs([0, 10, 200, 210], 12)).toBe(190);
});

it('measures a silence of a known length', async () => {
  let silentUntilMs = 0;
  const writer = {
    write: async () => {
      const waitMs = silentUntilMs - performance.now();
      if (waitMs > 0) throw new Error('no leader');
      await sleep(1);
    },
    close: () => {},
  };
  const fault = () => {
    silentUntilMs = performance.now() + 300;
  };
  const gapMs = await measureGap(writer, fault, {intervalMs: 5, beforeMs: 200, waitMsMax: 20_000});
  expect(gapMs).toBeGreaterThanOrEqual(300);
  expect(gapMs).toBeLessThan(5_000);
});

it('fails where nothing is written before the fault', async () => {
  const writer = {write: () => Promise.reject(new Error('down')), close: () => {}};
  const gap = measureGap(writer, () => {}, {intervalMs: 5, beforeMs: 50, waitMsMax: 100});
  await expect(gap).rejects.toThrow(/before the fault/);
});
