// One part stands still: a follower that never answers, a snapshot that is never done. Nobody else
// waits for it, neither in its own group nor in others.

import {handledElsewhere, type NodeId, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import type {Snapshot} from '../state-machine.ts';
import {TestCluster} from './cluster.fixture.ts';
import {electionsOf} from './host-counts.ts';

/** The slowest of ten writes to each set. */
async function slowestWrite(cluster: TestCluster, sets: readonly number[]): Promise<number> {
  let slowestMs = 0;
  for (let i = 0; i < 10; i++)
    for (const set of sets) {
      const beganMs = cluster.clock.monotonicMs();
      await cluster.write(set, `${set}/${i}`);
      slowestMs = Math.max(slowestMs, cluster.clock.monotonicMs() - beganMs);
    }
  return slowestMs;
}

async function addLearner(cluster: TestCluster, set: number): Promise<ReplicaId> {
  const id = cluster.place(4);
  const of = {set: set as ReplicaSetId, replica: id};
  await cluster.clock.resolve(cluster.host(4).createReplica(of));
  const deadlineMs = cluster.clock.monotonicMs() + 60_000;
  const change = [{type: 'learner' as const, id}];
  const leader = cluster.host(cluster.leader(set));
  await cluster.clock.resolve(leader.proposeConfig(of.set, change, 'simple', {deadlineMs}));
  return id;
}

test.each(['answers nothing', 'never ends a write to its disk'])(
  'nobody waits for a follower that %s, in its own group or another',
  async (how) => {
    const cluster = new TestCluster({nodes: 4});
    await cluster.startAll();
    await cluster.found(1);
    await cluster.found(2, [1, 3, 4]);
    for (const set of [1, 2]) await cluster.write(set, 'first');
    // No member of the second set.
    const hung = 2;
    expect(cluster.leader(1), 'else the leader would be hung').not.toBe(hung);
    const beforeMs = await slowestWrite(cluster, [1, 2]);
    if (how === 'answers nothing') cluster.network.isolate(hung as NodeId);
    else cluster.slow(hung, 1e9);
    // More than its window holds, twice.
    for (let i = 0; i < 20; i++) expect(await slowestWrite(cluster, [1, 2])).toBe(beforeMs);
  },
);

test('a snapshot that is not made yet holds up neither writes nor applying, and is sent once it is', async () => {
  const cluster = new TestCluster({nodes: 4});
  await cluster.startAll();
  for (const set of [1, 2]) await cluster.found(set);
  for (const set of [1, 2]) await cluster.write(set, 'first');
  const beforeMs = await slowestWrite(cluster, [1, 2]);
  const machine = cluster.machine(cluster.leader(1), 1);
  const make = machine.snapshot.bind(machine);
  let finish: (snapshot: Snapshot) => void = () => undefined;
  machine.snapshot = () =>
    new Promise((resolve) => {
      finish = resolve;
    });
  await addLearner(cluster, 1);
  expect(await slowestWrite(cluster, [1, 2])).toBeLessThan(2 * beforeMs);
  expect(await cluster.agree(1, [1, 2, 3], 21)).toBe(true);
  expect(cluster.values(4, 1)).toEqual([]);
  machine.snapshot = make;
  finish(await make());
  expect(await cluster.agree(1, [1, 2, 3, 4], 21, 60_000)).toBe(true);
});

/** Three sets that beats watch over, each with a write under way, on disks that stand still for so long. */
async function standing(stillMs: (node: number) => number) {
  const cluster = new TestCluster({beats: true});
  await cluster.startAll();
  const sets = [1, 2, 3];
  for (const set of sets) await cluster.found(set);
  for (const set of sets) await cluster.write(set, 'first');
  const leaders = () => sets.map((set) => cluster.leader(set));
  const before = leaders();
  const begun = () => cluster.nodes.reduce((sum, {host}) => sum + electionsOf(host!.metrics()), 0);
  const begunBefore = begun();
  for (const {id} of cluster.nodes) cluster.slow(id, stillMs(id));
  const deadlineMs = cluster.clock.monotonicMs() + 20_000;
  const writes = sets.map((set) => {
    const leader = cluster.host(cluster.leader(set));
    return leader.propose(set as ReplicaSetId, new Uint8Array([set]), {deadlineMs}).catch(String);
  });
  return {cluster, before, leaders, elections: () => begun() - begunBefore, writes};
}

test('disks that stand still at once move no leader', async () => {
  const {cluster, before, leaders, elections, writes} = await standing(() => 1_500);
  await cluster.clock.advance(1_400);
  for (const {id} of cluster.nodes) cluster.slow(id, 1);
  await cluster.clock.advance(3_000);
  expect([leaders(), elections()]).toEqual([before, 0]);
  for (const write of writes)
    expect(await cluster.clock.resolve(write), 'what it failed with').not.toBeTypeOf('string');
});

test('of disks that stood still at once, the one that goes on keeps no leader', async () => {
  const still = 1;
  const {cluster, before, leaders} = await standing((id) => (id === still ? 8_000 : 1_000));
  expect(before).toContain(still);
  await cluster.clock.advance(900);
  for (const {id} of cluster.nodes) if (id !== still) cluster.slow(id, 1);
  expect(leaders()).toEqual(before);
  const moved = () => leaders().every((leader) => leader !== still && leader !== 0);
  // Those that were slow themselves bear it for two seconds.
  expect(await cluster.clock.until(moved, 2_500)).toBe(true);
});

test('who could not write when a thread stood still stands two seconds after his own disk is well', async () => {
  const cluster = new TestCluster();
  await cluster.startAll();
  await cluster.found(1);
  await cluster.write(1, 'first');
  const leader = cluster.leader(1);
  const others = [1, 2, 3].filter((id) => id !== leader);
  for (const id of others) cluster.slow(id, 900);
  const deadlineMs = cluster.clock.monotonicMs() + 20_000;
  const write = cluster.host(leader).propose(1 as ReplicaSetId, new Uint8Array([1]), {deadlineMs});
  // Cut off with it, its leader cannot say what became of it.
  void handledElsewhere(write);
  await cluster.clock.advance(400);
  cluster.network.isolate(leader as NodeId);
  const {id, bootEpoch} = cluster.node(leader);
  for (const other of others) {
    cluster.host(other).nodeChanged(id, {state: 'alive', bootEpoch, stalledThreads: [0]});
    cluster.slow(other, 1);
  }
  const led = () => others.some((other) => cluster.status(other, 1)!.role !== 'follower');
  await cluster.clock.advance(400);
  expect(led()).toBe(false);
  const moved = () => others.some((other) => cluster.status(other, 1)!.role === 'leader');
  expect(await cluster.clock.until(moved, 2_000)).toBe(true);
});
