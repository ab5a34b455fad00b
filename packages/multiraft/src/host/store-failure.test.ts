// A store whose log is dead is told to whoever runs the host, whenever and by whatever it died: the
// process must end and replay. One that nobody hears of leaves a node that lives and does nothing.

import type {FatalError, ReplicaId, ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';
import {code} from './started.fixture.ts';

test('of a store that died while the host was opening, a listener that comes later hears', async () => {
  const cluster = new TestCluster();
  await cluster.startAll();
  await cluster.found(1);
  await cluster.electAll([1]);
  await cluster.write(1, 'a');
  cluster.crash(2);
  await cluster.write(1, 'b');
  await cluster.start(2);
  // As if the disk had refused before the host was handed out: nobody listens yet.
  cluster.node(2).disk.fail({operation: 'sync', path: 'segment'});
  const stopped = () => cluster.status(2, 1)?.stopped !== undefined;
  await cluster.write(1, 'c');
  expect(await cluster.clock.until(stopped, 10_000)).toBe(true);
  const stops: {isStore: boolean; reason: string}[] = [];
  cluster.host(2).onStopped((stop) => stops.push(stop));
  expect(stops).toMatchObject([{isStore: true, reason: expect.stringContaining('EIO')}]);
});

test('a store that died by an order is told, though no group has anything to write', async () => {
  const cluster = new TestCluster();
  await cluster.startAll();
  const stops: {isStore: boolean}[] = [];
  cluster.host(1).onStopped((stop) => stops.push(stop));
  cluster.node(1).disk.fail({operation: 'sync', path: 'segment'});
  const order = cluster.host(1).createReplica({set: 1 as ReplicaSetId, replica: 5 as ReplicaId});
  const failed = await cluster.clock.resolve(order.catch((error: FatalError) => error));
  expect(String(failed)).toContain('EIO');
  await cluster.clock.advance(200);
  expect(stops).toMatchObject([{isStore: true}]);
});

test('what a store failed with is not made in another: its log may hold it', async () => {
  const cluster = new TestCluster({nodes: 1, stores: 2});
  await cluster.startAll();
  const order = {set: 1 as ReplicaSetId, replica: 5 as ReplicaId};
  const tried = () => cluster.clock.resolve(code(cluster.host(1).createReplica(order)));
  cluster.node(1).disk.fail({operation: 'sync', path: 'segment'});
  expect(await tried()).toContain('EIO');
  expect(await tried()).toBe('REPLICA_STOPPED');
  cluster.crash(1);
  await cluster.start(1);
  expect(await tried()).toBe('ok');
  expect(cluster.status(1, 1)).toMatchObject({replica: 5});
});
