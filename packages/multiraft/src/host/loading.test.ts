// A state machine that has not in memory what entries need: those wait until it has, and what has no effect
// on it does not, so that an election of groups that nobody uses reads nothing from their disks.

import type {ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';

const SET = 1 as ReplicaSetId;
const text = new TextDecoder();

async function started() {
  const cluster = new TestCluster({beats: true});
  await cluster.startAll();
  const replicas = await cluster.found(1);
  await cluster.write(1, 'a');
  expect(await cluster.agree(1, [1, 2, 3], 1)).toBe(true);
  const leader = cluster.leader(1);
  const follower = leader === 1 ? 2 : 1;
  return {cluster, replicas, leader, follower};
}

test('a new leader applies its first entry without asking its state machine for anything', async () => {
  const {cluster, replicas, leader, follower} = await started();
  let asked = 0;
  for (const node of [1, 2, 3])
    cluster.machine(node, 1).canApply = () => {
      asked += 1;
      return false;
    };
  const deadlineMs = cluster.clock.monotonicMs() + 5_000;
  const to = replicas[follower - 1]!;
  await cluster.clock.resolve(cluster.host(leader).transferLeader(SET, to, {deadlineMs}));
  await cluster.clock.advance(1_000);
  for (const node of [1, 2, 3]) {
    const {appliedIndex, lastIndex} = cluster.status(node, 1)!;
    expect(appliedIndex).toBe(lastIndex);
  }
  expect(cluster.status(follower, 1)!.role).toBe('leader');
  expect(asked).toBe(0);
});

test('an entry waits for the state machine, which is asked with it, and keeps its order', async () => {
  const {cluster, follower} = await started();
  const machine = cluster.machine(follower, 1);
  const asked = new Set<string>();
  let isLoaded = false;
  machine.canApply = (payload?: Uint8Array) => {
    asked.add(payload === undefined ? '' : text.decode(payload));
    return isLoaded;
  };
  await cluster.write(1, 'b');
  await cluster.write(1, 'c');
  await cluster.clock.advance(500);
  expect([...asked]).toEqual(['b']);
  expect(cluster.values(follower, 1)).toEqual(['a']);
  isLoaded = true;
  await cluster.clock.advance(500);
  expect(cluster.values(follower, 1)).toEqual(['a', 'b', 'c']);
  expect(cluster.status(follower, 1)!.isWedged).toBe(false);
});
