// The scenarios of bench/ that show consensus, in miniature and as a person runs them: the shape of their
// JSON, and figures that only a cluster that did the work can give. How fast it is nobody asks here.

import {existsSync} from 'node:fs';
import {expect, test} from 'vitest';
import {bench} from './bench.ts';

const ETCD = existsSync('/usr/bin/etcd') ? ['--peers', 'etcd'] : [];
const TEST_MS_MAX = 240_000;

const aNumber = expect.any(Number);

test('consensus measures each target', {timeout: TEST_MS_MAX}, async () => {
  const times = ['--seconds', '0.5', '--warmup', '0.2', '--engine-threads', '1'];
  const results = await bench('consensus', '--clients', '2', ...times, ...ETCD);
  const targets = ['flotilla', 'flotilla-one-group', 'flotilla-http'];
  if (ETCD.length > 0) targets.push('etcd');
  expect(results.map(({target}) => target)).toEqual(targets);
  for (const result of results) {
    expect(result).toEqual({
      target: expect.any(String),
      nodes: 3,
      clients: 2,
      writesPerSecond: aNumber,
      p50Ms: aNumber,
      p99Ms: aNumber,
      serverCpuUs: aNumber,
      clientCpuUs: aNumber,
    });
    const [rate, p50Ms, p99Ms] = ['writesPerSecond', 'p50Ms', 'p99Ms'].map((key) =>
      Number(result[key]),
    );
    expect(rate).toBeGreaterThan(0);
    expect(p50Ms).toBeGreaterThan(0);
    expect(p99Ms).toBeGreaterThanOrEqual(p50Ms!);
    // Half of the writes took p50 or longer, two at once: more cannot have come back in a second.
    expect(rate! * 0.5 * p50Ms!).toBeLessThanOrEqual(2 * 1000 * 1.1);
  }
});

test('failover measures a kill', {timeout: TEST_MS_MAX}, async () => {
  const results = await bench('failover', '--fault', 'kill', '--rounds', '1', ...ETCD);
  expect(results.map(({target}) => target)).toEqual(
    ETCD.length > 0 ? ['flotilla', 'etcd'] : ['flotilla'],
  );
  for (const result of results) {
    expect(result).toMatchObject({fault: 'kill', rounds: 1});
    const {min, median, p99, max} = result['gapMs'] as Record<string, number>;
    expect(min).toBeGreaterThan(0);
    expect([median, p99, max]).toEqual([min, min, min]);
  }
});

test('groups makes groups, watches them and kills a node', {timeout: TEST_MS_MAX}, async () => {
  const times = ['--idle-seconds', '1', '--settle-seconds', '0.3', '--wait-seconds', '120'];
  const [result] = await bench('groups', '--groups', '12', ...times, '--engine-threads', '1');
  expect(result).toMatchObject({target: 'flotilla', groups: 12, nodes: 3});
  for (const key of ['idleCpuPercent', 'startMs', 'reelectMs', 'createSeconds'])
    expect(result![key]).toBeGreaterThan(0);
  expect(result!['idleMessagesPerSecond']).toBeGreaterThanOrEqual(0);
  expect(result!['heapBytesPerGroup']).toEqual(aNumber);
});

test('steady writes at a share of the best rate', {timeout: TEST_MS_MAX}, async () => {
  const times = ['--finding-seconds', '1', '--storage-seconds', '1', '--engine-threads', '1'];
  const [result] = await bench('steady', '--minutes', '0.05', '--load', '0.3', ...times);
  expect(result).toMatchObject({target: 'flotilla', minutes: 0.05});
  const figure = (key: string) => Number(result![key]);
  expect(figure('writes')).toBeGreaterThan(0);
  expect(figure('rowsPerSecond') / figure('bestRowsPerSecond')).toBeCloseTo(0.3, 1);
  expect(figure('p50Ms')).toBeGreaterThan(0);
  expect(figure('p99Ms')).toBeGreaterThanOrEqual(figure('p50Ms'));
  expect(figure('maxMs')).toBeGreaterThanOrEqual(figure('p999Ms'));
  for (const key of ['elections', 'leaderChanges']) expect(result![key]).toEqual(aNumber);
  expect(figure('queries')).toBeGreaterThan(0);
  expect(figure('flushes')).toBeGreaterThan(0);
  const pauses = result!['pauses'] as readonly {thread: string; eventLoopMaxMs: number}[];
  const threads = pauses.map(({thread}) => thread);
  expect(threads).toEqual(expect.arrayContaining(['node1/main', 'node2/main', 'node3/main']));
  expect(Math.max(...pauses.map(({eventLoopMaxMs}) => eventLoopMaxMs))).toBeGreaterThan(0);
});

