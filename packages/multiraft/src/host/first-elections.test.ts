// A cluster that was started finds its leaders at once: before any timer runs out, with one election for
// each group, shared among the nodes; and the timers are there where nobody stood.

import type {NodeId, ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';
import {TIMINGS} from './timing.ts';

const {tickMs, electionTicks} = TIMINGS.local;
const SETS = Array.from({length: 60}, (_, i) => i + 1);
const NODES = [1, 2, 3];

async function stopped(seed: number): Promise<TestCluster> {
  const cluster = new TestCluster({seed});
  await cluster.startAll();
  for (const set of SETS) await cluster.found(set);
  await cluster.electAll(SETS);
  for (const node of NODES) cluster.crash(node);
  return cluster;
}

function counts(cluster: TestCluster): {elections: number; leading: number[]} {
  const metrics = NODES.map((node) => cluster.node(node).host?.metrics());
  return {
    elections: metrics.reduce((sum, each) => sum + (each?.electionsStarted ?? 0), 0),
    leading: metrics.map((each) => each?.roles.leader ?? 0),
  };
}

test.each([1, 2, 3])(
  'each group has its leader before a timer runs out, by one election (seed %d)',
  async (seed) => {
    const cluster = await stopped(seed);
    await cluster.startAll();
    const beganMs = cluster.clock.monotonicMs();
    await cluster.electAll(SETS);
    expect(cluster.clock.monotonicMs() - beganMs).toBeLessThan((electionTicks * tickMs) / 2);
    await cluster.clock.advance(tickMs);
    const {elections, leading} = counts(cluster);
    expect(elections).toBe(SETS.length);
    for (const count of leading) expect(count).toBeGreaterThan(SETS.length / 6);
  },
);

test('who comes while the others have leaders disturbs none of them', async () => {
  const cluster = await stopped(4);
  await cluster.start(1);
  await cluster.start(2);
  await cluster.electAll(SETS);
  const terms = SETS.map((set) => cluster.status(cluster.leader(set), set)!.term);
  await cluster.start(3);
  await cluster.clock.advance(4 * electionTicks * tickMs);
  expect(SETS.map((set) => cluster.status(cluster.leader(set), set)!.term)).toEqual(terms);
  expect(SETS.every((set) => cluster.status(3, set)!.leader !== undefined)).toBe(true);
});

test('what was sent before the other node read anything is sent again once it is heard', async () => {
  const cluster = await stopped(5);
  await cluster.start(1);
  // Its beats came, and its groups are not open yet: whatever is sent to it is lost.
  cluster.network.isolate(2 as NodeId);
  await cluster.start(2);
  await cluster.clock.advance(100);
  expect(SETS.filter((set) => cluster.leader(set) !== 0)).toEqual([]);
  cluster.network.heal();
  // Any frame tells that it reads: here a few of its groups stand anew.
  cluster.host(1).campaign(SETS[0] as ReplicaSetId);
  await cluster.start(3);
  const beganMs = cluster.clock.monotonicMs();
  await cluster.electAll(SETS);
  expect(cluster.clock.monotonicMs() - beganMs).toBeLessThan((electionTicks * tickMs) / 2);
});

test('nobody stands where failover is manual', async () => {
  const cluster = await stopped(6);
  await cluster.startAll();
  await cluster.electAll(SETS);
  const set = SETS[0]!;
  for (const node of NODES)
    await cluster.clock.resolve(cluster.host(node).setFailover(set as ReplicaSetId, 'manual'));
  for (const node of NODES) cluster.crash(node);
  await cluster.startAll();
  await cluster.clock.advance(4 * electionTicks * tickMs);
  expect(cluster.leader(set)).toBe(0);
  expect(SETS.slice(1).every((each) => cluster.leader(each) !== 0)).toBe(true);
});

test('a group sleeps some heartbeats after its election', async () => {
  const cluster = await stopped(7);
  await cluster.startAll();
  await cluster.electAll(SETS);
  const sleep = (): boolean => NODES.every((node) => cluster.host(node).metrics().awake === 0);
  expect(await cluster.clock.until(sleep, electionTicks * tickMs)).toBe(true);
  const sent = NODES.map((node) => cluster.host(node).metrics().messagesSent.heartbeat);
  const heartbeats = sent.reduce((sum, each) => sum + each, 0) / SETS.length;
  // Two of the commit index, and two rounds of two until all members sleep.
  expect(heartbeats).toBeLessThanOrEqual(8);
});
