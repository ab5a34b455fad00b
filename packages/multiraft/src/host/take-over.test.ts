// What is left of a group goes on under a new id, alone, with all that its log holds; the lost ones come
// back to nobody.

import {type DbError, FatalError, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';

const SET = 1 as ReplicaSetId;
const SURVIVOR = 3;

/** A set of three whose first two nodes died; the third has an entry of which it knows no commit. */
async function bereft() {
  const cluster = new TestCluster();
  await cluster.startAll();
  const replicas = await cluster.found(1);
  await cluster.write(1, 'before');
  await cluster.agree(1, [1, 2, 3]);
  const leader = cluster.leader(1);
  const bytes = new TextEncoder().encode('last');
  const deadlineMs = cluster.clock.monotonicMs() + 5_000;
  // Acknowledged with the help of the survivor, that dies to hear of it.
  await cluster.clock.resolve(cluster.host(leader).propose(SET, bytes, {deadlineMs}));
  for (const node of [1, 2, 3]) if (node !== SURVIVOR) cluster.crash(node);
  const from = replicas[SURVIVOR - 1]!;
  const replica = cluster.place(SURVIVOR);
  const takeOver = () =>
    cluster.clock.resolve(cluster.host(SURVIVOR).takeOver({set: SET, replica, from}));
  return {cluster, from, replica, takeOver};
}

test('it leads alone with all that its log holds, and goes on after a restart', async () => {
  const {cluster, from, replica, takeOver} = await bereft();
  await takeOver();
  await cluster.write(1, 'after');
  expect(cluster.values(SURVIVOR, 1)).toEqual(['before', 'last', 'after']);
  expect(cluster.status(SURVIVOR, 1)).toMatchObject({
    replica,
    role: 'leader',
    configuration: {voters: [replica], learners: []},
  });
  await takeOver();
  expect([...cluster.node(SURVIVOR).kept.keys()]).toEqual([`1/${replica}`]);
  cluster.crash(SURVIVOR);
  await cluster.start(SURVIVOR);
  await cluster.write(1, 'again');
  expect(cluster.values(SURVIVOR, 1)).toEqual(['before', 'last', 'after', 'again']);
  const again = cluster.host(SURVIVOR).createReplica({set: SET, replica: from});
  await expect(cluster.clock.resolve(again)).rejects.toMatchObject({code: 'CONFLICT'});
});

test('what entries need is in memory before the first of them is applied', async () => {
  const {cluster, takeOver} = await bereft();
  const machine = cluster.machine(SURVIVOR, 1);
  let isLoaded = false;
  const load = async (): Promise<void> => {
    isLoaded = true;
  };
  const apply = machine.apply.bind(machine);
  const applied: boolean[] = [];
  machine.apply = (...entry) => {
    applied.push(isLoaded);
    return apply(...entry);
  };
  Object.assign(machine, {load});
  await takeOver();
  expect(applied).toEqual([true]);
  expect(cluster.values(SURVIVOR, 1)).toEqual(['before', 'last']);
});

test('what comes back elects among itself and changes nothing of what went on', async () => {
  const {cluster, replica, takeOver} = await bereft();
  await takeOver();
  await cluster.write(1, 'after');
  await cluster.start(1);
  await cluster.start(2);
  await cluster.clock.advance(5_000);
  await cluster.clock.resolve(
    cluster.host(SURVIVOR).readIndex(SET, {deadlineMs: cluster.clock.monotonicMs() + 1_000}),
  );
  expect(cluster.values(SURVIVOR, 1)).toEqual(['before', 'last', 'after']);
  expect(cluster.status(SURVIVOR, 1)).toMatchObject({replica, role: 'leader'});
});

test('a crash in the middle leaves the one or the other, whole', async () => {
  for (let afterMs = 0; afterMs < 24; afterMs++) {
    const {cluster, takeOver} = await bereft();
    const {from, replica} = await cutOff(cluster, takeOver, afterMs);
    await cluster.start(SURVIVOR);
    const present = cluster.status(SURVIVOR, 1)?.replica;
    expect([from, replica], `after ${afterMs} ms`).toContain(present);
    await takeOver();
    await cluster.write(1, 'after');
    expect(cluster.values(SURVIVOR, 1)).toEqual(['before', 'last', 'after']);
  }

  async function cutOff(
    cluster: TestCluster,
    takeOver: () => Promise<void>,
    afterMs: number,
  ): Promise<{from: ReplicaId; replica: ReplicaId}> {
    const from = cluster.status(SURVIVOR, 1)!.replica;
    const pending = takeOver().catch((error: unknown) => error);
    await cluster.clock.advance(afterMs);
    cluster.crash(SURVIVOR);
    void pending;
    return {from, replica: (from + 1) as ReplicaId};
  }
});

test('it goes on though what it was cannot be removed, which an order that is repeated does', async () => {
  const {cluster, from, replica, takeOver} = await bereft();
  const cause = Object.assign(new Error('ENOSPC'), {code: 'ENOSPC', syscall: 'write'});
  cluster.machine(SURVIVOR, 1).destroy = async () => {
    throw new FatalError('cannot commit: ENOSPC', cause);
  };
  await expect(takeOver()).rejects.toThrow('ENOSPC');
  await cluster.write(1, 'after');
  expect(cluster.values(SURVIVOR, 1)).toEqual(['before', 'last', 'after']);
  const kept = () => [...cluster.node(SURVIVOR).kept.keys()];
  expect(kept()).toEqual([`1/${from}`, `1/${replica}`]);
  await takeOver();
  expect(kept()).toEqual([`1/${replica}`]);
  await cluster.write(1, 'again');
  expect(await cluster.node(SURVIVOR).disk.list('store-0/staging')).toEqual([]);
});

test('one that goes on and cannot be opened yet is here, and none is made in its place', async () => {
  const {cluster, replica, takeOver} = await bereft();
  let isOpen = false;
  cluster.onOpen = () => {
    const cause = Object.assign(new Error('EMFILE'), {code: 'EMFILE', syscall: 'open'});
    if (!isOpen) throw new FatalError('cannot open: EMFILE', cause);
  };
  await takeOver();
  const host = cluster.host(SURVIVOR);
  expect(host.broken().get(SET)).toMatchObject({replica});
  const other = {set: SET, replica: (replica + 1) as ReplicaId};
  const created = cluster.clock.resolve(host.createReplica(other));
  await expect(created).rejects.toMatchObject({code: 'CONFLICT'});
  isOpen = true;
  await cluster.clock.until(() => host.broken().size === 0, 60_000);
  await cluster.write(1, 'after');
  expect(cluster.values(SURVIVOR, 1)).toEqual(['before', 'last', 'after']);
});

test('it is refused where another replica lives, or none', async () => {
  const {cluster, from} = await bereft();
  const order = {set: SET, replica: 900 as ReplicaId, from: (from - 1) as ReplicaId};
  const code = (error: DbError) => error.code;
  const host = cluster.host(SURVIVOR);
  expect(await cluster.clock.resolve(host.takeOver(order).catch(code))).toBe('REPLICA_GONE');
  const elsewhere = {...order, set: 2 as ReplicaSetId};
  expect(await cluster.clock.resolve(host.takeOver(elsewhere).catch(code))).toBe('REPLICA_GONE');
  expect(cluster.status(SURVIVOR, 1)?.replica).toBe(from);
});
