import {mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {freePorts} from '@flotilla/testkit';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {NodeClock} from '../adapters/index.ts';
import {identifyNode, JoinSecret} from '../connections/index.ts';
import {readCatalogCache, writeCatalogCache} from './catalog-cache.ts';
import {EXIT_CODES} from './exit-codes.ts';
import {startNode} from './node.ts';
import type {StartNodeOptions} from './node-options.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'flotilla-node-'));
});
afterEach(() => rm(directory, {recursive: true, force: true}));

async function start(options: Partial<StartNodeOptions> = {}) {
  const listen = `127.0.0.1:${await freePorts(2)}`;
  return startNode({dataDirectory: directory, listen, engineThreads: 0, log: 'json', ...options});
}

/** A node with database `few` of one replica set, and what writes to it and sums it up. */
async function startWithFew(options: Partial<StartNodeOptions>) {
  const node = await start(options);
  const post = async (path: string, body: string) => {
    const answer = await fetch(`http://${node.address}${path}`, {method: 'POST', body});
    const text = await answer.text();
    return {status: answer.status, body: text === '' ? undefined : JSON.parse(text)};
  };
  const write = (lines: readonly string[], query = '') =>
    post(`/api/v1/write?db=few&precision=s${query}`, lines.join('\n'));
  const sum = async () => (await post('/api/v1/sql?db=few', 'SELECT sum(f) AS n FROM m')).body;
  const ready = async () => (await fetch(`http://${node.address}/ready`)).status;
  await expect.poll(ready, {timeout: 20_000}).toBe(200);
  const made = await post(
    '/api/v1/sql',
    'CREATE DATABASE IF NOT EXISTS few WITH SHARD 1 REPLICA 1',
  );
  expect(made.status).toBe(200);
  return {node, write, sum};
}

