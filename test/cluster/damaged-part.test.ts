// A part whose bytes a disk has changed, under a node that runs on and leads: whoever reads it is told to ask again
// and is answered by the other replicas, and the replica is made anew from them.

import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {flushEveryNode, leaderOf, processOf, untilApplied} from './nodes.ts';
import {until} from './waiting.ts';

const DATABASE = 'parts';
const ROWS = 4_000;
const HOSTS = 40;
const START_S = 1_600_000_000;
/** Of the page that a read of the first table begins with. */
const PLACE = 20;
/** What a query may have to wait for: one answer that sends it elsewhere. */
const ANSWERED_MS_MAX = 10_000;
const QUERIES = 30;

let cluster: ProcessCluster;
let client: FlotillaClient;

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 3, engineThreads: 1});
  client = new FlotillaClient({urls: cluster.urls, database: DATABASE});
  await client.admin.createDatabase({name: DATABASE, shards: 1});
  const lines = Array.from(
    {length: ROWS},
    (_, i) => `cpu,host=h${i % HOSTS} v=${i}i ${START_S + Math.floor(i / HOSTS)}`,
  );
  await client.write(lines.join('\n'), {precision: 's'});
  await until('the set has three voters', async () => {
    const {replicas} = await theSet();
    return replicas.filter(({role}) => role === 'voter').length === 3;
  });
  await untilApplied(client, DATABASE);
  await flushEveryNode(cluster);
}, 120_000);
afterAll(async () => {
  client.close();
  await cluster.destroy();
});

async function theSet() {
  const sets = await client.admin.replicaSets({database: DATABASE});
  expect(sets).toHaveLength(1);
  return sets[0]!;
}

const SUM = (ROWS * (ROWS - 1)) / 2;
const SQL = 'SELECT count(*) AS n, sum(v) AS s FROM cpu';

test('is answered for by the other replicas, and its replica is made anew', async () => {
  const set = await theSet();
  const leader = leaderOf(set)!;
  const damaged = set.replicas.find(({node}) => node === leader)!;
  const node = await processOf(cluster, client, leader);
  const place = `/${set.id}-${damaged.replica}/`;
  const file = readdirSync(node.directory, {recursive: true, encoding: 'utf8'}).find(
    (name) => name.includes(place) && name.endsWith('.part'),
  )!;
  const bytes = readFileSync(path.join(node.directory, file));
  bytes[PLACE] = bytes[PLACE]! ^ 4;
  writeFileSync(path.join(node.directory, file), bytes);

  const answered = async () => {
    const [row] = await client.query(SQL);
    expect(row).toEqual({n: ROWS, s: SUM});
    return true;
  };
  await until('a query is answered', answered, ANSWERED_MS_MAX);
  for (let i = 0; i < QUERIES; i++) await answered();
  await until('the replica has a successor that votes', async () => {
    const {replicas} = await theSet();
    const voters = replicas.filter(({role}) => role === 'voter');
    return voters.length === 3 && voters.every(({replica}) => replica !== damaged.replica);
  });
  const repairs = (await client.admin.operations()).filter(({kind}) => kind === 'repair');
  expect(repairs).toMatchObject([{replicaSet: set.id, targetNode: leader}]);
  await untilApplied(client, DATABASE);
  const own = new FlotillaClient({urls: [node.url], database: DATABASE});
  expect(await own.query(SQL, {stale: true})).toEqual([{n: ROWS, s: SUM}]);
  own.close();
}, 180_000);
