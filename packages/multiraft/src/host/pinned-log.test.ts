// Slow followers and the log: what a snapshot on its way will need next is kept.

import {handledElsewhere, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';

const SET = 1 as ReplicaSetId;
const bytes = new TextEncoder().encode('x'.repeat(1_000));

test('a learner on a slow link under steady writes needs one snapshot, though the log is over its budget', async () => {
  const cluster = new TestCluster({
    nodes: 4,
    bytesPerMs: 150,
    limits: {groupLogBytesMax: 40_000},
  });
  await cluster.startAll();
  await cluster.found(1);
  for (let i = 0; i < 6; i++) await cluster.write(1, `${i}`.repeat(60_000));
  for (const node of [1, 2, 3]) await cluster.machine(node, 1).flush();
  await cluster.clock.advance(3_000);
  const id = cluster.place(4) as ReplicaId;
  await cluster.clock.resolve(cluster.host(4).createReplica({set: SET, replica: id}));
  const leader = cluster.host(cluster.leader(1));
  const deadlineMs = cluster.clock.monotonicMs() + 60_000;
  const add = leader.proposeConfig(SET, [{type: 'learner', id}], 'simple', {deadlineMs});
  await cluster.clock.resolve(add);
  // 360 KB take three seconds; in each the log grows by its whole budget, all of it flushed.
  for (let second = 0; second < 6; second++) {
    for (let i = 0; i < 40; i++) {
      void handledElsewhere(leader.propose(SET, bytes, {deadlineMs}));
      await cluster.clock.advance(25);
    }
    for (const node of [1, 2, 3]) await cluster.machine(node, 1).flush();
  }
  expect(await cluster.agree(1, [1, 2, 3, 4], 246, 30_000)).toBe(true);
  expect(cluster.host(4).metrics().snapshotsReceived).toBe(1);
});
