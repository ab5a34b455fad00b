import {handledElsewhere, type NodeId, type ReplicaSetId} from '@flotilla/base';
import type {Message} from '@flotilla/raft';
import {
  ByteWriter,
  decodeMessage,
  encodeMessage,
  readItems,
  startGroupsFrame,
  writeItem,
} from '@flotilla/wire';
import {describe, expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';
import {electionsOf} from './host-counts.ts';

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

describe('what made a replica look for a leader and came to nothing is no cause of what follows', () => {
  const SET = 1 as ReplicaSetId;

  /** Why the node stood, once it has not heard its leader, or its followers, for as long as it takes. */
  async function causesOf(cluster: TestCluster, node: number): Promise<unknown> {
    const host = cluster.host(node);
    const before = host.metrics();
    cluster.network.isolate(cluster.leader(1) as NodeId);
    // It would sleep, where nobody waited for anything.
    const deadlineMs = cluster.clock.monotonicMs() + 60_000;
    void handledElsewhere(host.readIndex(SET, {deadlineMs}));
    const hasStood = () => electionsOf(host.metrics()) > electionsOf(before);
    expect(await cluster.clock.until(hasStood, 10_000)).toBe(true);
    const now = host.metrics().electionsStarted;
    const more = Object.entries(before.electionsStarted).map(([cause, count]) => {
      return [cause, now[cause as keyof typeof now] - count] as const;
    });
    return Object.fromEntries(more.filter(([, count]) => count !== 0));
  }

  test('a call to stand by who does not lead', async () => {
    const cluster = await running();
    await cluster.clock.advance(500);
    const [called, other] = NODES.filter((node) => node !== cluster.leader(1));
    const [to, from] = [called!, other!].map((node) => cluster.status(node, 1)!.replica);
    const {term} = cluster.status(called!, 1)!;
    const call: Message = {type: 'timeoutNow', from: from!, to: to!, term};
    const writer = new ByteWriter(256);
    startGroupsFrame(writer, 0);
    writeItem(writer, {kind: 'message', set: 1, payload: encodeMessage(call)});
    cluster.host(called!).receive(other as NodeId, 'control', writer.finish());
    await cluster.clock.advance(500);
    expect(cluster.status(called!, 1)!.term).toBe(term);
    expect(await causesOf(cluster, called!)).toEqual({timer: 1});
  });

  test('an order to stand, of who leads already', async () => {
    const cluster = await running();
    const leader = cluster.leader(1);
    cluster.host(leader).campaign(SET);
    await cluster.clock.advance(500);
    expect(cluster.leader(1)).toBe(leader);
    expect(await causesOf(cluster, leader)).toEqual({timer: 1});
  });

  test('a leader that is taken for stalled, and heard before anybody stands', async () => {
    const cluster = await running();
    const leader = cluster.leader(1);
    const follower = NODES.find((node) => node !== leader)!;
    let heartbeat: Uint8Array | undefined;
    cluster.network.tap = ({from, to, frame}) => {
      if (from !== leader || to !== follower) return;
      for (const item of readItems(frame))
        if (item.kind === 'message' && decodeMessage(item.payload)?.type === 'heartbeat')
          heartbeat = frame.slice();
    };
    await cluster.write(1, 'b');
    expect(await cluster.clock.until(() => heartbeat !== undefined, 1_000)).toBe(true);
    const {id, bootEpoch} = cluster.node(leader);
    const host = cluster.host(follower);
    host.nodeChanged(id, {state: 'alive', bootEpoch, stalledThreads: [0]});
    host.receive(id, 'control', heartbeat!);
    host.nodeChanged(id, {state: 'alive', bootEpoch, stalledThreads: []});
    await cluster.clock.advance(500);
    expect(cluster.leader(1)).toBe(leader);
    expect(await causesOf(cluster, follower)).toEqual({timer: 1});
  });

  test('a call that is heard is one', async () => {
    const cluster = await running();
    const leader = cluster.leader(1);
    const to = cluster.status(NODES.find((node) => node !== leader)!, 1)!;
    const deadlineMs = cluster.clock.monotonicMs() + 5_000;
    await cluster.clock.resolve(cluster.host(leader).transferLeader(SET, to.replica, {deadlineMs}));
    const started = NODES.map((node) => cluster.host(node).metrics().electionsStarted.transferred);
    expect(total(started)).toBe(1);
  });
});
