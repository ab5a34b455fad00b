// Goal: what is deleted, dropped or has expired is gone from the disk, too. Method: one node with rows that no
// encoding makes less; what its parts take is looked up in its directory, and its clock is moved past the trash.

import {randomBytes} from 'node:crypto';
import {mkdtempSync, readdirSync, rmSync, statSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {until} from '../cluster/waiting.ts';
import {ClockSkews} from './nemesis/clock-skews.ts';

const NODE = 1;
const HOUR_MS = 3_600_000;
const HOSTS = 2;
const ROWS = 40;
const TEXT_BYTES = 20_000;
/** Of a table, in base64. */
const TABLE_BYTES = (ROWS * TEXT_BYTES * 4) / 3;
const TEST_MS_MAX = 120_000;

let directory: string;
let clocks: ClockSkews;
let cluster: ProcessCluster;
let client: FlotillaClient;

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'flotilla-space-'));
  clocks = new ClockSkews(directory);
  cluster = await ProcessCluster.start({
    nodes: 1,
    engineThreads: 1,
    env: (node) => clocks.env(node),
  });
  client = new FlotillaClient({urls: cluster.urls, database: 'space'});
  await client.query('CREATE DATABASE space WITH SHARD 1');
}, TEST_MS_MAX);
afterAll(async () => {
  client.close();
  await cluster.destroy();
  rmSync(directory, {recursive: true});
});

/** Rows of all hosts, half an hour old, in files. */
async function fill(table: string, database = 'space'): Promise<void> {
  const ms = Date.now() - HOUR_MS / 2;
  const lines = Array.from({length: ROWS}, (_, i) => {
    const text = randomBytes(TEXT_BYTES).toString('base64');
    return `${table},host=h${i % HOSTS} s="${text}",n=${i}i ${ms + i}`;
  });
  await client.write(lines.join('\n'), {database, precision: 'ms'});
  await client.admin.flushStorage();
}

/** What the parts take. */
function bytes(): number {
  const {directory: data} = cluster.node(NODE);
  const parts = readdirSync(data, {recursive: true, encoding: 'utf8'}).filter((name) =>
    name.endsWith('.part'),
  );
  const sizes = parts.map((name) => statSync(path.join(data, name), {throwIfNoEntry: false}));
  return sizes.reduce((sum, size) => sum + (size?.size ?? 0), 0);
}

async function untilFreed(from: number, freed: number): Promise<void> {
  await until(`${freed} of ${from} bytes are free`, () => bytes() < from - freed);
}

test(
  'of deleted rows once their part is merged',
  async () => {
    await fill('deleted');
    const before = bytes();
    expect(before).toBeGreaterThan(TABLE_BYTES * 0.9);
    await client.query("DELETE FROM deleted WHERE host = 'h0'");
    await client.admin.flushStorage();
    await client.admin.compactStorage();
    await untilFreed(before, TABLE_BYTES * 0.4);
    expect(await client.query('SELECT count(s) AS n FROM deleted')).toEqual([{n: ROWS / HOSTS}]);
  },
  TEST_MS_MAX,
);

test(
  'of a dropped column likewise',
  async () => {
    await fill('cut');
    const before = bytes();
    await client.query('ALTER TABLE cut DROP COLUMN s');
    await client.admin.flushStorage();
    await client.admin.compactStorage();
    await untilFreed(before, TABLE_BYTES * 0.9);
    expect(await client.query('SELECT count(n) AS n FROM cut')).toEqual([{n: ROWS}]);
  },
  TEST_MS_MAX,
);

test(
  'of a table that is dropped at once by itself',
  async () => {
    await fill('dropped');
    const before = bytes();
    await client.query("DROP TABLE dropped AFTER '0s'");
    await untilFreed(before, TABLE_BYTES * 0.9);
  },
  TEST_MS_MAX,
);

test(
  'of what a ttl has expired and of a dropped table once the trash has kept them for its time',
  async () => {
    await client.query("CREATE DATABASE young WITH SHARD 1 TTL '1h' BUCKET_DURATION '1h'");
    await fill('kept', 'young');
    await fill('trashed');
    const before = bytes();
    await client.query('DROP TABLE trashed');
    clocks.set(NODE, 3 * HOUR_MS);
    await until('the rows have expired', async () => {
      const [row] = await client.query('SELECT count(*) AS n FROM kept', {database: 'young'});
      return row?.['n'] === 0;
    });
    expect(bytes()).toBeGreaterThan(before * 0.95);
    clocks.set(NODE, 28 * HOUR_MS);
    await untilFreed(before, TABLE_BYTES * 1.8);
  },
  TEST_MS_MAX,
);
