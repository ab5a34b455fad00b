import {FatalError, LIMITS, type NodeId, type ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';

const SET = 1 as ReplicaSetId;

async function filled(limits: ConstructorParameters<typeof TestCluster>[0] = {}) {
  const cluster = new TestCluster(limits);
  await cluster.startAll();
  await cluster.found(1);
  for (let i = 0; i < 100; i++) await cluster.write(1, `value ${i}`.padEnd(1_000));
  return cluster;
}

const firstIndex = (cluster: TestCluster, node: number) => cluster.status(node, 1)!.firstIndex;

test('nothing above the durable state goes; below it all goes once everyone holds it', async () => {
  const cluster = await filled();
  await cluster.clock.advance(5_000);
  expect(firstIndex(cluster, 1)).toBe(6);
  for (const node of [1, 2, 3]) await cluster.machine(node, 1).flush();
  for (let i = 0; i < 3; i++) await cluster.write(1, `in memory only ${i}`);
  await cluster.clock.advance(5_000);
  for (const node of [1, 2, 3]) {
    const {firstIndex: first, flushedIndex, lastIndex} = cluster.status(node, 1)!;
    expect(first).toBe(flushedIndex + 1);
    expect(lastIndex).toBeGreaterThan(flushedIndex);
  }
  for (const node of [1, 2, 3]) {
    cluster.crash(node);
    await cluster.start(node);
  }
  expect(await cluster.agree(1, [1, 2, 3], 103)).toBe(true);
});

test('a group that sleeps lets go of what was flushed since it fell asleep', async () => {
  const cluster = await filled();
  await cluster.clock.advance(10_000);
  for (const node of [1, 2, 3]) {
    expect(cluster.status(node, 1)).toMatchObject({isAsleep: true, firstIndex: 6});
    await cluster.machine(node, 1).flush();
  }
  await cluster.clock.advance(12_000);
  for (const node of [1, 2, 3]) expect(firstIndex(cluster, node)).toBeGreaterThan(100);
});

test('what an absent member lacks is kept and read back from disk', async () => {
  const cluster = await filled();
  const absent = cluster.leader(1) === 3 ? 2 : 3;
  cluster.crash(absent);
  for (let i = 0; i < 30; i++) await cluster.write(1, `later ${i}`);
  const leader = cluster.leader(1);
  await cluster.machine(leader, 1).flush();
  // Long enough to sleep and to drop what is in memory.
  await cluster.clock.advance(6_000);
  const {firstIndex: first} = cluster.status(leader, 1)!;
  expect(first).toBeLessThanOrEqual(106);
  const reads = cluster.node(leader).disk.counts.read;
  let snapshots = 0;
  cluster.network.tap = ({channel}) => {
    if (channel === 'bulk') snapshots += 1;
  };
  await cluster.start(absent);
  expect(await cluster.agree(1, [1, 2, 3], 130)).toBe(true);
  expect(cluster.node(leader).disk.counts.read).toBeGreaterThan(reads);
  expect(snapshots).toBe(0);
});

test('who may lead when an absent member is back keeps what it lacks, asleep too', async () => {
  const cluster = await filled();
  const leader = cluster.leader(1);
  const [absent, next] = [1, 2, 3].filter((node) => node !== leader) as [number, number];
  cluster.crash(absent);
  for (let i = 0; i < 30; i++) await cluster.write(1, `later ${i}`);
  for (const node of [leader, next]) await cluster.machine(node, 1).flush();
  await cluster.clock.advance(12_000);
  expect(cluster.status(next, 1)!.isAsleep).toBe(true);
  expect(firstIndex(cluster, next)).toBeLessThanOrEqual(106);
});

test('over its budget a group lets go, and who is behind takes a snapshot', async () => {
  const cluster = await filled({limits: {groupLogBytesMax: 20_000}});
  const absent = cluster.leader(1) === 3 ? 2 : 3;
  cluster.crash(absent);
  for (let i = 0; i < 100; i++) await cluster.write(1, `later ${i}`.padEnd(1_000));
  for (const node of cluster.nodes) if (node.host) await cluster.machine(node.id, 1).flush();
  await cluster.clock.advance(2_000);
  expect(firstIndex(cluster, cluster.leader(1))).toBeGreaterThan(150);
  await cluster.start(absent);
  expect(await cluster.agree(1, [1, 2, 3], 200, 20_000)).toBe(true);
});

test('a store over its budget flushes who pins its oldest segment, and removes it', async () => {
  const limits = {segmentBytes: 20_000, storeLogBytesMax: 60_000};
  const cluster = new TestCluster({limits});
  await cluster.startAll();
  await cluster.found(2);
  await cluster.write(2, 'quiet');
  await cluster.found(1);
  for (let i = 0; i < 200; i++) {
    await cluster.write(1, `value ${i}`.padEnd(1_000));
    if (i % 50 === 49) for (const node of cluster.nodes) await cluster.machine(node.id, 1).flush();
  }
  await cluster.clock.advance(8_000);
  for (const node of [1, 2, 3]) expect(cluster.host(node).metrics().logBytes).toBeLessThan(90_000);
  for (const node of [1, 2, 3]) {
    cluster.crash(node);
    await cluster.start(node);
  }
  expect(await cluster.agree(1, [1, 2, 3], 200)).toBe(true);
  expect(await cluster.agree(2, [1, 2, 3], 1)).toBe(true);
});

test('where hardly anything of a log is needed, all let go of it, and it goes', async () => {
  const cluster = await filled({limits: {segmentBytes: 1_000_000}});
  await cluster.found(2);
  for (let i = 0; i < 3; i++) await cluster.write(2, `little ${i}`);
  for (const node of [1, 2, 3]) {
    await cluster.machine(node, 1).flush();
    expect(cluster.host(node).metrics().logBytes).toBeGreaterThan(100_000);
  }
  await cluster.clock.advance(60_000);
  for (const node of [1, 2, 3]) {
    expect(cluster.status(node, 2)).toMatchObject({
      flushedIndex: cluster.status(node, 2)!.lastIndex,
    });
    expect(cluster.host(node).metrics().logBytes).toBeLessThan(2_000);
    cluster.crash(node);
  }
  for (const node of [1, 2, 3]) await cluster.start(node);
  expect(await cluster.agree(1, [1, 2, 3], 100)).toBe(true);
  expect(await cluster.agree(2, [1, 2, 3], 3)).toBe(true);
});

test('a log of which much is needed stays, and nobody is flushed for it', async () => {
  const cluster = await filled({limits: {segmentBytes: 1_000_000}});
  await cluster.clock.advance(60_000);
  for (const node of [1, 2, 3]) expect(cluster.status(node, 1)!.flushedIndex).toBe(5);
});

test('a follower that sleeps under a leader that is none is woken by notice or digest', async () => {
  const cluster = await filled();
  await cluster.clock.advance(4_000);
  const leader = cluster.leader(1);
  expect(cluster.status(leader, 1)!.isAsleep).toBe(true);
  const others = [1, 2, 3].filter((node) => node !== leader) as NodeId[];
  // The leader's node loses its connections unnoticed by the others, and steps down alone.
  cluster.network.isolate(leader as NodeId);
  for (const other of others)
    cluster.host(leader).nodeChanged(other, {state: 'suspect', bootEpoch: 1});
  await cluster.clock.until(() => cluster.status(leader, 1)!.role !== 'leader', 10_000);
  for (const other of others) expect(cluster.status(other, 1)!.isAsleep).toBe(true);
  cluster.network.heal();
  for (const other of others)
    cluster.host(leader).nodeChanged(other, {state: 'alive', bootEpoch: 1});
  await cluster.electAll([1], 5_000);
  const knows = () => [1, 2, 3].every((node) => cluster.status(node, 1)!.leader !== undefined);
  expect(await cluster.clock.until(knows, 2_000)).toBe(true);
  const deadlineMs = cluster.clock.monotonicMs() + 5_000;
  await cluster.clock.resolve(cluster.host(1).readIndex(SET, {deadlineMs}));
});

function failure(code: string, syscall: string): FatalError {
  return new FatalError(
    `cannot ${syscall}: ${code}`,
    Object.assign(new Error(code), {code, syscall}),
  );
}

/** A store that is over its budget, and the moments at which a node's flushes failed. */
async function withFailingFlush(error: FatalError) {
  const cluster = await filled({limits: {storeLogBytesMax: 50_000, segmentBytes: 20_000}});
  const leader = cluster.leader(1);
  const machine = cluster.machine(leader, 1);
  const flush = machine.flush.bind(machine);
  const attempts: number[] = [];
  machine.flush = async () => {
    attempts.push(cluster.clock.monotonicMs());
    throw error;
  };
  const mend = (): void => {
    machine.flush = flush;
  };
  const status = () => cluster.status(leader, 1)!;
  return {cluster, attempts, mend, status};
}

test('a flush that fails for what passes is tried again at pauses that double, and stops no group', async () => {
  const {cluster, attempts, mend, status} = await withFailingFlush(failure('EMFILE', 'open'));
  await cluster.clock.until(() => attempts.length === 4, 60_000);
  const pauses = attempts.slice(1).map((atMs, i) => atMs - attempts[i]!);
  expect(pauses).toHaveLength(3);
  for (const [i, pause] of pauses.entries()) {
    expect(pause).toBeGreaterThanOrEqual(1_000 * 2 ** i);
    expect(pause).toBeLessThan(1_000 * 2 ** i + 1_500);
  }
  expect(status().stopped).toBeUndefined();
  mend();
  await cluster.clock.advance(12_000);
  expect(status().flushedIndex).toBeGreaterThan(6);
  await cluster.write(1, 'more');
});

test('one that goes on failing stops its group after a bounded time', async () => {
  const passing = await withFailingFlush(failure('EMFILE', 'open'));
  const {clock} = passing.cluster;
  expect(await clock.until(() => passing.status().stopped !== undefined, 600_000)).toBe(true);
  expect(passing.attempts).toHaveLength(LIMITS.flush_failures_max.value);
  expect(passing.status().stopped).toContain('EMFILE');
  await clock.advance(120_000);
  expect(passing.attempts).toHaveLength(LIMITS.flush_failures_max.value);
});

test('a flush whose bytes may be lost stops its group at once', async () => {
  const lasting = await withFailingFlush(failure('EIO', 'fsync'));
  await lasting.cluster.clock.until(() => lasting.status().stopped !== undefined, 60_000);
  expect(lasting.attempts).toHaveLength(1);
});

test('a full disk that refuses the flush of who holds a segment stops no group', async () => {
  const cluster = await filled({limits: {storeLogBytesMax: 50_000, segmentBytes: 20_000}});
  const leader = cluster.leader(1);
  const machine = cluster.machine(leader, 1);
  const flush = machine.flush.bind(machine);
  let refused = 0;
  machine.flush = async () => {
    refused += 1;
    throw new FatalError('cannot write: ENOSPC');
  };
  await cluster.clock.advance(5_000);
  expect(refused).toBeGreaterThan(0);
  expect(cluster.status(leader, 1)!.stopped).toBeUndefined();
  machine.flush = flush;
  await cluster.clock.advance(5_000);
  expect(cluster.status(leader, 1)!.flushedIndex).toBeGreaterThan(6);
});
