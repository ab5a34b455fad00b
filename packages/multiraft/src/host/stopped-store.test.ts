import type {ReplicaSetId, StoreId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';
import {StoppedStore} from './stopped-store.ts';

const SET = 1 as ReplicaSetId;

async function stopped(cluster: TestCluster, id: number): Promise<StoppedStore> {
  const {clock, random} = cluster;
  const node = cluster.node(id);
  node.bootEpoch += 1;
  const options = {store: 0 as StoreId, disk: node.disk, path: 'store-0'};
  const {bootEpoch} = node;
  return clock.resolve(StoppedStore.open(options, {random, clock, bootEpoch}));
}

test('each store tells who the members are, by its log alone or on top of its state machine', async () => {
  const cluster = new TestCluster({nodes: 4});
  await cluster.startAll();
  await cluster.found(1);
  for (let i = 0; i < 30; i++) await cluster.write(1, `value ${i}`);
  const replica = cluster.place(4);
  const {clock} = cluster;
  await clock.resolve(cluster.host(4).createReplica({set: SET, replica}));
  const leader = cluster.host(cluster.leader(1));
  const gone = [1, 2, 3].find((node) => node !== cluster.leader(1))!;
  const removed = cluster.status(gone, 1)!.replica;
  const propose = (...change: [object[], 'simple' | 'joint']) => {
    const [changes, mode] = change as [
      Parameters<typeof leader.proposeConfig>[1],
      (typeof change)[1],
    ];
    const deadlineMs = clock.monotonicMs() + 10_000;
    return clock.resolve(leader.proposeConfig(SET, changes, mode, {deadlineMs}));
  };
  await propose([{type: 'learner', id: replica}], 'simple');
  expect(await cluster.agree(1, [1, 2, 3, 4], 30)).toBe(true);
  const change = [
    {type: 'voter', id: replica},
    {type: 'remove', id: removed},
  ];
  await propose(change, 'joint');
  const left = [1, 2, 3, 4].filter((node) => node !== gone);
  const isSettled = () =>
    left.every((node) => {
      const {configuration, configIndex} = cluster.status(node, 1)!;
      const isLeft = configuration.votersOutgoing.length === 0;
      return isLeft && configuration.voters.includes(replica) && configIndex > 0;
    });
  expect(await clock.until(isSettled, 10_000)).toBe(true);
  await clock.resolve(cluster.host(gone).destroyReplica({set: SET, replica: removed}));

  for (const node of left) {
    const {configuration, configIndex: index, replica: own} = cluster.status(node, 1)!;
    cluster.crash(node);
    const store = await stopped(cluster, node);
    expect([...store.sets()]).toEqual([SET]);
    const {point} = cluster.node(node).kept.get(`1/${own}`)!;
    const known = [undefined, point, {index, term: 9, configuration}];
    for (const machine of known)
      expect(await clock.resolve(store.configuration(SET, machine))).toEqual({
        configuration,
        index,
      });
    await clock.resolve(store.close());
  }
  cluster.crash(gone);
  const store = await stopped(cluster, gone);
  expect([...store.sets()]).toEqual([]);
  expect(store.tombstones().get(SET)).toBe(removed);
  await clock.resolve(store.close());
});

test('of a replica that waits for its first snapshot nobody knows the members', async () => {
  const cluster = new TestCluster({nodes: 1});
  await cluster.startAll();
  const replica = cluster.place(1);
  const {clock} = cluster;
  await clock.resolve(cluster.host(1).createReplica({set: SET, replica}));
  await cluster.stop(1);
  const store = await stopped(cluster, 1);
  expect(store.replica(SET)).toMatchObject({replica, founding: undefined});
  expect(await clock.resolve(store.configuration(SET, undefined))).toBeUndefined();
  await clock.resolve(store.close());
});
