import {setTimeout as sleep} from 'node:timers/promises';
import {expect, it} from 'vitest';
import {longestMs, parseSamples, sumOf} from '../node-figures.ts';
import {CpuBodies, DATA_START_MS, ROWS_PER_BODY, timeMsOf} from './cpu-bodies.ts';
import {RefusedWrite} from './failures.ts';
import {runOpenLoop} from './open-loop.ts';

it('makes bodies of other rows each time', () => {
  const bodies = new CpuBodies();
  const seen = new Set<string>();
  for (let n = 0; n < 25; n++) {
    const lines = bodies.body(n).toString().trimEnd().split('\n');
    expect(lines.length).toBe(ROWS_PER_BODY);
    for (const line of lines) {
      const [series = '', , time = ''] = line.split(' ');
      expect(Number(time) / 1e6).toBe(timeMsOf(n));
      seen.add(`${series} ${time}`);
    }
  }
  expect(seen.size).toBe(25 * ROWS_PER_BODY);
  expect(timeMsOf(0)).toBe(DATA_START_MS);
});

it('counts the wait behind a stall, though nothing was sent during it', async () => {
  const {latencies, failed} = await runOpenLoop({
    perSecond: 100,
    seconds: 0.5,
    write: async (n) => {
      if (n === 10) {
        const endMs = performance.now() + 200;
        while (performance.now() < endMs); // The client itself stands still.
      }
      await sleep(1);
    },
  });
  expect(failed).toBe(0);
  expect(latencies.count).toBe(50);
  // Twenty writes were due in those 200 ms: a fifth of all has waited 100 ms or more.
  expect(latencies.quantile(0.85)).toBeGreaterThan(80);
  expect(latencies.quantile(1)).toBeGreaterThan(180);
});

it('counts failures by kind', async () => {
  const answers = [
    () => undefined,
    () => new RefusedWrite(429, '{"code":"OVERLOADED","message":"set 7 must flush"}'),
    () => new RefusedWrite(429, '{"code":"OVERLOADED","message":"set 12 must flush"}'),
    () => Object.assign(new Error('read ECONNRESET'), {code: 'ECONNRESET'}),
    () => new RefusedWrite(502, 'Bad Gateway'),
  ];
  const {latencies, failed, failures} = await runOpenLoop({
    perSecond: 100,
    seconds: 0.2,
    write: async (n) => {
      const error = answers[n % answers.length]!();
      if (error !== undefined) throw error;
    },
  });
  expect(latencies.count).toBe(4);
  expect(failed).toBe(16);
  const kinds = failures.map(({firstSeconds, lastSeconds, ...kind}) => {
    expect(firstSeconds).toBeLessThanOrEqual(lastSeconds);
    return kind;
  });
  expect(kinds).toEqual([
    {status: 429, code: 'OVERLOADED', message: 'set 7 must flush', count: 8},
    {status: 0, code: 'ECONNRESET', message: 'Error: read ECONNRESET', count: 4},
    {status: 502, code: '', message: 'Bad Gateway', count: 4},
  ]);
});

it('reads the longest pause between two scrapes', () => {
  const scrapeOf = (counts: readonly number[]) =>
    parseSamples(
      ['0.01', '0.1', '1', '+Inf']
        .map((le, i) => `pause_seconds_bucket{thread="main",le="${le}"} ${counts[i]}`)
        .join('\n'),
    );
  const histogram = {name: 'pause_seconds', thread: 'main'};
  expect(longestMs(scrapeOf([1, 1, 2, 2]), scrapeOf([3, 4, 5, 5]), histogram)).toBe(100);
  expect(longestMs(scrapeOf([1, 1, 1, 1]), scrapeOf([1, 1, 1, 1]), histogram)).toBe(0);
  expect(longestMs(scrapeOf([0, 0, 0, 0]), scrapeOf([0, 0, 0, 1]), histogram)).toBe(Infinity);
});

it('sums samples by their labels', () => {
  const samples = parseSamples('# HELP a\na{k="x"} 1\na{k="y",l="z"} 2\nb 5\n');
  expect(sumOf(samples, 'a')).toBe(3);
  expect(sumOf(samples, 'a', {k: 'y'})).toBe(2);
  expect(sumOf(samples, 'b')).toBe(5);
});
