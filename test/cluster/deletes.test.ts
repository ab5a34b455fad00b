// DELETE on real nodes: gone on every replica, from files as from memory, and after kill -9; what is
// written to the same place later is there.

import {readdir} from 'node:fs/promises';
import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster, type ProcessNode} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {untilApplied} from './nodes.ts';

const DATABASE = 'deletes';
const HOSTS = ['h1', 'h2', 'h3', 'h4'];
const TICKS = 24;
/** Eight hours apart, so that the rows lie in two buckets of a week. */
const STEP_S = 8 * 3_600;
const START_S = 1_600_000_000;
const TEST_MS_MAX = 120_000;

/** Value by `host@second`: what a reader must see. */
const model = new Map<string, number>();
let cluster: ProcessCluster;
let client: FlotillaClient;

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 3});
  client = new FlotillaClient({urls: cluster.urls, database: DATABASE});
  await client.query(`CREATE DATABASE ${DATABASE} WITH SHARD 2`);
}, TEST_MS_MAX);
afterAll(async () => {
  client.close();
  await cluster.destroy();
});

const timeOf = (tick: number): number => START_S + tick * STEP_S;

async function write(ticks: readonly number[], hosts: readonly string[], mark: number) {
  const rows = ticks.flatMap((tick) => hosts.map((host) => ({host, time: timeOf(tick), tick})));
  await client.write(
    rows.map(({host, time, tick}) => `m,host=${host} v=${mark + tick} ${time}000000000`).join('\n'),
  );
  for (const {host, time, tick} of rows) model.set(`${host}@${time}`, mark + tick);
}

async function remove(where: string, isGone: (host: string, second: number) => boolean) {
  const answer = await client.query(`DELETE FROM m WHERE ${where}`);
  expect(answer).toEqual([{replica_sets: expect.any(Number)}]);
  for (const key of [...model.keys()]) {
    const [host, second] = key.split('@');
    if (isGone(host!, Number(second))) model.delete(key);
  }
  return Number(answer[0]!['replica_sets']);
}

async function rowsOf(reader: FlotillaClient, options: {stale?: boolean} = {}) {
  const sql = 'SELECT host, extract(epoch FROM time) AS s, v FROM m';
  const rows = await reader.query(sql, options);
  return rows.map(({host, s, v}) => `${host}@${s}=${v}`).sort();
}

/** By a linearizable read, by aggregates, and in each node's own replicas. */
async function expectModel(): Promise<void> {
  const want = [...model].map(([key, value]) => `${key}=${value}`).sort();
  expect(await rowsOf(client)).toEqual(want);
  const sum = [...model.values()].reduce((total, value) => total + value, 0);
  const [counted] = await client.query('SELECT count(*) AS n, count(v) AS c, sum(v) AS s FROM m');
  expect(counted).toEqual({n: want.length, c: want.length, s: sum});
  await untilApplied(client, DATABASE);
  for (const {url, number} of cluster.nodes) {
    const own = new FlotillaClient({urls: [url], database: DATABASE});
    expect(await rowsOf(own, {stale: true}), `node ${number}`).toEqual(want);
    own.close();
  }
}

async function partsOf({directory}: ProcessNode): Promise<string[]> {
  const entries = await readdir(directory, {recursive: true});
  return entries.filter((entry) => entry.endsWith('.part'));
}

async function startAll(): Promise<void> {
  for (const node of cluster.nodes) node.start();
  await Promise.all(cluster.nodes.map((node) => node.ready()));
}

const ALL_TICKS = Array.from({length: TICKS}, (_, tick) => tick);

test(
  'rows are deleted from files and from memory, on every replica, and stay so after kill -9',
  async () => {
    await write(ALL_TICKS, HOSTS, 1_000);
    // A clean stop writes what is in memory to files: on a follower once it knows that it is committed.
    await untilApplied(client, DATABASE);
    await Promise.all(cluster.nodes.map((node) => node.stop()));
    for (const node of cluster.nodes) expect(await partsOf(node)).not.toEqual([]);
    await startAll();
    await write([3, 4, 5], HOSTS, 2_000);
    const [from, to] = [timeOf(4), timeOf(20)];
    const range = `time >= ${from}000000000 AND time < ${to}000000000`;
    const touched = await remove(
      `host = 'h1' AND ${range}`,
      (host, second) => host === 'h1' && second >= from && second < to,
    );
    const sets = await client.admin.replicaSets({database: DATABASE});
    expect(touched).toBeGreaterThan(0);
    expect(touched).toBeLessThanOrEqual(sets.length);
    await remove(`host ~ '[23]$' AND NOT host = 'h3'`, (host) => host === 'h2');
    await expectModel();
    // Duplicates of what is gone, and late rows among it.
    await write([6, 7, 19, 22], ['h1', 'h2'], 3_000);
    await expectModel();

    await Promise.all(cluster.nodes.map((node) => node.kill()));
    await startAll();
    await expectModel();
    await remove(`host IN ('h3', 'h4') AND time < ${to}000000000`, (host, second) => {
      return (host === 'h3' || host === 'h4') && second < to;
    });
    await expectModel();
  },
  TEST_MS_MAX,
);

test.each([
  ['DELETE FROM m', 'DELETE without WHERE', 12],
  ['DELETE FROM m WHERE v > 1', 'DELETE by a field', 20],
  ["DELETE FROM m USING n WHERE host = 'a'", 'DELETE .. USING', 20],
  ["DELETE FROM m WHERE host = 'a' RETURNING v", 'RETURNING', 41],
])('%s is refused at its place', async (sql, message, position) => {
  const error = await client.query(sql).catch((reason: unknown) => reason);
  expect(error).toMatchObject({code: 'UNSUPPORTED', details: {position}});
  expect(String(error)).toContain(message);
});
