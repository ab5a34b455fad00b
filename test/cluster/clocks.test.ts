// Clocks that are wrong, on real nodes: what has a ttl and what waits in the trash is not lost by a leader of
// the meta group whose clock is a year ahead; once all clocks say so, it goes, and a ttl is put right in time or not.

import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster, type ProcessNode} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {ClockSkews} from '../faults/nemesis/clock-skews.ts';
import {metaLeader} from './nodes.ts';
import {until} from './waiting.ts';

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
const ROWS = 20;
const CLOCKED = {database: 'clocked'};

let cluster: ProcessCluster;
let clocks: ClockSkews;
let directory: string;
let client: FlotillaClient;

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'flotilla-clocks-'));
  clocks = new ClockSkews(directory);
  cluster = await ProcessCluster.start({nodes: 3, env: (node) => clocks.env(node)});
  client = new FlotillaClient({urls: cluster.urls});
  await client.query("CREATE DATABASE clocked WITH TTL '30d' SHARD 2");
  await write('kept');
  await write('dropped');
  await write('gone');
  await write('purged');
  await client.query('CREATE DATABASE other WITH SHARD 1');
  await client.write(rowsOf('m'), {database: 'other'});
  await client.query('CREATE TENANT acme');
});
afterAll(async () => {
  client.close();
  await cluster.destroy();
  rmSync(directory, {recursive: true});
});

function rowsOf(table: string): string {
  return Array.from({length: ROWS}, (_, host) => `${table},host=h${host} v=1`).join('\n');
}

async function write(table: string): Promise<void> {
  await client.write(rowsOf(table), CLOCKED);
}

async function count(table: string, database = 'clocked'): Promise<unknown> {
  const rows = await client.query(`SELECT count(*) AS n FROM ${table}`, {database});
  return rows[0]?.['n'];
}

/** Dropped at once again, where it can still be had back. */
async function isPurged(table: string): Promise<boolean> {
  await client.query(`DROP TABLE IF EXISTS ${table} AFTER '0s'`, CLOCKED);
  await new Promise((resolve) => setTimeout(resolve, 500));
  return client.query(`RECOVER TABLE ${table}`, CLOCKED).then(
    () => false,
    ({code}: {code?: string}) => code === 'TABLE_NOT_FOUND',
  );
}

test('what was dropped comes back with its rows, and under another name where the old one was given anew', async () => {
  await client.query('DROP TABLE dropped', CLOCKED);
  await expect(count('dropped')).rejects.toMatchObject({code: 'TABLE_NOT_FOUND'});
  await client.query('RECOVER TABLE dropped', CLOCKED);
  expect(await count('dropped')).toBe(ROWS);

  await client.query('DROP TABLE dropped', CLOCKED);
  await write('dropped');
  await write('dropped');
  const taken = client.query('RECOVER TABLE dropped', CLOCKED);
  await expect(taken).rejects.toThrow(/another table is named dropped now.*RECOVER TABLE .* AS/);
  await client.query('RECOVER TABLE dropped AS earlier', CLOCKED);
  expect(await count('earlier')).toBe(ROWS);

  await client.query('DROP DATABASE other');
  expect(await client.admin.recoverDatabase('other')).toEqual({recovered: 'other'});
  expect(await count('m', 'other')).toBe(ROWS);

  await client.query('DROP TENANT acme');
  const create = client.query('CREATE DATABASE d', {tenant: 'acme'});
  await expect(create).rejects.toMatchObject({code: 'TENANT_NOT_FOUND'});
  await client.query('RECOVER TENANT acme');
  await client.query('CREATE DATABASE d', {tenant: 'acme'});
});

/** What `status` says of that node's clock. */
async function clockReasons({port}: ProcessNode): Promise<string[]> {
  const {reasons} = await client.admin.status();
  const messages = reasons.map(({message}) => message);
  return messages.filter((text) => text.startsWith('the clock of') && text.includes(`:${port})`));
}

