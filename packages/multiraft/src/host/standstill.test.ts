// One part stands still: a follower that never answers, a snapshot that is never done. Nobody else
// waits for it, neither in its own group nor in others.

import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import type {Snapshot} from '../state-machine.ts';
import {TestCluster} from './cluster.fixture.ts';

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
