import {DbError, type ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {BALLAST_BYTES} from '../log/ballast.ts';
import {TestCluster} from './cluster.fixture.ts';

const SET = 1 as ReplicaSetId;
const TOTAL_BYTES = 2 ** 40;
const BALLAST = 'store-0/ballast';
const bytes = (value: string) => new TextEncoder().encode(value);

async function started(): Promise<TestCluster> {
  const cluster = new TestCluster({beats: true});
  await cluster.startAll();
  await cluster.found(1);
  await cluster.write(1, 'a');
  return cluster;
}

/** What a proposal at the node is answered with. */
function propose(cluster: TestCluster, node: number, onFullDisk?: boolean): Promise<string> {
  const deadlineMs = cluster.clock.monotonicMs() + 5_000;
  const proposal = cluster.host(node).propose(SET, bytes('b'), {deadlineMs, onFullDisk});
  const outcome = proposal.then(
    () => 'ok',
    (error: unknown) => (error instanceof DbError ? error.code : String(error)),
  );
  return cluster.clock.resolve(outcome);
}

test('a leader whose disk is full gives way to one that has room', async () => {
  const cluster = await started();
  const leader = cluster.leader(1);
  cluster.node(leader).disk.freeBytes = TOTAL_BYTES * 0.04;
  expect(await cluster.clock.until(() => cluster.leader(1) !== leader, 3_000)).toBe(true);
  await cluster.write(1, 'b');
  // It holds what it is sent: there is room for the log long after there is none for proposals.
  expect(await cluster.agree(1, [1, 2, 3], 2)).toBe(true);
});

test('where all are full the leader stays, refuses proposals, and still confirms reads', async () => {
  const cluster = await started();
  const leader = cluster.leader(1);
  for (const {disk} of cluster.nodes) disk.freeBytes = TOTAL_BYTES * 0.04;
  await cluster.clock.advance(5_000);
  expect(await propose(cluster, cluster.leader(1))).toBe('DISK_FULL');
  // Drops, and what meta decides.
  expect(await propose(cluster, cluster.leader(1), true)).toBe('ok');
  const {term} = cluster.status(leader, 1)!;
  await cluster.clock.advance(10_000);
  expect(cluster.status(leader, 1)!.term).toBe(term);
  const deadlineMs = cluster.clock.monotonicMs() + 1_000;
  const read = cluster.host(cluster.leader(1)).readIndex(SET, {deadlineMs});
  expect(await cluster.clock.resolve(read)).toBeGreaterThan(0);
  for (const {disk} of cluster.nodes) disk.freeBytes = TOTAL_BYTES;
  await cluster.clock.advance(2_000);
  expect(await propose(cluster, cluster.leader(1))).toBe('ok');
});

test('of two followers the one whose disk has room stands first, whichever set it is', async () => {
  const cluster = new TestCluster({beats: true});
  await cluster.startAll();
  const sets = [1, 2, 3, 4, 5, 6];
  for (const set of sets) await cluster.found(set);
  await cluster.electAll(sets, 5_000);
  const full = 2;
  cluster.node(full).disk.freeBytes = TOTAL_BYTES * 0.04;
  const leads = (node: number) => sets.filter((set) => cluster.leader(set) === node);
  // It sees so, hands over, and its beats tell the others.
  await cluster.clock.advance(3_000);
  expect(leads(full)).toEqual([]);
  const dead = leads(1).length > leads(3).length ? 1 : 3;
  const lost = leads(dead);
  expect(lost.length).toBeGreaterThanOrEqual(3);
  cluster.crash(dead);
  const led: number[] = [];
  for (let step = 0; step < 300; step++) {
    await cluster.clock.advance(10);
    led.push(...sets.filter((set) => cluster.status(full, set)!.role === 'leader'));
  }
  expect(led).toEqual([]);
  expect(leads(4 - dead)).toEqual(sets);
});

test('a disk with room to spare keeps no ballast; one that fills up does', async () => {
  const cluster = await started();
  const {disk} = cluster.node(2);
  await cluster.clock.advance(3_000);
  expect(await disk.exists(BALLAST)).toBe(false);
  disk.freeBytes = TOTAL_BYTES * 0.1;
  await cluster.clock.advance(3_000);
  expect(disk.bytesOf(BALLAST)).toHaveLength(BALLAST_BYTES);
});

test('a ballast that a crash cut short takes up no room after the next start', async () => {
  const cluster = await started();
  const {disk} = cluster.node(2);
  await cluster.stop(2);
  const file = await disk.open(`${BALLAST}.new`, 'create');
  await file.writeAt(0, [new Uint8Array(1_000)]);
  await cluster.start(2);
  expect(disk.files().filter((path) => path.startsWith(BALLAST))).toEqual([]);
});

test('a vote finds room on a disk that has none left, and its store lives on', async () => {
  const cluster = await started();
  const leader = cluster.leader(1);
  const voters = [1, 2, 3].filter((node) => node !== leader);
  for (const node of voters) cluster.node(node).disk.freeBytes = TOTAL_BYTES * 0.1;
  await cluster.clock.advance(3_000);
  const stops: unknown[] = [];
  for (const node of voters) {
    const {disk, host} = cluster.node(node);
    host!.onStopped((stop) => stops.push(stop));
    disk.freeBytes = 0;
    // What the file system would do.
    const remove = disk.remove.bind(disk);
    disk.remove = async (path) => {
      await remove(path);
      if (path === BALLAST) disk.freeBytes += BALLAST_BYTES;
    };
  }
  cluster.crash(leader);
  await cluster.electAll([1], 5_000);
  expect(stops).toEqual([]);
  for (const node of voters) expect(await cluster.node(node).disk.exists(BALLAST)).toBe(false);
});

test('without a ballast a full disk stops the store like any failed write', async () => {
  const cluster = await started();
  const follower = cluster.leader(1) === 1 ? 2 : 1;
  const stops: unknown[] = [];
  cluster.host(follower).onStopped((stop) => stops.push(stop));
  cluster.node(follower).disk.freeBytes = 0;
  await cluster.write(1, 'b');
  await cluster.clock.advance(500);
  expect(stops.at(-1)).toMatchObject({isStore: true, reason: expect.stringContaining('ENOSPC')});
});
