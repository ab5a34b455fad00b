import type {ReplicaId, ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';
import {replace} from './started.fixture.ts';

const SET = 1 as ReplicaSetId;
const LOG = 'store-0/log/segment-0000000000000001';

/** Three nodes; node 3 is put back to before its last acknowledgements, and started. */
async function withOldImage(beats = false) {
  const cluster = new TestCluster({beats});
  await cluster.startAll();
  const voters = await cluster.found(1);
  await cluster.write(1, 'a');
  await cluster.agree(1, [1, 2, 3], 1);
  const node = cluster.node(3);
  const image = node.disk.bytesOf(LOG).slice();
  const kept = structuredClone([...node.kept]);
  for (const value of ['b', 'c', 'd']) await cluster.write(1, value);
  await cluster.agree(1, [1, 2, 3], 4);
  const told = cluster
    .host(3)
    .durableRecords()
    .map(({store, durableRecord}) => ({store, record: durableRecord}));
  cluster.crash(3);
  node.disk.overwrite(LOG, image);
  node.kept.clear();
  for (const [key, value] of kept) node.kept.set(key, value);
  return {cluster, voters, told};
}

test('a store that came back older stops its replicas at once, and they are never opened again', async () => {
  const {cluster, voters, told} = await withOldImage();
  const host = await cluster.start(3);
  expect(host.status(SET)?.stopped).toBeUndefined();
  const seen = host.remembered(told);
  // In the same turn, not when it is durable.
  expect(host.status(SET)?.stopped).toMatch(/older/);
  await cluster.clock.resolve(seen!);
  cluster.crash(3);
  const again = await cluster.start(3);
  expect(again.broken().get(SET)).toMatchObject({replica: voters[2], reason: /older/});
  await cluster.write(1, 'e');
  cluster.crash(cluster.leader(1));
  // One of three is left: the old image gives no vote.
  expect(await cluster.clock.until(() => cluster.leader(1) !== 0, 10_000)).toBe(false);
});

test.each([false, true])(
  'a last record with another bit is cut off as torn, and told from one by what others remember (%s)',
  async (isChanged) => {
    const cluster = new TestCluster();
    await cluster.startAll();
    await cluster.found(1);
    for (const value of ['a', 'b', 'c']) await cluster.write(1, value);
    await cluster.agree(1, [1, 2, 3], 3);
    const told = cluster
      .host(3)
      .durableRecords()
      .map(({store, durableRecord}) => ({store, record: durableRecord}));
    cluster.crash(3);
    const {disk} = cluster.node(3);
    // Behind it are zeros.
    const end = disk.bytesOf(LOG).findLastIndex((byte) => byte !== 0);
    if (isChanged) disk.flipBit(LOG, end);
    const host = await cluster.start(3);
    expect(host.status(SET)?.stopped).toBeUndefined();
    const seen = host.remembered(told);
    expect(seen !== undefined).toBe(isChanged);
    if (isChanged) expect(host.status(SET)?.stopped).toMatch(/older/);
    await cluster.clock.resolve(seen ?? Promise.resolve());
    expect(await cluster.agree(1, isChanged ? [1, 2] : [1, 2, 3], 3)).toBe(true);
  },
);

test('the loss is told once, and the next one again; a new replica lives beside it', async () => {
  const {cluster, voters, told} = await withOldImage();
  const first = await cluster.start(3);
  await cluster.clock.resolve(first.remembered(told)!);
  const renumbered = first.durableRecords()[0]!.durableRecord;
  expect(renumbered).toBeGreaterThan(told[0]!.record);
  cluster.crash(3);

  const second = await cluster.start(3);
  expect(second.remembered(told)).toBeUndefined();
  expect(second.remembered([{store: 0, record: renumbered}])).toBeUndefined();
  await cluster.clock.resolve(second.settleLoss());
  await cluster.clock.resolve(second.destroyReplica({set: SET, replica: voters[2]!}));
  const successor = await replace(cluster, 3, voters[2]!);
  expect(await cluster.agree(1, [1, 2, 3], 4)).toBe(true);
  const before = second.durableRecords()[0]!.durableRecord;
  cluster.crash(3);

  const third = await cluster.start(3);
  expect(third.remembered([{store: 0, record: before}])).toBeUndefined();
  expect(third.status(SET)).toMatchObject({replica: successor, stopped: undefined});
  // As if it had lost its last record once more.
  expect(third.remembered([{store: 0, record: before + 1}])).toBeDefined();
});

test('a life that ends before it knows what others remember has told them no newer number', async () => {
  const {cluster, told} = await withOldImage(true);
  const remembered = () =>
    [...cluster.node(1).liveness!.view(cluster.node(3).id)!.durableRecords].map(
      ([store, record]) => ({store, record}),
    );
  expect(remembered()).toEqual(told);
  cluster.unvetted.add(3);
  const host = await cluster.start(3);
  await cluster.found(2);
  await cluster.clock.advance(1_000);
  expect(host.durableRecords()[0]!.durableRecord).toBeGreaterThan(told[0]!.record);
  cluster.crash(3);
  cluster.unvetted.delete(3);
  const again = await cluster.start(3);
  expect(remembered()).toEqual(told);
  expect(again.remembered(told)).toBeDefined();
});

test('a replica that the image knows nothing of is not made again under its id', async () => {
  const {cluster, told} = await withOldImage();
  const late = 2 as ReplicaSetId;
  const order = {set: late, replica: 77 as ReplicaId};
  const first = await cluster.start(3);
  const disowned = first.remembered(told)!;
  // At once, and in each later life until it is known who lived here.
  await expect(cluster.clock.resolve(first.createReplica(order))).rejects.toThrow(/not known yet/);
  await cluster.clock.resolve(disowned);
  cluster.crash(3);
  const second = await cluster.start(3);
  await expect(cluster.clock.resolve(second.createReplica(order))).rejects.toThrow(/not known yet/);
  await cluster.clock.resolve(second.bringBackLost(order));
  await cluster.clock.resolve(second.settleLoss());
  await cluster.clock.resolve(second.createReplica(order));
  cluster.crash(3);

  const third = await cluster.start(3);
  expect(third.hasLoss).toBe(false);
  expect(third.status(late)).toBeUndefined();
  expect(third.broken().get(late)).toMatchObject({replica: 77, reason: /older/});
  await cluster.clock.resolve(third.destroyReplica(order));
  await cluster.clock.resolve(third.createReplica({set: late, replica: 78 as ReplicaId}));
  expect(third.status(late)).toMatchObject({replica: 78, stopped: undefined});
  // What is known to be no loss brings nobody back.
  await cluster.clock.resolve(
    third.bringBackLost({set: 3 as ReplicaSetId, replica: 79 as ReplicaId}),
  );
  expect(third.broken().size).toBe(1);
});

test('a replica that is being made when the loss is told is lost as well', async () => {
  const {cluster, told} = await withOldImage();
  const order = {set: 2 as ReplicaSetId, replica: 77 as ReplicaId};
  const host = await cluster.start(3);
  const ordered = host.createReplica(order);
  await Promise.resolve();
  const disowned = host.remembered(told)!;
  await cluster.clock.resolve(ordered);
  expect(host.status(order.set)).toBeUndefined();
  await cluster.clock.resolve(disowned);
  cluster.crash(3);
  const again = await cluster.start(3);
  expect(again.status(order.set)).toBeUndefined();
  expect(again.broken().get(order.set)).toMatchObject({replica: 77, reason: /older/});
});

test('a copy whose records have the same numbers is disowned by order, and told above both', async () => {
  const cluster = new TestCluster({beats: false});
  await cluster.startAll();
  const voters = await cluster.found(1);
  await cluster.write(1, 'a');
  await cluster.agree(1, [1, 2, 3], 1);
  const host = cluster.host(3);
  const told = host
    .durableRecords()
    .map(({store, durableRecord}) => ({store, record: durableRecord}));
  expect(host.remembered(told)).toBeUndefined();
  const disowned = host.disown(told);
  expect(host.status(SET)?.stopped).toMatch(/older/);
  await cluster.clock.resolve(disowned);
  expect(host.durableRecords()[0]!.durableRecord).toBeGreaterThan(told[0]!.record);
  cluster.crash(3);
  const again = await cluster.start(3);
  expect(again.broken().get(SET)).toMatchObject({replica: voters[2], reason: /older/});
  expect(again.remembered(told)).toBeUndefined();
  expect(again.hasLoss).toBe(true);
});

/** A set whose only voter is on node 1, which was started again: nobody vouches for it yet. */
async function withSoleVoter() {
  const cluster = new TestCluster();
  await cluster.startAll();
  const [replica] = await cluster.found(1, [1]);
  await cluster.write(1, 'a');
  const {term} = cluster.status(1, 1)!;
  cluster.crash(1);
  cluster.unvouched.add(1);
  return {cluster, replica, term, host: await cluster.start(1)};
}

test('a replica that would elect itself alone waits until the other nodes were heard', async () => {
  const {cluster, replica, term, host} = await withSoleVoter();
  await cluster.clock.advance(60_000);
  expect(host.status(SET)).toMatchObject({role: 'follower', term});
  host.vouched();
  expect(await cluster.clock.until(() => host.status(SET)?.role === 'leader', 100)).toBe(true);
  expect(host.status(SET)?.leader?.replica).toBe(replica);
  await cluster.write(1, 'b');
});

test('an operator elects it by order, and what is made in this life is no image', async () => {
  const {cluster, host} = await withSoleVoter();
  host.campaign(SET);
  expect(await cluster.clock.until(() => host.status(SET)?.role === 'leader', 100)).toBe(true);
  const late = 2 as ReplicaSetId;
  await cluster.found(2, [1]);
  expect(await cluster.clock.until(() => host.status(late)?.role === 'leader', 100)).toBe(true);
});

test('a replica that needs the votes of others stands at once', async () => {
  const cluster = new TestCluster();
  await cluster.startAll();
  await cluster.found(1);
  await cluster.write(1, 'a');
  for (const id of [1, 2, 3]) {
    cluster.crash(id);
    cluster.unvouched.add(id);
  }
  await cluster.startAll();
  expect(await cluster.clock.until(() => cluster.leader(1) !== 0, 2_000)).toBe(true);
});
