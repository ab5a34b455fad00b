import type {ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';

const NODES = [1, 2, 3];

function total(counts: ArrayLike<number>): number {
  return Array.from(counts).reduce((sum, count) => sum + count, 0);
}

async function running(): Promise<TestCluster> {
  const cluster = new TestCluster();
  await cluster.startAll();
  await cluster.found(1);
  await cluster.write(1, 'a');
  return cluster;
}

test('an entry moves log, propose and apply, and each message is counted at both ends', async () => {
  const cluster = await running();
  await cluster.clock.advance(500);
  const leader = cluster.leader(1);
  const before = cluster.host(leader).metrics();
  await cluster.write(1, 'b');
  const after = cluster.host(leader).metrics();
  expect(after.log.batches).toBeGreaterThan(before.log.batches);
  expect(after.log.writtenBytes).toBeGreaterThan(before.log.writtenBytes);
  expect(total(after.log.syncs[0]!.counts)).toBe(after.log.batches);
  expect(total(after.propose.control.counts)).toBe(total(before.propose.control.counts) + 1);
  expect(total(after.apply.counts)).toBe(total(before.apply.counts) + 1);
  // What was gathered before stays as it was.
  expect(total(before.propose.control.counts)).toBe(1);
  await cluster.clock.advance(500);
  const all = NODES.map((node) => cluster.host(node).metrics());
  const sum = (of: (metrics: (typeof all)[0]) => number): number => total(all.map(of));
  expect(sum(({messagesSent}) => messagesSent.append)).toBeGreaterThan(0);
  expect(sum(({messagesReceived}) => messagesReceived.append)).toBe(
    sum(({messagesSent}) => messagesSent.append),
  );
  expect(sum(({roles}) => roles.leader)).toBe(1);
  expect(sum(({roles}) => roles.follower)).toBe(2);
});

test('a proposal is counted where it was made, once it is applied, by its kind', async () => {
  const cluster = await running();
  const leader = cluster.host(cluster.leader(1));
  const set = 1 as ReplicaSetId;
  const deadlineMs = cluster.clock.monotonicMs() + 5_000;
  const counts = () => {
    const {propose, commit} = leader.metrics();
    const all = Object.entries(propose).map(([kind, {counts: of}]) => [kind, total(of)]);
    return {...Object.fromEntries(all), commit: total(commit.counts)};
  };
  const payload = Buffer.from('x');
  expect(counts()).toEqual({write: 0, control: 1, meta: 0, members: 0, commit: 0});
  await cluster.clock.resolve(leader.propose(set, payload, {deadlineMs, kind: 'write'}));
  await cluster.clock.resolve(leader.propose(set, payload, {deadlineMs, kind: 'meta'}));
  const followers = NODES.filter((node) => node !== cluster.leader(1));
  const replica = cluster.host(followers[0]!).status(set)!.replica;
  const changes = [{type: 'learner', id: replica}] as const;
  await cluster.clock.resolve(leader.proposeConfig(set, changes, 'simple', {deadlineMs}));
  expect(counts()).toEqual({write: 1, control: 1, meta: 1, members: 1, commit: 1});
  for (const node of followers) {
    const {propose, apply} = cluster.host(node).metrics();
    expect(Object.values(propose).map(({counts: of}) => total(of))).toEqual([0, 0, 0, 0]);
    expect(total(apply.counts)).toBe(3);
  }
});

test('an election counts where it is started, a change of leader wherever it is seen', async () => {
  const cluster = await running();
  const old = cluster.leader(1);
  const rest = NODES.filter((node) => node !== old);
  const metrics = () => rest.map((node) => cluster.host(node).metrics());
  const lost = () => total(metrics().map(({electionsStarted}) => electionsStarted.connection_lost));
  const changes = () => total(metrics().map(({leaderChanges}) => leaderChanges));
  const before = changes();
  cluster.crash(old);
  await cluster.clock.advance(5_000);
  await cluster.write(1, 'b');
  expect(lost()).toBeGreaterThan(0);
  expect(changes()).toBe(before + 2);
});
