// Falling asleep takes no handshake: each case in which one could seem to be missing, and the time in
// which the group is right again. Frames vanish without notice to anyone: beats would end all of this
// earlier. See docs/decisions/0005-beats-per-pair-of-nodes.md.

import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import {frameKind, readItems} from '@flotilla/wire';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';
import {TIMINGS} from './timing.ts';

const SET = 1 as ReplicaSetId;
const {tickMs, heartbeatTicks, electionTicks, noticeMs, digestMs} = TIMINGS.local;
const HEARTBEAT_MS = tickMs * heartbeatTicks;
/** Messages and writes between what wakes a replica and its effect. */
const SLACK_MS = 50;

interface Sleeping {
  readonly cluster: TestCluster;
  readonly replicas: ReplicaId[];
  readonly leader: number;
  /** A follower that nothing reaches and that reaches nobody, until `heal`. */
  readonly lost: number;
  readonly other: number;
}

const nodes = [1, 2, 3];

async function sleeping(seed = 1): Promise<Sleeping> {
  const cluster = new TestCluster({seed});
  await cluster.startAll();
  const replicas = await cluster.found(1);
  await cluster.write(1, 'a');
  await allFresh(cluster);
  await allAsleep(cluster);
  const leader = cluster.leader(1);
  const [lost, other] = nodes.filter((node) => node !== leader) as [number, number];
  cluster.network.isolate(lost as NodeId);
  return {cluster, replicas, leader, lost, other};
}

const isAsleep = (cluster: TestCluster, node: number): boolean => cluster.status(node, 1)!.isAsleep;

async function allAsleep(cluster: TestCluster, of = nodes): Promise<void> {
  const areAsleep = (): boolean => of.every((node) => isAsleep(cluster, node));
  expect(await cluster.clock.until(areAsleep, 60_000)).toBe(true);
}

/** Who has not been told yet how old it is wakes every five seconds to ask, and here nobody may answer. */
async function allFresh(cluster: TestCluster): Promise<void> {
  const areFresh = (): boolean =>
    nodes.every((node) => cluster.host(node).ageMs(SET) !== undefined);
  expect(await cluster.clock.until(areFresh, 60_000)).toBe(true);
}

/** How long it takes until that holds. */
async function msUntil(cluster: TestCluster, holds: () => boolean): Promise<number> {
  const beganMs = cluster.clock.monotonicMs();
  expect(await cluster.clock.until(holds, 60_000)).toBe(true);
  return cluster.clock.monotonicMs() - beganMs;
}

