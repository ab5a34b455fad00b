import {DbError, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';

const SET = 1 as ReplicaSetId;
const bytes = (value: string) => new TextEncoder().encode(value);

async function started(): Promise<{cluster: TestCluster; leader: number; replicas: ReplicaId[]}> {
  const cluster = new TestCluster({beats: true});
  await cluster.startAll();
  const replicas = await cluster.found(1);
  await cluster.found(2);
  await cluster.write(1, 'a');
  return {cluster, leader: cluster.leader(1), replicas};
}

/** What a proposal at the node is answered with. */
function propose(cluster: TestCluster, node: number): Promise<string> {
  const deadlineMs = cluster.clock.monotonicMs() + 1_000;
  const proposal = cluster.host(node).propose(SET, bytes('b'), {deadlineMs});
  const outcome = proposal.then(
    () => 'ok',
    (error: unknown) => (error instanceof DbError ? error.code : String(error)),
  );
  return cluster.clock.resolve(outcome);
}

test('a leader whose state machine takes nothing gives way to a replica that applies', async () => {
  const {cluster, leader} = await started();
  cluster.machine(leader, 1).isReady = false;
  expect(await propose(cluster, leader)).toBe('OVERLOADED');
  // A flush takes its time, and costs no election.
  await cluster.clock.advance(3_000);
  expect(cluster.leader(1)).toBe(leader);
  expect(cluster.status(leader, 1)!.isWedged).toBe(false);
  expect(await cluster.clock.until(() => cluster.leader(1) !== leader, 4_000)).toBe(true);
  await cluster.write(1, 'c');
  expect(cluster.status(leader, 1)!.isWedged).toBe(true);
  const host = cluster.host(leader);
  expect(host.metrics()).toMatchObject({wedgedGroups: 1, stoppedGroups: 0});
  expect(host.faultyReplicas).toBe(1);
  cluster.machine(leader, 1).isReady = true;
  expect(await cluster.agree(1, [1, 2, 3], 2)).toBe(true);
  expect(host.metrics().wedgedGroups).toBe(0);
  expect(cluster.status(leader, 1)!.isWedged).toBe(false);
});

test('a follower that stands still is told of, too, and is given no lead', async () => {
  const {cluster, leader, replicas} = await started();
  const [stuck, sound] = [1, 2, 3].filter((node) => node !== leader) as [number, number];
  cluster.machine(stuck, 1).isReady = false;
  await cluster.write(1, 'b');
  await cluster.clock.advance(6_000);
  expect(cluster.status(stuck, 1)!.isWedged).toBe(true);
  const deadlineMs = cluster.clock.monotonicMs() + 5_000;
  const moved = cluster.host(leader).transferLeader(SET, replicas[stuck - 1]!, {deadlineMs});
  await expect(cluster.clock.resolve(moved)).rejects.toMatchObject({code: 'CONFLICT'});
  expect(cluster.leader(1)).toBe(leader);
  // Now the leader stands still as well: only the third is fit, whoever is asked first.
  cluster.machine(leader, 1).isReady = false;
  await propose(cluster, leader);
  expect(await cluster.clock.until(() => cluster.leader(1) === sound, 20_000)).toBe(true);
  await cluster.write(1, 'c');
});

test('where all stand still one leads and stays, and writes go on when they can', async () => {
  const {cluster, leader} = await started();
  for (const node of [1, 2, 3]) cluster.machine(node, 1).isReady = false;
  await propose(cluster, leader);
  // A follower that has nothing to apply does not know it yet.
  await cluster.clock.advance(40_000);
  const {term} = cluster.status(cluster.leader(1), 1)!;
  await cluster.clock.advance(40_000);
  expect(cluster.status(cluster.leader(1), 1)!.term).toBe(term);
  for (const node of [1, 2, 3]) cluster.machine(node, 1).isReady = true;
  await cluster.write(1, 'b');
  expect(await cluster.agree(1, [1, 2, 3], 2)).toBe(true);
});

test('under manual failover it is told of, and keeps its lead', async () => {
  const {cluster, leader} = await started();
  for (const node of [1, 2, 3])
    await cluster.clock.resolve(cluster.host(node).setFailover(SET, 'manual'));
  cluster.machine(leader, 1).isReady = false;
  await propose(cluster, leader);
  await cluster.clock.advance(20_000);
  expect(cluster.leader(1)).toBe(leader);
  expect(cluster.status(leader, 1)!.isWedged).toBe(true);
});

test('a leader that takes nothing for long, and of which no flush ends, gives way too', async () => {
  const {cluster, leader} = await started();
  const machine = cluster.machine(leader, 1);
  machine.isTaking = false;
  expect(await propose(cluster, leader)).toBe('OVERLOADED');
  await cluster.clock.advance(25_000);
  // Slow flushes under load are no reason: each begins the wait anew.
  await machine.flush();
  await cluster.clock.advance(25_000);
  expect(cluster.leader(1)).toBe(leader);
  expect(cluster.status(leader, 1)!.isWedged).toBe(false);
  expect(await cluster.clock.until(() => cluster.leader(1) !== leader, 15_000)).toBe(true);
  const isWedged = () => cluster.status(leader, 1)!.isWedged;
  expect(await cluster.clock.until(() => !isWedged(), 1_000)).toBe(true);
  // It takes nothing, and applies what others take.
  await cluster.write(1, 'd');
  expect(await cluster.agree(1, [1, 2, 3], 2)).toBe(true);
});
