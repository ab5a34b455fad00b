import {setTimeout as sleep} from 'node:timers/promises';
import {expect, it} from 'vitest';
import {runClosedLoop} from './closed-loop.ts';
import {lineOf, putOf} from './one-row.ts';

it('counts what clients wait for', async () => {
  let underWay = 0;
  let most = 0;
  let begun = 0;
  let warmAt: number | undefined;
  const {writesPerSecond, latencies} = await runClosedLoop({
    clients: 4,
    warmupSeconds: 0.05,
    seconds: 0.5,
    onWarm: () => {
      expect(warmAt).toBe(undefined);
      warmAt = begun;
    },
    write: async () => {
      begun++;
      most = Math.max(most, ++underWay);
      await sleep(10);
      underWay--;
    },
  });
  expect(most).toBe(4);
  expect(warmAt).toBeGreaterThan(0);
  expect(begun - warmAt!).toBeGreaterThanOrEqual(latencies.count);
  expect(writesPerSecond).toBe(Math.round(latencies.count / 0.5));
  // A timer is never early; how late it is is the machine's.
  expect(latencies.quantile(0)).toBeGreaterThanOrEqual(9);
  expect(writesPerSecond).toBeLessThanOrEqual(450);
});

it('writes rows of about 100 bytes, each another', () => {
  const lines = [0, 1, 999_999, 1_000_000, 12_345_678].map(lineOf);
  expect(new Set(lines).size).toBe(lines.length);
  for (const line of lines) {
    expect(line.length).toBeGreaterThan(90);
    expect(line.length).toBeLessThan(120);
    expect(line.split(' ').at(-1)).toMatch(/^\d{19}$/);
  }
  const {key, value} = putOf(5);
  expect(key.length + value.length).toBe(100);
});
