// A cluster that was started finds its leaders at once: before any timer runs out, with one election for
// each group, shared among the nodes; and the timers are there where nobody stood.

import type {NodeId, ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';
import type {Driver} from './driver.ts';
import {FirstElections} from './first-elections.ts';
import {electionsOf} from './host-counts.ts';
import type {HostedGroup} from './hosted-group.ts';
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
    elections: metrics.reduce((sum, each) => sum + (each === undefined ? 0 : electionsOf(each)), 0),
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

/** Groups of which every other one is this node's to begin; nobody answers by itself. */
function standStill() {
  const groups = new Map<number, HostedGroup>();
  for (let set = 1; set <= 2_000; set++) {
    const role = {role: 'follower', leader: 0, term: 0} as const;
    const group: Partial<HostedGroup> = {set: set as ReplicaSetId, role, ledTerm: 0};
    groups.set(set, group as HostedGroup);
  }
  const stood: HostedGroup[] = [];
  const isDue = ({set}: HostedGroup): boolean => set % 2 === 0;
  const stand = (group: HostedGroup): void => void stood.push(group);
  const first = new FirstElections({groups} as unknown as Driver, {isDue, stand}, 1_000);
  return {first, groups, stood};
}

function elect(group: HostedGroup): void {
  group.role = {role: 'follower', leader: 1, term: 1};
  group.ledTerm = 1;
}

test('the next elections begin once those before are decided, or took too long', () => {
  const {first, stood} = standStill();
  first.heard(2 as NodeId, 0);
  first.run(0);
  expect(stood.length).toBe(512);
  first.run(50);
  expect(stood.length).toBe(512);
  for (const group of stood.slice(0, 100)) elect(group);
  first.run(100);
  expect(stood.length).toBe(612);
  first.run(999);
  expect(stood.length).toBe(612);
  first.run(1_000);
  expect(stood.length).toBe(1_000);
});

test('timers of groups without a leader wait while some are still to stand, and no longer', () => {
  const {first, groups, stood} = standStill();
  const own = groups.get(2_000)!;
  const other = groups.get(1_999)!;
  const manual = Object.assign(groups.get(1_997)!, {isManual: true});
  expect(first.holds(own)).toBe(false);
  first.heard(2 as NodeId, 0);
  first.run(0);
  expect([own, other, manual].map((group) => first.holds(group))).toEqual([true, true, false]);
  elect(other);
  expect(first.holds(other)).toBe(false);
  // One that was led before is no first election: its timer tells of a leader that fell silent.
  other.role = {role: 'follower', leader: 0, term: 2};
  expect(first.holds(other)).toBe(false);
  for (const group of stood) elect(group);
  first.run(50);
  expect(stood.length).toBe(1_000);
  expect([own, other].map((group) => first.holds(group))).toEqual([false, false]);
});

test('a group sleeps after one round of heartbeats', async () => {
  const cluster = await stopped(7);
  await cluster.startAll();
  await cluster.electAll(SETS);
  const sleep = (): boolean => NODES.every((node) => cluster.host(node).metrics().awake === 0);
  expect(await cluster.clock.until(sleep, electionTicks * tickMs)).toBe(true);
  const sent = NODES.map((node) => cluster.host(node).metrics().messagesSent.heartbeat);
  const heartbeats = sent.reduce((sum, each) => sum + each, 0) / SETS.length;
  // One round of two until the leader sleeps; some begin it before all have answered.
  expect(heartbeats).toBeLessThanOrEqual(3);
});