test('move moves a set under load, and again while a node is killed', {
  timeout: TEST_MS_MAX,
}, async () => {
  const size = ['--megabytes', '2', '--rounds', '1', '--seconds', '1'];
  const [result] = await bench('move', '--kills', ...size, '--engine-threads', '1');
  expect(result).toMatchObject({target: 'flotilla', moves: 4, failures: []});
  expect(result).toMatchObject({failedWrites: 0, lostRows: 0});
  for (const key of ['megabytes', 'writes', 'moveMs', 'p99Ms', 'movingP99Ms', 'longestMs'])
    expect(result![key], key).toBeGreaterThan(0);
});

test('drain empties a node under load', {timeout: TEST_MS_MAX}, async () => {
  const [result] = await bench('drain', '--sets', '8', '--seconds', '1', '--engine-threads', '1');
  expect(result).toMatchObject({target: 'flotilla', sets: 8, state: 'done'});
  expect(result).toMatchObject({failedWrites: 0, lostRows: 0});
  for (const key of ['replicas', 'leaders', 'writes', 'leadersGoneMs', 'p99Ms', 'drainingP99Ms'])
    expect(result![key], key).toBeGreaterThan(0);
  expect(result!['drainMs']).toBeGreaterThanOrEqual(Number(result!['leadersGoneMs']));
});

test('meta measures catalogs of several sizes', {timeout: TEST_MS_MAX}, async () => {
  const results = await bench('meta', '--nodes', '6', '--sets', '512');
  expect(results.map(({sets}) => sets)).toEqual([128, 256, 512]);
  for (const result of results) {
    // Of so few sets what collections leave in the heap is more than they take.
    expect(result['catalogBytesPerSet']).toEqual(aNumber);
    for (const key of ['placementMicros', 'bucketMs']) expect(result[key], key).toBeGreaterThan(0);
    expect(result['watch']).toMatchObject({snapshotBytesPerSet: aNumber, placementBytes: aNumber});
    expect(result['planMs']).toMatchObject({
      quiet: aNumber,
      oneRecord: aNumber,
      rebalance: aNumber,
    });
    // All of its replicas are lost with the node; as many repairs as may go on at once are begun.
    expect(result).toMatchObject({deadReplicas: aNumber, repairs: 8});
    expect(result['rebalanceMoves']).toBeGreaterThan(0);
  }
});

test('endurance loads one node, and starts it over what it took', {
  timeout: TEST_MS_MAX,
}, async () => {
  const times = ['--minutes', '0.05', '--window', '1', '--clients', '2'];
  const [result] = await bench('endurance', ...times, '--engine-threads', '1');
  expect(result).toMatchObject({target: 'flotilla', failedBodies: 0, failures: []});
  const windows = result!['windows'] as readonly {rowsPerSecond: number; residentBytes: number}[];
  expect(windows).toHaveLength(3);
  for (const {residentBytes} of windows) expect(residentBytes).toBeGreaterThan(0);
  expect(Number(result!['rows']) % 5_000).toBe(0);
  // Beside other tests a window of a second may see no body acknowledged.
  const lastToFirst = windows.at(-1)!.rowsPerSecond / windows[0]!.rowsPerSecond;
  const printed: unknown = JSON.parse(JSON.stringify(Math.round(lastToFirst * 1000) / 1000));
  expect(result!['lastToFirst']).toBe(printed);
  for (const key of ['rows', 'diskBytes', 'restartMs', 'restartKilledMs'])
    expect(result![key], key).toBeGreaterThan(0);
});

test('new-bucket makes buckets beside other writes', {timeout: TEST_MS_MAX}, async () => {
  const times = ['--rounds', '1', '--seconds', '1', '--per-second', '50'];
  const [result] = await bench('new-bucket', ...times, '--engine-threads', '1');
  expect(result).toMatchObject({target: 'flotilla', shards: 64, writes: 100, failedWrites: 0});
  for (const key of ['buckets', 'bucketMs', 'p99Ms', 'creatingP99Ms', 'p99Ratio'])
    expect(result![key], key).toBeGreaterThan(0);
});
