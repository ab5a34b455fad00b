import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';

const NODES = [1, 2, 3];

function total(counts: ArrayLike<number>): number {
  return Array.from(counts).reduce((sum, count) => sum + count, 0);
}

async function running(): Promise<TestCluster> {
  const cluster = new TestCluster();
  await cluster.startAll();
  await cluster.found(1);
  await cluster.write(1, 'a');
  return cluster;
}

test('a write moves log, commit and apply, and each message is counted at both ends', async () => {
  const cluster = await running();
  await cluster.clock.advance(500);
  const leader = cluster.leader(1);
  const before = cluster.host(leader).metrics();
  await cluster.write(1, 'b');
  const after = cluster.host(leader).metrics();
  expect(after.log.batches).toBeGreaterThan(before.log.batches);
  expect(after.log.writtenBytes).toBeGreaterThan(before.log.writtenBytes);
  expect(total(after.log.syncs[0]!.counts)).toBe(after.log.batches);
  expect(total(after.commit.counts)).toBe(total(before.commit.counts) + 1);
  expect(total(after.apply.counts)).toBe(total(before.apply.counts) + 1);
  // What was gathered before stays as it was.
  expect(total(before.commit.counts)).toBe(1);
  await cluster.clock.advance(500);
  const all = NODES.map((node) => cluster.host(node).metrics());
  const sum = (of: (metrics: (typeof all)[0]) => number): number => total(all.map(of));
  expect(sum(({messagesSent}) => messagesSent.append)).toBeGreaterThan(0);
  expect(sum(({messagesReceived}) => messagesReceived.append)).toBe(
    sum(({messagesSent}) => messagesSent.append),
  );
  expect(sum(({roles}) => roles.leader)).toBe(1);
  expect(sum(({roles}) => roles.follower)).toBe(2);
});

test('an election counts where it is started, a change of leader wherever it is seen', async () => {
  const cluster = await running();
  const old = cluster.leader(1);
  const rest = NODES.filter((node) => node !== old);
  const sum = (of: 'electionsStarted' | 'leaderChanges'): number =>
    total(rest.map((node) => cluster.host(node).metrics()[of]));
  const before = {elections: sum('electionsStarted'), changes: sum('leaderChanges')};
  cluster.crash(old);
  await cluster.clock.advance(5_000);
  await cluster.write(1, 'b');
  expect(sum('electionsStarted')).toBeGreaterThan(before.elections);
  expect(sum('leaderChanges')).toBe(before.changes + 2);
});
