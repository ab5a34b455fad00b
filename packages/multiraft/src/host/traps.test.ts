// Traps of running many groups in a node that no other test of this folder stands for.

import {crc32} from 'node:zlib';
import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import {readItems} from '@flotilla/wire';
import {describe, expect, test} from 'vitest';
import type {TestCluster} from './cluster.fixture.ts';
import {bytes, code, SET, started} from './started.fixture.ts';

const HOT = 2 as ReplicaSetId;

/** Three voters on nodes 1 to 3 of four. */
async function withLearnerOn4(cluster: TestCluster) {
  await cluster.found(1);
  await cluster.write(1, 'a');
  const id = cluster.place(4) as ReplicaId;
  await cluster.clock.resolve(cluster.host(4).createReplica({set: SET, replica: id}));
  return id;
}

test('a replica destroyed before it ever held anything leaves its tombstone, and no late message wakes it', async () => {
  const cluster = await started({nodes: 4});
  const id = await withLearnerOn4(cluster);
  const late: Parameters<typeof cluster.network.deliver>[0][] = [];
  cluster.network.tap = (frame) => late.push(frame);
  // Whatever is sent to it stays on the way.
  for (const node of [1, 2, 3]) cluster.network.cut(node as NodeId, 4 as NodeId);
  const leader = cluster.host(cluster.leader(1));
  const deadlineMs = cluster.clock.monotonicMs() + 60_000;
  const change = (type: 'learner' | 'remove') =>
    cluster.clock.resolve(leader.proposeConfig(SET, [{type, id}], 'simple', {deadlineMs}));
  await change('learner');
  await cluster.clock.advance(2_000);
  await cluster.clock.resolve(cluster.host(4).destroyReplica({set: SET, replica: id}));
  await change('remove');
  for (const restart of [false, true]) {
    if (restart) {
      cluster.crash(4);
      await cluster.start(4);
    }
    for (const frame of late.filter(({to}) => to === 4)) cluster.network.deliver(frame);
    await cluster.clock.advance(500);
    expect(cluster.status(4, 1)).toBeUndefined();
    expect(cluster.node(4).kept.size).toBe(0);
    const again = cluster.host(4).createReplica({set: SET, replica: id});
    expect(await code(cluster.clock.resolve(again))).toBe('CONFLICT');
  }
  const answers = late.filter(({from}) => from === 4).flatMap(({frame}) => [...readItems(frame)]);
  expect(answers.some(({kind}) => kind === 'gone')).toBe(true);
});

test('a node is heard while its beats come and none of its threads stands still', async () => {
  const cluster = await started();
  const host = cluster.host(1);
  const tell = (state: 'alive' | 'suspect' | 'gone', stalledThreads: number[] = []): NodeId[] => {
    for (const node of [2, 3] as NodeId[]) host.nodeChanged(node, {state: 'alive', bootEpoch: 9});
    host.nodeChanged(3 as NodeId, {state, bootEpoch: 9, stalledThreads});
    return host.heardNodes();
  };
  expect(tell('alive')).toEqual([2, 3]);
  expect(tell('suspect')).toEqual([2]);
  expect(tell('gone')).toEqual([2]);
  expect(tell('alive', [0])).toEqual([2]);
});

test('a member that was removed while it was away disturbs nobody when it comes back', async () => {
  const cluster = await started({beats: true});
  const voters = await cluster.found(1);
  await cluster.write(1, 'a');
  const away = cluster.leader(1) === 3 ? 2 : 3;
  const isThere = () => cluster.values(away, 1).length === 1;
  expect(await cluster.clock.until(isThere, 1_000)).toBe(true);
  cluster.network.isolate(away as NodeId);
  const leader = cluster.leader(1);
  const deadlineMs = cluster.clock.monotonicMs() + 10_000;
  const change = [{type: 'remove' as const, id: voters[away - 1]!}];
  await cluster.clock.resolve(
    cluster.host(leader).proposeConfig(SET, change, 'simple', {deadlineMs}),
  );
  const {term} = cluster.status(leader, 1)!;
  cluster.network.heal();
  // A hundred election timeouts.
  for (let i = 0; i < 10; i++) {
    await cluster.clock.advance(10_000);
    await cluster.write(1, `value ${i}`);
  }
  expect(cluster.leader(1)).toBe(leader);
  expect(cluster.status(leader, 1)!.term).toBe(term);
  expect(cluster.values(away, 1)).toEqual(['a']);
});

