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
  const {cluster, reopen, failedAt} = await poisoned({entryOrders: () => ({skipped, held: []})});
  skipped.push(failedAt);
  for (const node of [1, 2]) await reopen(node);
  cluster.crash(3);
  await cluster.start(3);
  await cluster.write(1, 'after');
  expect(await cluster.agree(1, NODES, 3)).toBe(true);
  expect(cluster.values(3, 1)).toEqual(['before', 'behind', 'after']);
});

test('those that hold an entry stop before it, though they could apply it, after a restart too', async () => {
  const orders = {skipped: [] as number[], held: [] as number[]};
  const {cluster, reopen, failedAt} = await poisoned({entryOrders: () => orders});
  orders.held.push(failedAt);
  // A newer build, which can apply what stopped the older one.
  cluster.isCured = true;
  for (const node of NODES) await reopen(node);
  const held = () =>
    NODES.filter((node) =>
      /an order to skip it is open/.test(cluster.status(node, 1)?.stopped ?? ''),
    );
  const isHeld = () => cluster.clock.until(() => held().length >= 2, 20_000);
  expect(await isHeld()).toBe(true);
  for (const node of held()) {
    expect(cluster.status(node, 1)).toMatchObject({
      failedIndex: failedAt,
      appliedIndex: failedAt - 1,
    });
    cluster.crash(node);
    await cluster.start(node);
  }
  expect(await isHeld()).toBe(true);
  for (const node of held()) expect(cluster.values(node, 1)).toEqual(['before']);
  orders.skipped.push(...orders.held.splice(0));
  for (const node of NODES) await reopen(node);
  await cluster.write(1, 'after');
  expect(await cluster.agree(1, NODES)).toBe(true);
  expect(cluster.values(1, 1)).toEqual(['before', 'behind', 'after']);
});

test('one that cannot be closed is not opened beside itself: it is named, and opened once it can be', async () => {
  const {cluster, replicas, reopen} = await poisoned();
  const [node] = NODES.filter((one) => cluster.status(one, 1)?.stopped !== undefined);
  const machine = cluster.machine(node!, 1);
  machine.closeError = new Error('a file is busy');
  const key = {set: SET, replica: replicas[node! - 1]!};
  const refusal = () => {
    const reopening = cluster.host(node!).reopenReplica(key);
    return cluster.clock.resolve(reopening.then(String, (error: DbError) => error.message));
  };
  const named = `replica ${key.replica} of set 1 cannot be closed: a file is busy`;
  for (let i = 0; i < 2; i++) {
    expect(await refusal()).toContain(named);
    const broken = cluster.host(node!).broken().get(SET);
    expect(broken).toMatchObject({reason: 'cannot be closed: a file is busy', isLost: false});
    expect(cluster.host(node!).status(SET)).toBeUndefined();
  }
  machine.closeError = undefined;
  cluster.isCured = true;
  for (const one of NODES) await reopen(one);
  expect(cluster.machine(node!, 1)).not.toBe(machine);
  expect(cluster.host(node!).broken().size).toBe(0);
  await cluster.write(1, 'after');
  expect(await cluster.agree(1, NODES)).toBe(true);
});

test('one that cannot be closed is destroyed by order all the same, with its files', async () => {
  const {cluster, replicas, reopen, stopped} = await poisoned();
  const [node] = stopped();
  const key = {set: SET, replica: replicas[node! - 1]!};
  const {clock} = cluster;
  cluster.machine(node!, 1).closeError = new Error('a file is busy');
  const refusal = await clock.resolve(
    cluster
      .host(node!)
      .reopenReplica(key)
      .catch((error: DbError) => error.code),
  );
  expect(refusal).toBe('REPLICA_STOPPED');
  await clock.resolve(cluster.host(node!).destroyReplica(key));
  expect(cluster.host(node!).broken().size).toBe(0);
  expect(cluster.node(node!).kept.size).toBe(0);
  expect(await reopen(node!).catch((error: DbError) => error.code)).toBe('REPLICA_GONE');
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
