import {type ReplicaId, type ReplicaSetId, SeededRandom, type StoreId} from '@flotilla/base';
import {MemoryDisk, VirtualClock} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {HOST_LIMITS} from './options.ts';
import {Store} from './store.ts';

test('what was queued for a replica that lives no more is not written after its tombstone', async () => {
  const clock = new VirtualClock();
  const disk = new MemoryDisk();
  const options = {store: 0 as StoreId, disk, path: 'store-0'};
  const store = await Store.open(
    options,
    {random: new SeededRandom(1), clock, bootEpoch: 1},
    HOST_LIMITS,
  );
  const set = 1 as ReplicaSetId;
  for (const replica of [7, 8] as ReplicaId[])
    store.add({type: 'compact', set, replica, firstIndex: 9, prevTerm: 5});
  const batch = store.takeBatch(({replica}) => replica === 8);
  expect(batch?.items).toMatchObject([{replica: 8}]);
  expect(store.takeBatch(() => true)).toBeUndefined();
});
