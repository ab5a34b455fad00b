import {DbError, type ReplicaSetId} from '@flotilla/base';
import {beforeEach, expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';

const SET = 1 as ReplicaSetId;
const NODES = [1, 2, 3];

let cluster: TestCluster;

beforeEach(async () => {
  cluster = new TestCluster();
  await cluster.startAll();
  await cluster.found(1);
  await cluster.write(1, 'a');
});

function age(node: number): number | undefined {
  return cluster.host(node).ageMs(SET);
}

function read(node: number, limitMs = 1_000): Promise<string> {
  const deadlineMs = cluster.clock.monotonicMs() + limitMs;
  return cluster.clock.resolve(
    cluster
      .host(node)
      .readIndex(SET, {deadlineMs})
      .then(
        () => 'ok',
        (error: unknown) => (error instanceof DbError ? error.code : String(error)),
      ),
  );
}

test('every replica comes to know its age, though nobody reads', async () => {
  await cluster.clock.advance(2_000);
  for (const node of NODES) expect(age(node)).toBeLessThanOrEqual(2_500);
  for (let i = 0; i < 20; i++) {
    await cluster.write(1, `v${i}`);
    await cluster.clock.advance(1_000);
    for (const node of NODES) expect(age(node)).toBeLessThanOrEqual(6_500);
  }
});

test('a quiet replica is confirmed again, and sleeps in between', async () => {
  await cluster.clock.advance(30_000);
  expect(cluster.host(1).metrics().awake).toBe(0);
  await cluster.clock.advance(40_000);
  for (const node of NODES) expect(age(node)).toBeLessThanOrEqual(15_000);
});

test('to confirm a quiet replica takes the messages of its read, and no second of heartbeats', async () => {
  const sent = (): number =>
    NODES.flatMap((node) => Object.values(cluster.host(node).metrics().messagesSent)).reduce(
      (sum, count) => sum + count,
      0,
    );
  await cluster.clock.advance(30_000);
  const before = sent();
  await cluster.clock.advance(300_000);
  // Five times each of three, six messages at most, and one time more at the edges.
  expect(sent() - before).toBeGreaterThanOrEqual(5 * (6 + 6 + 4) - 16);
  expect(sent() - before).toBeLessThanOrEqual(6 * (6 + 6 + 4));
  for (const node of NODES) expect(age(node)).toBeLessThanOrEqual(75_000);
});

test('a read makes it current, as of when the read began', async () => {
  await cluster.clock.advance(20_000);
  expect(age(2)).toBeGreaterThan(10_000);
  const beganMs = cluster.clock.monotonicMs();
  expect(await read(2)).toBe('ok');
  expect(age(2)).toBe(cluster.clock.monotonicMs() - beganMs);
});

test('without a majority the age only grows, at the leader too', async () => {
  await cluster.clock.advance(5_000);
  const last = cluster.leader(1);
  for (const node of NODES) if (node !== last) cluster.crash(node);
  const before = age(last)!;
  expect(await read(last)).not.toBe('ok');
  await cluster.clock.advance(120_000);
  expect(age(last)).toBeGreaterThanOrEqual(before + 120_000);
});

test('one that was opened anew knows nothing until a majority has answered', async () => {
  await cluster.clock.advance(5_000);
  for (const node of NODES) cluster.crash(node);
  await cluster.start(1);
  await cluster.clock.advance(20_000);
  expect(age(1)).toBeUndefined();
  await cluster.start(2);
  await cluster.electAll([1]);
  await cluster.clock.advance(3_000);
  expect(age(1)).toBeLessThanOrEqual(3_500);
});
