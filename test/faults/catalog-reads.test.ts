// What one node made, another one sees at once: tables, columns and buckets, written through one node
// and read through the next, also while the leader of the meta group dies. FLOTILLA_LONGER=1 makes
// 1,000 rounds of it.

import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, onTestFailed, test} from 'vitest';
import {metaLeader} from '../cluster/nodes.ts';

const IS_LONGER = process.env['FLOTILLA_LONGER'] !== undefined;
const ROUNDS = IS_LONGER ? 1_000 : 50;
/** A database holds at most 1,000 buckets, and every round makes one. */
const ROUNDS_PER_DATABASE = 250;
const BUCKET_S = 7 * 86_400;
/** Aligned to buckets of seven days. */
const T0 = 2_000 * BUCKET_S;
const TEST_MS_MAX = IS_LONGER ? 1_800_000 : 120_000;

let cluster: ProcessCluster;
/** One for each node, which asks only that one. */
let clients: FlotillaClient[];

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 3});
  clients = cluster.urls.map((url) => new FlotillaClient({urls: [url]}));
}, 120_000);

afterAll(async () => {
  for (const client of clients) client.close();
  await cluster.destroy();
}, 60_000);

/** Makes a table, a column and a bucket through one node, and looks for them through the other. */
async function round(i: number, writer: FlotillaClient, reader: FlotillaClient): Promise<void> {
  const database = `db${Math.floor(i / ROUNDS_PER_DATABASE)}`;
  const position = i % ROUNDS_PER_DATABASE;
  if (position === 0) await writer.admin.createDatabase({name: database, shards: 1});
  const time = `${T0 - position * BUCKET_S}000000000`;
  const [table, names] = [`t${position}`, {database}];
  await writer.write(`${table} v=${i}i ${time}\nall n=${i}i,c${position}=${i}i ${time}`, names);
  expect(await reader.query(`SELECT v FROM ${table}`, names), `round ${i}: table`).toEqual([
    {v: i},
  ]);
  const counted = `SELECT count(n) AS n, max(c${position}) AS last FROM "all"`;
  const buckets = await reader.query(counted, names);
  expect(buckets, `round ${i}: buckets and column`).toEqual([{n: position + 1, last: i}]);
}

test(
  'what was written through one node is read through the next, whoever leads meta',
  async () => {
    onTestFailed(() => {
      for (const node of cluster.nodes) console.error(`node ${node.number}:\n${node.logTail()}`);
    });
    let alive = [0, 1, 2];
    let dead: Promise<void> | undefined;
    for (let i = 0; i < ROUNDS; i++) {
      if (i % 100 === 50) {
        const victim = await metaLeader(cluster, clients[alive[0]!]!);
        // The next rounds begin while it dies.
        dead = victim.kill();
        alive = alive.filter((each) => cluster.nodes[each] !== victim);
      }
      if (i % 100 === 75) {
        await dead;
        const gone = cluster.nodes.find(({isRunning}) => !isRunning)!;
        gone.start();
        await gone.ready();
        alive = [0, 1, 2];
      }
      const [writer, reader] = [i, i + 1].map((turn) => clients[alive[turn % alive.length]!]!);
      await round(i, writer!, reader!);
    }
  },
  TEST_MS_MAX,
);
