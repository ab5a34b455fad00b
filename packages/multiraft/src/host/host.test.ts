import {DbError, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import {describe, expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';

const SET = 1 as ReplicaSetId;
const bytes = (value: string) => new TextEncoder().encode(value);

async function started(options = {}): Promise<TestCluster> {
  const cluster = new TestCluster(options);
  await cluster.startAll();
  return cluster;
}

function code(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'ok',
    (error: unknown) => (error instanceof DbError ? error.code : String(error)),
  );
}

describe('one set on three hosts', () => {
  test('elects, replicates and applies everywhere', async () => {
    const cluster = await started();
    await cluster.found(1);
    for (const value of ['a', 'b', 'c']) await cluster.write(1, value);
    expect(await cluster.agree(1, [1, 2, 3], 3)).toBe(true);
    expect(cluster.values(1, 1)).toEqual(['a', 'b', 'c']);
  });

  test('a follower names the leader, an unknown set is gone', async () => {
    const cluster = await started();
    await cluster.found(1);
    await cluster.write(1, 'a');
    const leader = cluster.leader(1);
    const follower = leader === 1 ? 2 : 1;
    const deadlineMs = cluster.clock.monotonicMs() + 1_000;
    const refused = cluster.host(follower).propose(SET, bytes('x'), {deadlineMs});
    await expect(refused).rejects.toMatchObject({code: 'NOT_LEADER', details: {leader}});
    const nowhere = cluster.host(1).propose(9 as ReplicaSetId, bytes('x'), {deadlineMs});
    expect(await code(nowhere)).toBe('REPLICA_GONE');
  });

  test('a large entry crosses in fragments', async () => {
    const cluster = await started();
    await cluster.found(1);
    const large = 'x'.repeat(3_000_000);
    await cluster.write(1, large);
    expect(await cluster.agree(1, [1, 2, 3], 1)).toBe(true);
    expect(cluster.values(3, 1)[0]).toBe(large);
  });
});

test('a leader that crashes is replaced, restarts with what was acknowledged, and catches up', async () => {
  const cluster = await started();
  await cluster.found(1);
  for (let i = 0; i < 10; i++) await cluster.write(1, `v${i}`);
  const old = cluster.leader(1);
  const beforeMs = cluster.clock.monotonicMs();
  cluster.crash(old);
  await cluster.electAll([1]);
  expect(cluster.clock.monotonicMs() - beforeMs).toBeLessThan(300);
  await cluster.write(1, 'after');
  await cluster.start(old);
  expect(await cluster.agree(1, [1, 2, 3], 11)).toBe(true);
});
