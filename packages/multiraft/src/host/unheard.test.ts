// A node that was away when the others began: nothing tells them of it, and nothing must wait for it.

import type {NodeId, ReplicaSetId} from '@flotilla/base';
import {frameKind, readItems} from '@flotilla/wire';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';

const SET = 1 as ReplicaSetId;

async function withoutThird(beats: boolean): Promise<TestCluster> {
  const cluster = new TestCluster({beats});
  await cluster.startAll();
  await cluster.found(1);
  await cluster.write(1, 'a');
  for (const node of [1, 2, 3]) cluster.crash(node);
  for (const node of [1, 2]) await cluster.start(node);
  await cluster.write(1, 'b');
  return cluster;
}

test.each([true, false])(
  'groups sleep without it, and it finds them (beats: %s)',
  async (beats) => {
    const cluster = await withoutThird(beats);
    const areAsleep = (): boolean => [1, 2].every((node) => cluster.status(node, 1)!.isAsleep);
    expect(await cluster.clock.until(areAsleep, 30_000)).toBe(true);
    const leader = cluster.leader(1);
    const {term, members} = cluster.status(leader, 1)!;
    expect(members.filter(({isReachable}) => isReachable)).toHaveLength(1);
    let messages = 0;
    cluster.network.tap = ({frame}) => {
      if (frameKind(frame) === 'groups') messages += [...readItems(frame)].length;
    };
    await cluster.clock.advance(5_000);
    // The digest, and reads that keep its age known.
    expect(messages).toBeLessThan(40);
    await cluster.start(3);
    expect(await cluster.agree(1, [1, 2, 3], 2, 5_000)).toBe(true);
    expect(cluster.status(leader, 1)).toMatchObject({role: 'leader', term});
    await cluster.write(1, 'c');
    expect(await cluster.agree(1, [1, 2, 3], 3, 5_000)).toBe(true);
  },
);

test('one that is only late to connect loses nothing by it', async () => {
  const cluster = new TestCluster({beats: true});
  await cluster.startAll();
  await cluster.found(1);
  await cluster.write(1, 'a');
  for (const node of [1, 2, 3]) cluster.crash(node);
  for (const node of [1, 2]) await cluster.start(node);
  await cluster.clock.advance(4_000);
  await cluster.start(3);
  await cluster.write(1, 'b');
  expect(await cluster.agree(1, [1, 2, 3], 2, 5_000)).toBe(true);
  const leader = cluster.leader(1);
  cluster.crash(leader);
  await cluster.write(1, 'c');
  expect(cluster.leader(1)).not.toBe(leader);
});

test.each(['before', 'after'])(
  'groups sleep without a member that came when its node was gone, and is located %s that',
  async (when) => {
    const cluster = new TestCluster({nodes: 4});
    await cluster.startAll();
    await cluster.found(1);
    await cluster.write(1, 'a');
    const learner = cluster.place(4);
    await cluster.clock.resolve(cluster.host(4).createReplica({set: SET, replica: learner}));
    if (when === 'after') cluster.placed.delete(learner);
    cluster.crash(4);
    await cluster.clock.advance(100);
    const leader = cluster.leader(1);
    const deadlineMs = cluster.clock.monotonicMs() + 5_000;
    const change = [{type: 'learner', id: learner}] as const;
    await cluster.clock.resolve(
      cluster.host(leader).proposeConfig(SET, change, 'simple', {deadlineMs}),
    );
    cluster.placed.set(learner, 4 as NodeId);
    const isAsleep = (): boolean => [1, 2, 3].every((node) => cluster.status(node, 1)!.isAsleep);
    expect(await cluster.clock.until(isAsleep, 30_000)).toBe(true);
    await cluster.start(4);
    expect(await cluster.agree(1, [1, 2, 3, 4], 1, 5_000)).toBe(true);
  },
);