async function storageMetric({address}: {address: string}, of: string): Promise<number> {
  const text = await (await fetch(`http://${address}/metrics`)).text();
  const name = `flotilla_storage${of}`;
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

test('series_per_replica_set_max: lines of new series are refused by number, known series go on', async () => {
  const {node, write, sum} = await startWithFew({seriesPerSetMax: 3});
  expect((await write(['m,h=a f=1 1', 'm,h=b f=1 1'])).status).toBe(204);
  const mixed = ['m,h=a f=1 2', 'm,h=c f=1 2', 'm,h=d f=1 2', 'm,h=b f=1 2', 'm,h=e f=1 2'];
  const refused = await write(mixed);
  expect(refused.status).toBe(400);
  expect(refused.body).toMatchObject({code: 'LINES_REJECTED', details: {written: 3, rejected: 2}});
  const {lines} = refused.body.details as {lines: {line: number; code: string; text: string}[]};
  expect(lines.map(({line, code, text}) => [line, code, text])).toEqual([
    [3, 'SERIES_LIMIT', mixed[2]],
    [5, 'SERIES_LIMIT', mixed[4]],
  ]);
  expect(await sum()).toEqual([{n: 5}]);
  const whole = await write(['m,h=a f=1 3', 'm,h=d f=1 3'], '&accept_partial=false');
  expect(whole.status).toBe(400);
  expect(await sum()).toEqual([{n: 5}]);
  expect((await write(['m,h=c f=1 4', 'm,h=a f=1 4'])).status).toBe(204);
  expect(await sum()).toEqual([{n: 7}]);
  await node.stop();
}, 60_000);

test('series_indexes_bytes_max: past it lines of new series are refused, known ones go on, now and after a restart', async () => {
  const options = {seriesIndexesBytesMax: 4_000};
  const {node, write, sum} = await startWithFew(options);
  let known = 0;
  for (let answer = await write(['m,h=s0 f=1 1']); answer.status === 204; )
    answer = await write([`m,h=s${++known} f=1 1`]);
  expect(known).toBeGreaterThan(2);
  const mixed = await write(['m,h=s1 f=1 2', 'm,h=another f=1 2', 'm,h=s0 f=1 2']);
  expect(mixed.body).toMatchObject({code: 'LINES_REJECTED', details: {written: 2, rejected: 1}});
  expect(mixed.body.details.lines).toMatchObject([
    {line: 2, code: 'SERIES_LIMIT', reason: expect.stringContaining('series_indexes_bytes_max')},
  ]);
  expect(await sum()).toEqual([{n: known + 2}]);
  const budgets = await (await fetch(`http://${node.address}/metrics`)).text();
  const of = (what: string) =>
    Number(
      new RegExp(`^flotilla_budget_${what}_bytes\\{budget="indexes".* (\\d+)$`, 'm').exec(
        budgets,
      )?.[1],
    );
  expect(of('limit')).toBe(4_000);
  expect(of('used')).toBeGreaterThanOrEqual(4_000);
  await node.stop();
  const again = await startWithFew(options);
  expect(await again.sum()).toEqual([{n: known + 2}]);
  expect((await again.write(['m,h=s1 f=1 3'])).status).toBe(204);
  expect((await again.write(['m,h=another f=1 3'])).status).toBe(400);
  await again.node.stop();
}, 60_000);

test('a replica that nobody uses is unloaded, and read by the first to use it, of before a restart too', async () => {
  const options = {unloadAfterMs: 1_000};
  const first = await startWithFew(options);
  expect((await first.write(['m,h=a f=1 1', 'm,h=b f=2 1'])).status).toBe(204);
  const unloaded = '_replicas{state="unloaded"}';
  await expect.poll(() => storageMetric(first.node, unloaded), {timeout: 10_000}).toBe(1);
  expect(await storageMetric(first.node, '_index_bytes')).toBe(0);
  expect(await storageMetric(first.node, '_series')).toBe(2);
  const loads = '_load_duration_seconds_count';
  expect(await storageMetric(first.node, loads)).toBe(0);
  expect(await first.sum()).toEqual([{n: 3}]);
  const loadsOfQuery = await storageMetric(first.node, loads);
  expect(loadsOfQuery).toBeGreaterThan(0);
  await expect.poll(() => storageMetric(first.node, unloaded), {timeout: 10_000}).toBe(1);
  expect((await first.write(['m,h=a f=4 2', 'm,h=c f=8 2'])).status).toBe(204);
  expect(await storageMetric(first.node, loads)).toBeGreaterThan(loadsOfQuery);
  await first.node.stop();
  // Its group elects a leader, and reads nothing for it.
  const again = await startWithFew({});
  expect(await storageMetric(again.node, unloaded)).toBe(1);
  expect(await storageMetric(again.node, loads)).toBe(0);
  expect(await again.sum()).toEqual([{n: 15}]);
  expect(await storageMetric(again.node, unloaded)).toBe(0);
  await again.node.stop();
}, 60_000);

test('a node whose catalog may be old connects with one that says it is of the cluster', async () => {
  const joinSecret = 'the one that all nodes here share';
  const at = (name: string) => ({dataDirectory: path.join(directory, name), joinSecret});
  const ready = async (address: string) => (await fetch(`http://${address}/ready`)).status;
  const founder = await start({...at('founder'), bootstrap: true});
  await expect.poll(() => ready(founder.address), {timeout: 20_000}).toBe(200);
  const member = await start({...at('member'), join: [founder.address]});
  await expect.poll(() => ready(member.address), {timeout: 20_000}).toBe(200);
  await member.stop();
  await founder.stop();
  // Alone it hears of no meta group: its catalog may be from before others joined.
  const alone = await start({...at('member'), join: [founder.address]});
  const clock = new NodeClock();
  const options = {clock, secret: new JoinSecret(joinSecret), timeoutMs: 5_000};
  const identity = (await identifyNode(alone.address, {}, options)) as {clusterId: string};
  const apart = async () => {
    const text = await (await fetch(`http://${alone.address}/metrics`)).text();
    return Number(/^flotilla_node_connections\{state="disconnected"\} (\d+)$/m.exec(text)?.[1]);
  };
  await expect.poll(apart, {timeout: 10_000}).toBe(1);
  const heard = {clusterId: identity.clusterId, node: 7, address: '127.0.0.1:9'};
  await identifyNode(alone.address, heard, options);
  await expect.poll(apart, {timeout: 10_000}).toBe(2);
  await identifyNode(alone.address, {...heard, clusterId: 'another', node: 8}, options);
  expect(await apart()).toBe(2);
  await alone.stop();
}, 60_000);

test('a node whose store is damaged ends by itself, and can be stopped', async () => {
  const node = await start();
  await expect
    .poll(async () => (await fetch(`http://${node.address}/ready`)).status, {
      timeout: 20_000,
    })
    .toBe(200);
  await node.stop();
  expect(await node.stopped).toBe(EXIT_CODES.stopped);
  for (const file of await readdir(directory, {recursive: true}))
    if (file.endsWith('.sqlite')) await writeFile(path.join(directory, file), 'no database');
  const damaged = await start();
  expect(await damaged.stopped).toBe(EXIT_CODES.storeFailed);
  await damaged.stop();
}, 40_000);

test('a build older than what its cluster uses does not run, and says which it needs', async () => {
  const ready = async (address: string) => (await fetch(`http://${address}/ready`)).status;
  const node = await start();
  await expect.poll(() => ready(node.address), {timeout: 20_000}).toBe(200);
  await node.stop();
  const log = {warn: (_: object, message: string) => expect.unreachable(message)} as never;
  const cached = await readCatalogCache(directory, log);
  const changes = cached.changes.map((change) =>
    change.kind === 'cluster' ? {...change, value: {...change.value!, version: 99}} : change,
  );
  await writeCatalogCache(directory, {...cached, changes});
  const old = await start();
  expect(await old.stopped).toBe(EXIT_CODES.buildTooOld);
  await old.stop();
}, 40_000);
