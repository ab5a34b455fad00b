import type {ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';

const SET = 1 as ReplicaSetId;
const NODE = 1;

test('an equal order resolves when the first one is durable, and writes nothing', async () => {
  const cluster = new TestCluster();
  await cluster.startAll();
  await cluster.found(1);
  await cluster.write(1, 'a');
  await cluster.clock.advance(5_000);
  cluster.slow(NODE, 300);
  const {disk} = cluster.node(NODE);
  const {write} = disk.counts;
  const done: string[] = [];
  for (const order of ['first', 'second'])
    void cluster
      .host(NODE)
      .setFailover(SET, 'manual')
      .then(() => done.push(order));
  await cluster.clock.advance(200);
  expect(done).toEqual([]);
  await cluster.clock.advance(200);
  expect(done).toEqual(['first', 'second']);
  await cluster.clock.resolve(cluster.host(NODE).setFailover(SET, 'manual'));
  expect(disk.counts.write).toBe(write + 1);
  cluster.crash(NODE);
  await cluster.start(NODE);
  expect(cluster.status(NODE, 1)!.failover).toBe('manual');
});
