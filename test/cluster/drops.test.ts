// Dropped things on real nodes: a dropped table is dead in every replica set, its name is free, and a
// database dropped for good leaves no files.

import {readdir} from 'node:fs/promises';
import path from 'node:path';
import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {until} from './waiting.ts';

const DATABASE = 'trash';

let cluster: ProcessCluster;
let client: FlotillaClient;

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 1});
  client = new FlotillaClient({urls: cluster.urls});
  await client.query(`CREATE DATABASE ${DATABASE} WITH SHARD 4`);
});
afterAll(async () => {
  client.close();
  await cluster.destroy();
});

function write(lines: readonly string[]): Promise<unknown> {
  return client.write(lines.join('\n'), {database: DATABASE});
}

function lines(value: string): string[] {
  return Array.from({length: 20}, (_, host) => `m,host=h${host} v=${value}`);
}

async function count(): Promise<unknown> {
  const rows = await client.query('SELECT count(*) AS n FROM m', {database: DATABASE});
  return rows[0]?.['n'];
}

async function appliedIndexes(): Promise<Map<unknown, number>> {
  const sets = await client.admin.replicaSets({database: DATABASE});
  return new Map(sets.map(({id, replicas}) => [id, Number(replicas[0]?.appliedIndex)]));
}

/** Nodes report every 200 ms: what two looks half a second apart agree on is what is applied. */
async function settledIndexes(): Promise<Map<unknown, number>> {
  let last = new Map<unknown, number>();
  await until('applied indexes have settled', async () => {
    const before = await appliedIndexes();
    await new Promise((resolve) => setTimeout(resolve, 500));
    last = await appliedIndexes();
    return [...last].every(([set, index]) => index === before.get(set));
  });
  return last;
}

async function replicaDirectories(): Promise<string[]> {
  const {directory} = cluster.node(1);
  const entries = await readdir(directory, {recursive: true});
  return entries.filter((entry) => path.basename(path.dirname(entry)) === 'replicas');
}

test('a drop reaches every replica set as an entry, and the name is free at once', async () => {
  await write(lines('1'));
  expect(await count()).toBe(20);
  const before = await settledIndexes();
  await client.query('DROP TABLE m', {database: DATABASE});
  // Sets made since (of the bucket ahead) begin with the dead id and need no entry.
  await until('every set has applied the drop', async () => {
    const after = await appliedIndexes();
    return [...before].every(([set, index]) => after.get(set)! > index);
  });
  await write(lines('"text"'));
  expect(await count()).toBe(20);
});

test('writes that go on through a drop are all in the new table or were before it', async () => {
  const database = DATABASE;
  let written = 0;
  let isDropped = false;
  const writers = Array.from({length: 4}, async (_, writer) => {
    for (let i = 0; !isDropped || i < 50; i++) {
      await client.write(`busy,w=${writer} v=1 ${1_700_000_000_000_000_000 + i}`, {database});
      written += 1;
    }
  });
  await until('rows are written', async () => written > 40);
  await client.query('DROP TABLE busy', {database});
  isDropped = true;
  await Promise.all(writers);
  const after = `busy,w=last v=1 1700000000000000000`;
  await client.write(after, {database});
  const rows = await client.query("SELECT count(*) AS n FROM busy WHERE w = 'last'", {database});
  expect(rows).toEqual([{n: 1}]);
});

test('what was dropped stays so over a restart', async () => {
  await cluster.node(1).kill();
  cluster.node(1).start();
  await cluster.node(1).ready();
  expect(await count()).toBe(20);
  await write(lines('"again"'));
  expect(await count()).toBe(40);
});

test('a database that is purged leaves no directory of its replicas', async () => {
  const sets = await client.admin.replicaSets({database: DATABASE});
  const names = sets.flatMap(({id, replicas}) => replicas.map(({replica}) => `${id}-${replica}`));
  const present = async (): Promise<number> => {
    const directories = await replicaDirectories();
    return directories.filter((entry) => names.includes(path.basename(entry))).length;
  };
  // A replica has none before its first flush.
  await client.admin.flushStorage();
  expect(await present()).toBeGreaterThan(0);
  await client.query(`DROP DATABASE ${DATABASE} AFTER '0s'`);
  await until('their directories are gone', async () => (await present()) === 0);
});