test('whoever waits at a leader that was cut off is told in time, though a snapshot takes its log away', async () => {
  const cluster = await started({beats: true, limits: {groupLogBytesMax: 2_000}});
  await cluster.found(1);
  await cluster.write(1, 'a');
  const old = cluster.leader(1);
  cluster.network.isolate(old as NodeId);
  const never = {deadlineMs: Number.MAX_SAFE_INTEGER};
  const host = cluster.host(old);
  const waits = [
    ...['b', 'c', 'd'].map((value) => host.propose(SET, bytes(value), never)),
    host.readIndex(SET, never),
  ].map((wait) => code(wait));
  expect(await cluster.clock.until(() => cluster.leader(1) !== old, 5_000)).toBe(true);
  for (let i = 0; i < 100; i++) await cluster.write(1, `value ${i}`.repeat(10));
  for (const node of [1, 2, 3]) if (node !== old) await cluster.machine(node, 1).flush();
  await cluster.clock.advance(3_000);
  cluster.network.heal();
  const codes = await cluster.clock.resolve(Promise.all(waits), 10_000);
  expect(codes.slice(0, 3)).toEqual(Array(3).fill('OUTCOME_UNKNOWN'));
  expect(codes[3]).toMatch(/NO_LEADER|NOT_LEADER/);
  expect(await cluster.agree(1, [1, 2, 3], 101)).toBe(true);
});

test('no frame that was handed over is touched again, however buffers are used', async () => {
  const cluster = await started();
  const sent: {readonly frame: Uint8Array; readonly crc: number}[] = [];
  cluster.network.tap = ({frame}) => sent.push({frame, crc: crc32(frame)});
  await cluster.found(1);
  await cluster.write(1, 'first');
  const host = cluster.host(cluster.leader(1));
  const deadlineMs = cluster.clock.monotonicMs() + 10_000;
  // Several frames of one turn, and some that are cut into pieces.
  const sizes = [10, 100_000, 20, 700_000, 30, 200_000, 200_000];
  const values = sizes.map((size, i) => `${i}`.repeat(size));
  const writes = values.map((value) => host.propose(SET, bytes(value), {deadlineMs}));
  await cluster.clock.resolve(Promise.all(writes));
  expect(await cluster.agree(1, [1, 2, 3], 1 + values.length)).toBe(true);
  for (const node of [1, 2, 3])
    expect(
      cluster
        .values(node, 1)
        .slice(1)
        .map((value) => value.length),
    ).toEqual(sizes);
  expect(sent.length).toBeGreaterThan(20);
  expect(sent.filter(({frame, crc}) => crc32(frame) !== crc)).toEqual([]);
});

describe('one hot group', () => {
  /** The slowest of ten writes to the quiet set, while the hot one is given all that it takes. */
  async function slowestWrite(isHot: boolean): Promise<number> {
    // 1 Gbit/s, and a disk of 2 ms.
    const cluster = await started({bytesPerMs: 125_000, syncMs: 2});
    await cluster.found(1);
    await cluster.found(2);
    await cluster.write(1, 'a');
    await cluster.write(2, 'a');
    const large = new Uint8Array(64 * 1024);
    let hotWrites = 0;
    const feed = (): void => {
      if (!isHot) return;
      const host = cluster.host(cluster.leader(2));
      const deadlineMs = cluster.clock.monotonicMs() + 10_000;
      const again = (): void => {
        hotWrites += 1;
        feed();
      };
      host.propose(HOT, large, {deadlineMs}).then(again, () => undefined);
    };
    for (let i = 0; i < 32; i++) feed();
    let slowestMs = 0;
    for (let i = 0; i < 10; i++) {
      const beganMs = cluster.clock.monotonicMs();
      await cluster.write(1, `quiet ${i}`);
      slowestMs = Math.max(slowestMs, cluster.clock.monotonicMs() - beganMs);
    }
    if (isHot) expect(hotWrites).toBeGreaterThan(50);
    return slowestMs;
  }

  test('does not make the writes of another wait for it', async () => {
    const alone = await slowestWrite(false);
    const beside = await slowestWrite(true);
    // Two megabytes are always on their way: 17 ms of the link, and their sync.
    expect(beside - alone).toBeLessThan(50);
  });
});
