// A cluster of five keeps its catalog on five: any two may die and it goes on; a member that is drained
// leaves three.

import {FlotillaClient, type Id} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {metaLeader} from '../cluster/nodes.ts';
import {until} from '../cluster/waiting.ts';

let cluster: ProcessCluster;
let client: FlotillaClient;

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 5, engineThreads: 1});
  client = new FlotillaClient({urls: cluster.urls});
}, 120_000);
afterAll(async () => {
  client.close();
  await cluster.destroy();
});

const members = async (): Promise<Id[]> => (await client.admin.status()).metaVoters as Id[];

async function untilMembers(count: number): Promise<void> {
  await until(`the meta group has ${count} voters`, async () => {
    return (await members()).length === count;
  });
}

test('the meta group has five members, stands the loss of two, and shrinks to three', async () => {
  await untilMembers(5);
  const leader = await metaLeader(cluster, client);
  const other = cluster.nodes.find((node) => node !== leader)!;
  await Promise.all([leader.kill(), other.kill()]);
  await client.admin.createDatabase({name: 'without-two', replicas: 1}, {timeoutMs: 60_000});
  for (const node of [leader, other]) node.start();
  for (const node of [leader, other]) await node.ready();
  const [drained] = await members();
  await client.admin.drainNode(drained!);
  await untilMembers(3);
  expect(await members()).not.toContain(drained);
  await client.admin.createDatabase({name: 'of-three'}, {timeoutMs: 60_000});
}, 240_000);
