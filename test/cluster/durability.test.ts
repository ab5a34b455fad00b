// A write answered 204 survives: a leader's node killed, frozen, its replicas moved under load, all
// nodes killed at once. Real processes, real disks; each node's own replica is read in the end.

import {setTimeout as sleep} from 'node:timers/promises';
import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster, type ProcessNode} from '@flotilla/testkit';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {Ledger} from './ledger.ts';

const SHAPE = {hosts: 100, ticks: 2000, batch: 1000};
const CONNECTIONS = 4;

let cluster: ProcessCluster;
let client: FlotillaClient;

beforeEach(async () => {
  cluster = await ProcessCluster.start({nodes: 3});
  client = new FlotillaClient({urls: cluster.urls});
  await untilEqual('every set has three replicas', async () => {
    await client.write('warmup v=1 1600000000000000000');
    const sets = await client.admin.replicaSets();
    return sets.length > 0 && sets.every(({replicas}) => replicas.length === 3);
  });
});

afterEach(() => cluster.destroy());

async function untilEqual(what: string, holds: () => Promise<boolean>, withinMs = 30_000): Promise<void> {
  const endMs = Date.now() + withinMs;
  while (Date.now() < endMs) {
    if (await holds().catch(() => false)) return;
    await sleep(200);
  }
  throw new Error(`not within ${withinMs} ms: ${what}`);
}

/** The process that leads most replica sets now. */
async function busiestLeader(): Promise<ProcessNode> {
  const leads = new Map<string, number>();
  for (const {replicas} of await client.admin.replicaSets()) {
    const leader = replicas.find(({leader: leads}) => leads);
    if (leader !== undefined) leads.set(String(leader.node), (leads.get(String(leader.node)) ?? 0) + 1);
  }
  const [id] = [...leads].sort((a, b) => b[1] - a[1])[0]!;
  const nodes = await client.admin.nodes();
  const address = nodes.find((node) => String(node['id']) === id)?.['address'];
  return cluster.nodes.find(({port}) => address === `127.0.0.1:${port}`)!;
}

/** Load over all nodes by several connections; `midway` runs once when half is sent. */
async function load(ledger: Ledger, midway: () => Promise<void>): Promise<void> {
  let disturbance: Promise<void> | undefined;
  const onBody = (): void => {
    if (disturbance === undefined && ledger.sentRows >= ledger.rowCount / 2) disturbance = midway();
  };
  await Promise.all(Array.from({length: CONNECTIONS}, () => ledger.send(client, onBody)));
  await disturbance;
}

/** Every replica of every set at one applied index. */
async function untilApplied(): Promise<void> {
  await untilEqual('applied indexes are equal', async () => {
    const sets = await client.admin.replicaSets();
    return sets.every(({replicas}) => {
      const indexes = new Set(replicas.map(({appliedIndex}) => appliedIndex));
      return indexes.size === 1 && !indexes.has(undefined);
    });
  });
}

async function expectExact(ledger: Ledger): Promise<void> {
  await untilApplied();
  for (const node of cluster.nodes) {
    const own = new FlotillaClient({urls: [node.url]});
    const differences = await ledger.compare(own, {stale: true});
    expect(differences.slice(0, 10), `node ${node.number} of ${ledger.rowCount} rows`).toEqual([]);
    own.close();
  }
  expect((await ledger.compare(client, {stale: false})).slice(0, 10), 'linearizable').toEqual([]);
}

describe('three processes under load', () => {
  test('the busiest leader killed in the middle', async () => {
    const ledger = new Ledger(SHAPE);
    let victim: ProcessNode | undefined;
    await load(ledger, async () => {
      victim = await busiestLeader();
      await victim.kill();
    });
    victim!.start();
    await victim!.ready();
    expect(ledger.failures).toEqual([]);
    await expectExact(ledger);
  }, 180_000);

  test('the busiest leader frozen for five seconds', async () => {
    const ledger = new Ledger(SHAPE);
    await load(ledger, async () => {
      const victim = await busiestLeader();
      victim.signal('SIGSTOP');
      await sleep(5_000);
      victim.signal('SIGCONT');
    });
    expect(ledger.failures).toEqual([]);
    await expectExact(ledger);
  }, 180_000);

  test('all killed at once, twice', async () => {
    const ledger = new Ledger(SHAPE);
    await load(ledger, async () => {
      for (let round = 0; round < 2; round++) {
        await Promise.all(cluster.nodes.map((node) => node.kill()));
        for (const node of cluster.nodes) node.start();
        await Promise.all(cluster.nodes.map((node) => node.ready()));
        await sleep(300);
      }
    });
    await expectExact(ledger);
  }, 180_000);
});