test('a clock that is 3 s off is named, and its node leads meta on; one that is 12 s off leads nothing there', async () => {
  const wrong = await metaLeader(cluster, client);
  clocks.set(wrong.number, 3_000);
  let told: string[] = [];
  await until('status names the clock', async () => {
    told = await clockReasons(wrong);
    return told.length > 0;
  });
  expect(told).toEqual([expect.stringMatching(/ is 3s ahead of the others'$/)]);
  expect((await metaLeader(cluster, client)).number).toBe(wrong.number);
  clocks.set(wrong.number, -12_000);
  await until('another node leads meta', async () => {
    return (await metaLeader(cluster, client)).number !== wrong.number;
  });
  expect(await clockReasons(wrong)).toEqual([
    expect.stringMatching(/ is 12s behind the others': it leads nothing in meta and gets no new/),
  ]);
  clocks.set(wrong.number, 0);
  await until('status names no clock', async () => (await clockReasons(wrong)).length === 0);
});

test('a leader of meta whose clock is a year ahead loses nothing, and leads no longer', async () => {
  await client.query('DROP DATABASE other');
  await client.query('DROP TABLE earlier', CLOCKED);
  const wrong = await metaLeader(cluster, client);
  clocks.set(wrong.number, YEAR_MS);
  await until('status names the clock', async () => {
    const {verdict, reasons} = await client.admin.status();
    const messages = reasons.map(({message}) => message).join('\n');
    const named = messages.includes(`127.0.0.1:${wrong.port}) is 365d ahead of the others'`);
    return verdict === 'degraded' && named;
  });
  await until('another node leads meta', async () => {
    return (await metaLeader(cluster, client)).number !== wrong.number;
  });
  // A drop by a node that is a year behind is counted by the others' clocks: by its own it were due at once.
  clocks.set(wrong.number, -YEAR_MS);
  await until('its clock is behind', async () => {
    const {reasons} = await client.admin.status();
    return reasons.some(({message}) => message.includes("365d behind the others'"));
  });
  const late = new FlotillaClient({urls: [wrong.url]});
  await late.query("DROP TABLE gone AFTER '1h'", CLOCKED);
  late.close();
  await until('what is dropped at once is purged', () => isPurged('purged'));
  await client.admin.createDatabase({name: 'elsewhere', shards: 6, replicas: 1});
  await client.write('m v=1 1600000000000000000', {database: 'elsewhere'});
  const nodes = await client.admin.nodes();
  const {id} = nodes.find(({address}) => address === `127.0.0.1:${wrong.port}`)!;
  const placed = await client.admin.replicaSets({database: 'elsewhere'});
  expect(placed).toHaveLength(6);
  for (const {replicas} of placed) expect(replicas.map(({node}) => node)).not.toContain(id);
  await client.query('RECOVER TABLE gone', CLOCKED);
  await client.query('RECOVER TABLE earlier', CLOCKED);
  await client.query('RECOVER DATABASE other');
  for (const table of ['kept', 'earlier', 'gone']) expect(await count(table)).toBe(ROWS);
  expect(await count('dropped')).toBe(2 * ROWS);
  expect(await count('m', 'other')).toBe(ROWS);
  clocks.set(wrong.number, 0);
});

test('once the clocks of all have moved on what its ttl ends expires, and the trash is purged', async () => {
  await client.query('DROP TABLE gone', CLOCKED);
  for (const {number} of cluster.nodes) clocks.set(number, 40 * DAY_MS);
  // One plan of the reconciler holds both.
  await until('the rows have expired', async () => (await count('kept')) === 0);
  await until('the files of the expired rows are in the trash, the table is not', async () => {
    const recover = client.query('RECOVER TABLE gone', CLOCKED);
    return recover.then(
      () => Promise.reject(new Error('the table came back after its purge was due')),
      ({code}: {code?: string}) => code === 'TABLE_NOT_FOUND',
    );
  });
});

test('for a day a longer ttl brings them back, through any node; then it says that they are gone', async () => {
  const alter = (ttl: string, dryRun = false) =>
    client.admin.alterDatabase('clocked', {ttl}, {dryRun});
  // Of the bucket that was made ahead, too.
  const returns = {buckets: expect.any(Number), cutBuckets: 0, from: expect.any(String)};
  expect(await alter('60d')).toMatchObject({returns});
  for (const {url} of cluster.nodes) {
    const own = new FlotillaClient({urls: [url], database: 'clocked'});
    expect(await own.query('SELECT count(*) AS n FROM kept')).toEqual([{n: ROWS}]);
    own.close();
  }
  expect(await alter('30d')).toMatchObject({expires: {recoverableUntil: expect.any(String)}});
  await until('the rows have expired', async () => (await count('kept')) === 0);
  for (const {number} of cluster.nodes) clocks.set(number, 42 * DAY_MS);
  await until('the bucket is gone', async () => {
    const tried = await alter('60d', true);
    return JSON.stringify(tried['returns'] ?? '').includes('goneBefore');
  });
  const goneBefore = expect.any(String);
  expect(await alter('60d')).toMatchObject({returns: {goneBefore}});
  expect(await count('kept')).toBe(0);
});
