// What a read may answer, at whichever replica it is asked.

import {expect, test} from 'vitest';
import {bytes, code, SET, started} from './started.fixture.ts';

test('a read at any replica covers every write acknowledged before it', async () => {
  const cluster = await started();
  await cluster.found(1);
  for (let i = 0; i < 10; i++) {
    await cluster.write(1, `v${i}`);
    const node = 1 + (i % 3);
    const deadlineMs = cluster.clock.monotonicMs() + 3_000;
    await cluster.clock.resolve(cluster.host(node).readIndex(SET, {deadlineMs}));
    expect(cluster.values(node, 1)).toContain(`v${i}`);
  }
});

test('a deposed leader answers no read and no write', async () => {
  const cluster = await started();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const old = cluster.leader(1);
  cluster.network.isolate(cluster.node(old).id);
  const deadlineMs = cluster.clock.monotonicMs() + 10_000;
  const read = code(cluster.host(old).readIndex(SET, {deadlineMs}));
  const write = code(cluster.host(old).propose(SET, bytes('lost?'), {deadlineMs}));
  for (const node of cluster.nodes)
    if (node.id !== old)
      node.host!.nodeChanged(cluster.node(old).id, {state: 'suspect', bootEpoch: 1});
  await cluster.clock.until(() => cluster.leader(1) !== old && cluster.leader(1) !== 0);
  await cluster.write(1, 'b');
  expect(await cluster.clock.resolve(read, 20_000)).toMatch(/NO_LEADER|NOT_LEADER/);
  expect(await cluster.clock.resolve(write, 20_000)).toMatch(/NOT_LEADER|OUTCOME_UNKNOWN/);
  cluster.network.heal();
  for (const node of cluster.nodes)
    if (node.id !== old)
      node.host!.nodeChanged(cluster.node(old).id, {state: 'alive', bootEpoch: 1});
  expect(await cluster.agree(1, [1, 2, 3])).toBe(true);
  expect(cluster.values(old, 1).filter((value) => value === 'b')).toHaveLength(1);
});

test('an answer to a read of the process before answers no read of this one', async () => {
  const cluster = await started();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const follower = cluster.leader(1) === 1 ? 2 : 1;
  const sent: Parameters<typeof cluster.network.deliver>[0][] = [];
  cluster.network.tap = (frame) => sent.push(frame);
  const read = () =>
    cluster.host(follower).readIndex(SET, {deadlineMs: cluster.clock.monotonicMs() + 5_000});
  const readMany = () => Promise.all(Array.from({length: 50}, read));
  await cluster.clock.resolve(readMany());
  cluster.network.tap = undefined;
  await cluster.write(1, 'b');
  cluster.crash(follower);
  await cluster.start(follower);
  await cluster.clock.until(() => cluster.status(follower, 1)!.leader !== undefined);
  const {commitIndex} = cluster.status(cluster.leader(1), 1)!;
  const reads = readMany();
  for (const frame of sent) if (frame.to === follower) cluster.network.deliver(frame);
  expect(Math.min(...(await cluster.clock.resolve(reads)))).toBe(commitIndex);
});

test('a read waits until its index is applied where it was asked', async () => {
  const cluster = await started();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const follower = cluster.leader(1) === 1 ? 2 : 1;
  cluster.machine(follower, 1).isReady = false;
  await cluster.write(1, 'b');
  const deadlineMs = cluster.clock.monotonicMs() + 5_000;
  let seen: string[] | undefined;
  const read = cluster
    .host(follower)
    .readIndex(SET, {deadlineMs})
    .then(() => {
      seen = [...cluster.values(follower, 1)];
    });
  await cluster.clock.advance(1_000);
  expect(seen).toBeUndefined();
  cluster.machine(follower, 1).isReady = true;
  await cluster.clock.resolve(read);
  expect(seen).toEqual(['a', 'b']);
});
