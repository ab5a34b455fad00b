// The scenarios of bench/ that show the storage engine, in miniature and as a person runs them: the shape of their
// JSON, and figures that only nodes that did the work can give. How fast it is nobody asks here.

import {expect, test} from 'vitest';
import {bench} from './bench.ts';

const TEST_MS_MAX = 240_000;

test('ingest measures a node', {timeout: TEST_MS_MAX}, async () => {
  const rows = ['--hosts', '20', '--hours', '1', '--batch', '1000', '--late', '10m'];
  const few = ['--rounds', '1', '--log-seconds', '0.1', '--engine-threads', '1'];
  const results = await bench('ingest', ...rows, ...few);
  expect(results).toMatchObject([{target: 'flotilla', nodes: 1, rows: 7_200, values: 'integer'}]);
  const figure = (key: string) => Number(results[0]![key]);
  for (const key of ['seconds', 'ackCpuSeconds', 'peakRssBytes', 'diskBytes'])
    expect(figure(key), key).toBeGreaterThan(0);
  expect(figure('cpuSeconds')).toBeGreaterThanOrEqual(figure('ackCpuSeconds'));
  expect(figure('rowsPerSecond') / (7_200 / figure('seconds'))).toBeCloseTo(1, 1);
  expect(figure('rowsPerCpuSecond') / (7_200 / figure('cpuSeconds'))).toBeCloseTo(1, 1);
});

test('backup backs up, again, and restores', {timeout: TEST_MS_MAX}, async () => {
  const rows = ['--hosts', '20', '--hours', '1', '--still-seconds', '0.5'];
  const [result] = await bench('backup', ...rows, '--engine-threads', '1');
  expect(result).toMatchObject({target: 'flotilla', nodes: 1, rows: 7_200});
  // Ten doubles of every digit.
  expect(result!['bytes']).toBeGreaterThan(7_200 * 10 * 6);
  const above = ['fullMs', 'unchangedMs', 'p99Ms', 'backupP99Ms', 'restoreMs', 'p99Ratio'];
  for (const key of above.concat('restoredRowsPerSecond', 'restoreCpuMicrosPerRow'))
    expect(result![key], key).toBeGreaterThan(0);
});

test('buckets measures replicas as a start leaves them, loaded, and unloaded', {
  timeout: TEST_MS_MAX,
}, async () => {
  const few = ['--buckets', '2', '--series', '20', '--unload-seconds', '2'];
  const [result] = await bench('buckets', ...few);
  expect(result).toMatchObject({target: 'flotilla', buckets: 2, series: 20});
  // Of so few series what collections leave is more than they take.
  const figures = {heapBytes: expect.any(Number), bufferBytes: expect.any(Number)};
  expect(result).toMatchObject({restarted: figures, loaded: figures, unloaded: figures});
  for (const key of ['startMs', 'firstQueryMs', 'secondQueryMs', 'loadMsMean'])
    expect(result![key], key).toBeGreaterThan(0);
});

test('plan holds what rows cost against what is planned of them', {
  timeout: TEST_MS_MAX,
}, async () => {
  const results = await bench('plan', '--sets', 'integers', '--hours', '0.2');
  expect(results.map(({figure}) => figure)).toEqual([
    ...['cpuMicrosPerRow', 'logBytesPerRow', 'partBytesPerRow', 'keyBytesPerHost', 'memoryBytes'],
  ]);
  for (const {figure, set, rows, planned, measured, ratio, isWithin} of results) {
    expect({set, rows}).toEqual({set: 'integers', rows: 7_200});
    expect(Number(ratio) / (Number(planned) / Number(measured)), String(figure)).toBeCloseTo(1, 1);
    expect(isWithin).toBe(Number(ratio) >= 0.75 && Number(ratio) <= 1.25);
  }
});
