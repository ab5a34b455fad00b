// A disk that is put back to an older state: its node has the boot epoch of a life that is lost, and works
// until it meets another that knows of that.

import {cpSync, mkdtempSync, rmSync} from 'node:fs';
import path from 'node:path';
import {FlotillaClient, type Id} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {leaderOf} from '../cluster/nodes.ts';
import {until} from '../cluster/waiting.ts';

const ROWS = 20;
/** No election is needed. */
const WRITE_MS_MAX = 10_000;

let cluster: ProcessCluster;
let client: FlotillaClient;

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 3, engineThreads: 1, isLinked: true});
  client = new FlotillaClient({urls: cluster.urls, database: 'kept'});
  await client.admin.createDatabase({name: 'kept', shards: 1, replicas: 3});
  await client.write(line(0, 'first'));
  await until('all is well', async () => (await client.admin.status()).verdict === 'healthy');
}, 120_000);
afterAll(async () => {
  client.close();
  await cluster.destroy();
});

const line = (n: number, life: string) => `rows,life=${life} n=${n}i ${1_600_000_000 + n}000000000`;

async function giveLeadTo(number: number): Promise<void> {
  const nodes = await client.admin.nodes();
  const address = cluster.links.addresses[number - 1];
  const to = nodes.find((node) => node['address'] === address)!['id'] as Id;
  await until(`node ${number} leads`, async () => {
    const [set] = await client.admin.replicaSets();
    if (leaderOf(set!) === to) return true;
    await client.admin.changeReplicaSet(set!.id, {action: 'transfer-leader', to});
    return false;
  });
}

test('what it writes before it is told is not taken for what the lost life wrote', async () => {
  const node = cluster.node(3);
  const own = new FlotillaClient({urls: [node.url], database: 'kept'});
  const image = mkdtempSync(path.join(cluster.directory, 'image-'));
  await giveLeadTo(2);
  await node.kill();
  cpSync(node.directory, image, {recursive: true});
  // Written a moment late, it may be from before others joined: then the node does not know of them at its start.
  rmSync(path.join(image, 'catalog-cache.json'));
  // Node 1 meets only the life after this one, and is told nothing of it.
  cluster.links.close(3, 1, 'reset');
  node.start();
  await node.ready();
  for (let n = 0; n < ROWS; n++) await own.write(line(n, 'lost'));
  await node.kill();
  rmSync(node.directory, {recursive: true});
  cpSync(image, node.directory, {recursive: true});
  cluster.links.heal();
  cluster.links.close(3, 2, 'reset');
  node.start();
  node.mayEnd();
  await node.ready();
  // Who leads is reached through node 1, though never met since the start.
  for (let n = 0; n < ROWS; n++) await own.write(line(n, 'second'), {timeoutMs: WRITE_MS_MAX});
  own.close();
  const rows = await client.query("SELECT n FROM rows WHERE life = 'second'");
  expect(rows).toHaveLength(ROWS);
}, 120_000);
