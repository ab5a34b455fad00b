import type {ReplicaId, ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {ReplicaOrders} from './replica-orders.ts';

const SET = 1 as ReplicaSetId;
const REPLICA = 7 as ReplicaId;

/** Store 0 has lost what it told, or none; the set belongs to store 1 by now, which has lost nothing. */
function withLoss(losses = [true, false]) {
  const appended: string[] = [];
  const stores = losses.map((hasLoss, store) => {
    const groups = new Map<ReplicaSetId, object>();
    const append = async (
      items: readonly {type: string; set: ReplicaSetId; replica: ReplicaId}[],
    ) => {
      for (const {type, set, replica} of items) {
        appended.push(`${store} ${type}`);
        groups.set(set, {set, replica, damaged: true});
      }
    };
    const log = {append, tombstone: () => 0, group: (set: ReplicaSetId) => groups.get(set)};
    return {store, hasLoss, log};
  });
  const orders = new ReplicaOrders(
    {storeOf: () => 1} as unknown as ConstructorParameters<typeof ReplicaOrders>[0],
    stores as unknown as ConstructorParameters<typeof ReplicaOrders>[1],
    {groups: new Map()} as unknown as ConstructorParameters<typeof ReplicaOrders>[2],
    {openFailed: () => undefined} as unknown as ConstructorParameters<typeof ReplicaOrders>[3],
  );
  return {orders, appended};
}

test('nothing is made in any store while one of them does not know who lived there', async () => {
  const {orders, appended} = withLoss();
  const order = {set: SET, replica: REPLICA, founding: undefined};
  await expect(orders.create(order)).rejects.toMatchObject({code: 'UNAVAILABLE'});
  expect(appended).toEqual([]);
});

test('what may have been lost by one store is brought back in the one where it belongs by now', async () => {
  const {orders, appended} = withLoss();
  await orders.bringBackLost({set: SET, replica: REPLICA});
  expect(appended).toEqual(['1 create', '1 damaged']);
  expect(orders.broken.get(SET)).toMatchObject({replica: REPLICA});
});

test('a loss of a store of another thread is as one of an own store', async () => {
  const {orders, appended} = withLoss([false, false]);
  orders.isLossElsewhere = true;
  const order = {set: SET, replica: REPLICA, founding: undefined};
  await expect(orders.create(order)).rejects.toMatchObject({code: 'UNAVAILABLE'});
  await orders.bringBackLost({set: SET, replica: REPLICA});
  expect(appended).toEqual(['1 create', '1 damaged']);
  expect(orders.broken.get(SET)).toMatchObject({replica: REPLICA, isLost: true});
  // Known by now: it lives here, whoever else has lost what.
  orders.isLossElsewhere = false;
  await expect(orders.create(order)).resolves.toBeUndefined();
});
