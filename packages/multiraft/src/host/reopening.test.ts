// A replica that cannot apply an entry stops alone; it is opened anew by order, and goes on where it can by
// then, or where it was told to pass the entry over.

import type {DbError, ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {TestCluster, type TestClusterOptions} from './cluster.fixture.ts';

const SET = 1 as ReplicaSetId;
const NODES = [1, 2, 3];

/** A majority has stopped at the same entry, with another one behind it in their logs. */
async function poisoned(options: TestClusterOptions = {}) {
  const cluster = new TestCluster(options);
  await cluster.startAll();
  const replicas = await cluster.found(1);
  await cluster.write(1, 'before');
  const host = cluster.host(cluster.leader(1));
  const deadlineMs = cluster.clock.monotonicMs() + 2_000;
  const code = (error: DbError) => error.code;
  const bytes = (text: string) => new TextEncoder().encode(text);
  const poison = host.propose(SET, bytes('poison'), {deadlineMs}).catch(code);
  const behind = host.propose(SET, bytes('behind'), {deadlineMs}).catch(code);
  const codes = await cluster.clock.resolve(Promise.all([poison, behind]));
  expect(codes).toEqual(['OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN']);
  // The last one may never hear of the commit, as nobody is left to lead it.
  const stopped = () => NODES.filter((node) => cluster.status(node, 1)?.stopped !== undefined);
  expect(await cluster.clock.until(() => stopped().length >= 2, 20_000)).toBe(true);
  const failedAt = cluster.status(stopped()[0]!, 1)!.failedIndex!;
  const reopen = (node: number) =>
    cluster.clock.resolve(
      cluster.host(node).reopenReplica({set: SET, replica: replicas[node - 1]!}),
    );
  return {cluster, replicas, reopen, failedAt, stopped};
}

test('the entry that stopped it is named, and opened anew it stops there again', async () => {
  const {cluster, replicas, reopen, failedAt, stopped} = await poisoned();
  for (const node of stopped()) {
    expect(cluster.status(node, 1)).toMatchObject({
      stopped: `cannot apply entry ${failedAt}: Error: poisoned`,
      failedIndex: failedAt,
      appliedIndex: failedAt - 1,
    });
    const stopped = [...cluster.host(node).stoppedReplicas()];
    expect(stopped).toEqual([{set: SET, replica: replicas[node - 1], failedIndex: failedAt}]);
    await reopen(node);
  }
  expect(await cluster.clock.until(() => stopped().length >= 2, 20_000)).toBe(true);
  for (const node of stopped()) expect(cluster.status(node, 1)?.failedIndex).toBe(failedAt);
});

test('by a build that can apply it, it goes on, and so does what was behind it', async () => {
  const {cluster, reopen} = await poisoned();
  cluster.isCured = true;
  for (const node of NODES) await reopen(node);
  await cluster.write(1, 'after');
  expect(await cluster.agree(1, NODES)).toBe(true);
  expect(cluster.values(1, 1)).toEqual(['before', 'poison', 'behind', 'after']);
  expect([...cluster.host(1).stoppedReplicas()]).toEqual([]);
});

test('an entry that is to be passed over changes nothing on any replica, after a restart neither', async () => {
  const skipped: number[] = [];
  const {cluster, reopen, failedAt} = await poisoned({skippedEntries: () => skipped});
  skipped.push(failedAt);
  for (const node of [1, 2]) await reopen(node);
  cluster.crash(3);
  await cluster.start(3);
  await cluster.write(1, 'after');
  expect(await cluster.agree(1, NODES, 3)).toBe(true);
  expect(cluster.values(3, 1)).toEqual(['before', 'behind', 'after']);
});

test('one that has not stopped is left alone, and one that is not here is none', async () => {
  const cluster = new TestCluster();
  await cluster.startAll();
  const [first] = await cluster.found(1);
  await cluster.write(1, 'a');
  const machine = cluster.machine(1, 1);
  const {clock} = cluster;
  await clock.resolve(cluster.host(1).reopenReplica({set: SET, replica: first!}));
  expect(cluster.machine(1, 1)).toBe(machine);
  const stranger = cluster.host(2).reopenReplica({set: SET, replica: first!});
  const refusal = await clock.resolve(stranger.catch((error: DbError) => error.code));
  expect(refusal).toBe('REPLICA_GONE');
});