test('a leader sleeps only once each member has, and knows to be committed, all that there is', async () => {
  const {cluster, leader, lost} = await sleeping();
  await cluster.write(1, 'b');
  await cluster.clock.advance(20_000);
  // The follower sleeps while it lags: the leader is the one who must not.
  expect(isAsleep(cluster, lost)).toBe(true);
  expect(isAsleep(cluster, leader)).toBe(false);
  expect(cluster.values(lost, 1)).toEqual(['a']);
  cluster.network.heal();
  const tookMs = await msUntil(cluster, () => cluster.values(lost, 1).length === 2);
  expect(tookMs).toBeLessThan(2 * HEARTBEAT_MS + SLACK_MS);
  await allAsleep(cluster);
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'whichever of the last messages is lost, all are equal before the leader sleeps (seed %d)',
  async (seed) => {
    const {cluster, leader} = await sleeping(seed);
    cluster.network.heal();
    cluster.network.lossRate = 0.5;
    await cluster.write(1, 'b');
    await cluster.clock.until(() => isAsleep(cluster, leader), 60_000);
    cluster.network.lossRate = 0;
    for (const node of nodes) expect(cluster.values(node, 1)).toEqual(['a', 'b']);
    const {term} = cluster.status(leader, 1)!;
    await cluster.clock.advance(3 * digestMs);
    expect(cluster.status(leader, 1)!.term).toBe(term);
    await allAsleep(cluster);
  },
);

test('a follower that wakes alone, under a leader that sleeps, deposes nobody and sleeps again', async () => {
  const {cluster, leader, lost, other} = await sleeping();
  const {term} = cluster.status(leader, 1)!;
  const {id, bootEpoch} = cluster.node(lost);
  for (const state of ['suspect', 'alive'] as const)
    cluster.host(other).nodeChanged(id, {state, bootEpoch});
  expect(isAsleep(cluster, other)).toBe(false);
  const tookMs = await msUntil(cluster, () => isAsleep(cluster, other));
  // Before its own election timer runs out, though no heartbeat came.
  expect(tookMs).toBeLessThan(electionTicks * tickMs);
  await cluster.clock.advance(3 * digestMs);
  expect(cluster.status(leader, 1)!.term).toBe(term);
});

test('that a node is gone costs the sleeping groups that it did not lead no heartbeats', async () => {
  const {cluster, leader, lost, other} = await sleeping();
  const {id, bootEpoch} = cluster.node(lost);
  const sent = (): number => cluster.host(leader).metrics().messagesSent.heartbeat;
  const before = sent();
  for (const node of [leader, other])
    cluster.host(node).nodeChanged(id, {state: 'gone', bootEpoch});
  await cluster.clock.advance(3 * tickMs);
  for (const node of [leader, other]) expect(isAsleep(cluster, node)).toBe(true);
  expect(sent() - before).toBeLessThanOrEqual(2);
  // It lacks nothing when it is back, and is told what came meanwhile.
  await cluster.write(1, 'b');
  cluster.network.heal();
  for (const node of [leader, other])
    cluster.host(node).nodeChanged(id, {state: 'alive', bootEpoch});
  await cluster.clock.until(() => cluster.values(lost, 1).length === 2, 5_000);
  expect(cluster.values(lost, 1)).toEqual(['a', 'b']);
  await allAsleep(cluster);
});

test('a follower that slept through an election is woken by the new leader', async () => {
  const {cluster, replicas, leader, lost, other} = await sleeping();
  const deadlineMs = cluster.clock.monotonicMs() + 5_000;
  const to = replicas[other - 1]!;
  await cluster.clock.resolve(cluster.host(leader).transferLeader(SET, to, {deadlineMs}));
  await cluster.clock.advance(20_000);
  expect(cluster.status(lost, 1)!.leader!.node).toBe(leader);
  cluster.network.heal();
  const tookMs = await msUntil(cluster, () => cluster.status(lost, 1)!.leader?.node === other);
  expect(tookMs).toBeLessThan(2 * HEARTBEAT_MS + SLACK_MS);
  await allAsleep(cluster);
});

test.each([1, 2, 3])(
  'followers that apply slowly depose no leader that sleeps meanwhile (seed %d)',
  async (seed) => {
    const cluster = new TestCluster({seed, beats: true});
    await cluster.startAll();
    await cluster.found(1);
    await cluster.write(1, 'a');
    await allAsleep(cluster);
    const leader = cluster.leader(1);
    const {term} = cluster.status(leader, 1)!;
    const followers = nodes.filter((node) => node !== leader);
    for (const node of followers) cluster.machine(node, 1).isReady = false;
    await cluster.write(1, 'b');
    // Longer than any election timeout, shorter than what makes a replica wedged.
    await cluster.clock.advance(3 * electionTicks * tickMs);
    expect(followers.map((node) => cluster.values(node, 1))).toEqual([['a'], ['a']]);
    expect(cluster.status(leader, 1)).toMatchObject({role: 'leader', term});
    for (const node of followers) cluster.machine(node, 1).isReady = true;
    await cluster.clock.advance(HEARTBEAT_MS);
    expect(followers.map((node) => cluster.values(node, 1))).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
    await allAsleep(cluster);
    expect(cluster.status(leader, 1)).toMatchObject({role: 'leader', term});
  },
);

test('whoever stops leading has nothing to tell a node that is gone', async () => {
  const {cluster, replicas, leader, lost, other} = await sleeping();
  const {id, bootEpoch} = cluster.node(lost);
  for (const node of [leader, other])
    cluster.host(node).nodeChanged(id, {state: 'gone', bootEpoch});
  let notices = 0;
  cluster.network.tap = ({to, frame}) => {
    if (to !== id || frameKind(frame) !== 'groups') return;
    for (const {kind} of readItems(frame)) if (kind === 'notLeading') notices += 1;
  };
  const deadlineMs = cluster.clock.monotonicMs() + 5_000;
  const to = replicas[other - 1]!;
  await cluster.clock.resolve(cluster.host(leader).transferLeader(SET, to, {deadlineMs}));
  await cluster.clock.advance(5 * noticeMs);
  expect(notices).toBe(0);
  // Back on a new connection, it follows the one that leads.
  cluster.network.heal();
  for (const node of [leader, other])
    cluster.host(node).nodeChanged(id, {state: 'alive', bootEpoch});
  for (const node of [leader, other] as NodeId[])
    for (const state of ['gone', 'alive'] as const)
      cluster.host(lost).nodeChanged(node, {state, bootEpoch: 1});
  await msUntil(cluster, () => cluster.status(lost, 1)!.leader?.node === other);
  await allAsleep(cluster);
});

test('a leader whose replica is destroyed says so, and its followers need no timer', async () => {
  const {cluster, replicas, leader} = await sleeping();
  cluster.network.heal();
  const beganMs = cluster.clock.monotonicMs();
  const order = {set: SET, replica: replicas[leader - 1]!};
  await cluster.clock.resolve(cluster.host(leader).destroyReplica(order));
  await cluster.electAll([1]);
  expect(cluster.clock.monotonicMs() - beganMs).toBeLessThan(noticeMs);
});

test('where notice of a leader that stepped down is lost for good, the digest finds it', async () => {
  const {cluster, leader, lost, other} = await sleeping();
  cluster.network.isolate(leader as NodeId);
  for (const id of [lost, other] as NodeId[])
    cluster.host(leader).nodeChanged(id, {state: 'suspect', bootEpoch: 1});
  await cluster.clock.until(() => cluster.status(leader, 1)!.role !== 'leader', 10_000);
  // It believes that the others lost their connections, too, and tells them nothing.
  for (const id of [lost, other] as NodeId[])
    cluster.host(leader).nodeChanged(id, {state: 'gone', bootEpoch: 1});
  cluster.network.heal();
  // Its own campaigns would wake the others.
  cluster.network.cut(leader as NodeId, lost as NodeId);
  await cluster.clock.resolve(cluster.host(leader).setFailover(SET, 'manual'));
  const tookMs = await msUntil(cluster, () => !isAsleep(cluster, other));
  expect(tookMs).toBeLessThan(digestMs + noticeMs + SLACK_MS);
  cluster.network.heal();
  await cluster.electAll([1], 5_000);
});

test('a member that was removed in its sleep sleeps on, and wakes to no harm', async () => {
  const {cluster, replicas, leader, lost, other} = await sleeping();
  const deadlineMs = cluster.clock.monotonicMs() + 60_000;
  const change = [{type: 'remove' as const, id: replicas[lost - 1]!}];
  const host = cluster.host(leader);
  await cluster.clock.resolve(host.proposeConfig(SET, change, 'simple', {deadlineMs}));
  cluster.network.heal();
  await cluster.clock.advance(3 * digestMs);
  expect(isAsleep(cluster, lost)).toBe(true);
  await allAsleep(cluster);
  // Its leader leads no more: the digest tells it so, and nobody hears its campaigns.
  const to = replicas[other - 1]!;
  const moved = host.transferLeader(SET, to, {deadlineMs: cluster.clock.monotonicMs() + 5_000});
  await cluster.clock.resolve(moved);
  const {term} = cluster.status(other, 1)!;
  const tookMs = await msUntil(cluster, () => cluster.status(lost, 1)!.leader === undefined);
  expect(tookMs).toBeLessThan(digestMs + noticeMs + SLACK_MS);
  await cluster.clock.advance(3 * digestMs);
  await cluster.write(1, 'b');
  expect(cluster.status(other, 1)).toMatchObject({term, role: 'leader'});
  expect(cluster.values(lost, 1)).toEqual(['a']);
  const order = {set: SET, replica: replicas[lost - 1]!};
  await cluster.clock.resolve(cluster.host(lost).destroyReplica(order));
  expect(cluster.status(lost, 1)).toBeUndefined();
});

test('who stands for no leader, and was told that its own stood still, asks who leads', async () => {
  const {cluster, leader, lost, other} = await sleeping();
  cluster.network.heal();
  for (const node of nodes)
    await cluster.clock.resolve(cluster.host(node).setFailover(SET, 'manual'));
  await allAsleep(cluster);
  const {term} = cluster.status(leader, 1)!;
  const {id, bootEpoch} = cluster.node(leader);
  for (const node of [lost, other])
    for (const stalledThreads of [[0], []])
      cluster.host(node).nodeChanged(id, {state: 'alive', bootEpoch, stalledThreads});
  const follower = cluster.host(lost);
  expect(follower.status(SET)!.leader).toBeUndefined();
  const knows = () => [lost, other].every((node) => cluster.status(node, 1)!.leader !== undefined);
  const tookMs = await msUntil(cluster, knows);
  expect(tookMs).toBeLessThan(noticeMs + 2 * HEARTBEAT_MS + SLACK_MS);
  const deadlineMs = cluster.clock.monotonicMs() + 1_000;
  await cluster.clock.resolve(follower.readIndex(SET, {deadlineMs}));
  expect(cluster.status(leader, 1)).toMatchObject({role: 'leader', term});
});

test('so does a learner that alone took the node of its leader for dead', async () => {
  const {cluster, replicas, leader, lost} = await sleeping();
  cluster.network.heal();
  const change = [{type: 'learner' as const, id: replicas[lost - 1]!}];
  const deadlineMs = cluster.clock.monotonicMs() + 10_000;
  const host = cluster.host(leader);
  await cluster.clock.resolve(host.proposeConfig(SET, change, 'joint', {deadlineMs}));
  const learns = () => cluster.status(lost, 1)!.configuration.learners.length === 1;
  expect(await cluster.clock.until(learns, 10_000)).toBe(true);
  await allAsleep(cluster);
  const {id, bootEpoch} = cluster.node(leader);
  for (const state of ['suspect', 'alive'] as const)
    cluster.host(lost).nodeChanged(id, {state, bootEpoch});
  expect(cluster.status(lost, 1)!.leader).toBeUndefined();
  const tookMs = await msUntil(cluster, () => cluster.status(lost, 1)!.leader !== undefined);
  expect(tookMs).toBeLessThan(noticeMs + 2 * HEARTBEAT_MS + SLACK_MS);
});

/** Its leader sleeps, and the others, which stand on order only, forget it: its thread seemed to stand still. */
async function forgotten(): Promise<Sleeping> {
  const all = await sleeping();
  const {cluster, leader, lost, other} = all;
  cluster.network.heal();
  for (const node of nodes)
    await cluster.clock.resolve(cluster.host(node).setFailover(SET, 'manual'));
  await allAsleep(cluster);
  cluster.network.isolate(leader as NodeId);
  const {id, bootEpoch} = cluster.node(leader);
  for (const node of [lost, other])
    for (const stalledThreads of [[0], []])
      cluster.host(node).nodeChanged(id, {state: 'alive', bootEpoch, stalledThreads});
  return all;
}

test('a candidate by order whose votes are lost is elected in the end, though nobody orders again', async () => {
  const {cluster, leader, other} = await forgotten();
  const {term} = cluster.status(leader, 1)!;
  cluster.host(other).campaign(SET);
  await msUntil(cluster, () => cluster.status(other, 1)!.role === 'candidate');
  // Before its own vote is durable, and it asks for the others'.
  cluster.network.isolate(other as NodeId);
  await cluster.clock.advance(10 * electionTicks * tickMs);
  expect(cluster.status(leader, 1)).toMatchObject({role: 'leader', term, isAsleep: true});
  cluster.network.heal();
  await msUntil(cluster, () => cluster.leader(1) === other);
  await cluster.write(1, 'b');
  await allAsleep(cluster);
});

test('who was told to stand and heard of nobody ends that, sleeps, and asks who leads', async () => {
  const {cluster, leader, other} = await forgotten();
  const {term} = cluster.status(leader, 1)!;
  cluster.network.isolate(other as NodeId);
  cluster.host(other).campaign(SET);
  const endedMs = await msUntil(cluster, () => isAsleep(cluster, other));
  expect(endedMs).toBeLessThan(2 * electionTicks * tickMs + 1_000);
  cluster.network.heal();
  await msUntil(cluster, () => cluster.status(other, 1)!.leader?.node === leader);
  expect(cluster.status(leader, 1)).toMatchObject({role: 'leader', term});
});
