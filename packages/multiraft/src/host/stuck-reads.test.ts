// A read at a follower that cannot catch up names the leader in time, so that whoever reads may turn to it.

import {FatalError, type ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';
import {TIMINGS} from './timing.ts';

const SET = 1 as ReplicaSetId;
const NODES = [1, 2, 3];
const {stallMs, tickMs} = TIMINGS.local;

/** How a read at the node ends, and after how long. */
async function read(cluster: TestCluster, node: number) {
  const beganMs = cluster.clock.monotonicMs();
  const reading = cluster.host(node).readIndex(SET, {deadlineMs: beganMs + 5_000});
  const outcome = await cluster.clock.resolve(
    reading.then(
      () => undefined,
      (error: unknown) => error,
    ),
  );
  return {outcome, tookMs: cluster.clock.monotonicMs() - beganMs};
}

async function behind(): Promise<{cluster: TestCluster; follower: number}> {
  const cluster = new TestCluster({limits: {groupLogBytesMax: 20_000}, beats: true});
  await cluster.startAll();
  await cluster.found(1);
  const follower = cluster.leader(1) === 3 ? 2 : 3;
  cluster.crash(follower);
  for (let i = 0; i < 100; i++) await cluster.write(1, `value ${i}`.padEnd(1_000));
  for (const {id, host} of cluster.nodes) if (host) await cluster.machine(id, 1).flush();
  await cluster.clock.advance(2_000);
  await cluster.start(follower);
  return {cluster, follower};
}

test('a follower that waits for a snapshot which its disk has no room for says who leads', async () => {
  const {cluster, follower} = await behind();
  const {disk} = cluster.node(follower);
  const makeDirectory = disk.makeDirectory.bind(disk);
  disk.makeDirectory = async (path) => {
    if (path.includes('incoming')) throw new FatalError(`cannot create ${path}: ENOSPC`);
    await makeDirectory(path);
  };
  await cluster.clock.advance(1_000);
  for (let i = 0; i < 5; i++) {
    const {outcome, tookMs} = await read(cluster, follower);
    const details = {leader: cluster.leader(1)};
    expect(outcome).toMatchObject({code: 'NOT_LEADER', details});
    expect(tookMs).toBeLessThan(10);
    await cluster.clock.advance(300);
  }
  disk.makeDirectory = makeDirectory;
  await cluster.clock.advance(5_000);
  expect((await read(cluster, follower)).outcome).toBeUndefined();
});

test('so does one that installs a snapshot', async () => {
  const {cluster, follower} = await behind();
  const machine = cluster.machine(follower, 1);
  const install = machine.install.bind(machine);
  const {promise, resolve} = Promise.withResolvers<void>();
  let began = false;
  machine.install = async (staged) => {
    began = true;
    await promise;
    await install(staged);
  };
  expect(await cluster.clock.until(() => began, 5_000)).toBe(true);
  await cluster.clock.advance(100);
  const {outcome, tookMs} = await read(cluster, follower);
  expect(outcome).toMatchObject({code: 'NOT_LEADER', details: {leader: cluster.leader(1)}});
  expect(tookMs).toBeLessThan(10);
  resolve();
  await cluster.clock.advance(100);
  expect((await read(cluster, follower)).outcome).toBeUndefined();
});

test('one that applies nothing for long does, one that goes on is waited for', async () => {
  const cluster = new TestCluster({beats: true});
  await cluster.startAll();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const leader = cluster.leader(1);
  const [follower] = NODES.filter((node) => node !== leader) as [number];
  const machine = cluster.machine(follower, 1);
  machine.isReady = false;
  await cluster.write(1, 'b');
  const {outcome, tookMs} = await read(cluster, follower);
  expect(outcome).toMatchObject({code: 'NOT_LEADER', details: {leader}});
  expect(tookMs).toBeGreaterThan(2 * stallMs);
  expect(tookMs).toBeLessThan(3 * stallMs + 3 * tickMs);
  // By then it is known to stand still: nobody waits at all.
  await cluster.clock.advance(4_000);
  expect((await read(cluster, follower)).tookMs).toBeLessThan(10);
  machine.isReady = true;
  await cluster.clock.advance(500);
  expect((await read(cluster, follower)).outcome).toBeUndefined();
  // Slow, and on its way: more than it would take one that stands still to be given up.
  for (let i = 0; i < 40; i++) await cluster.write(1, `${i}`);
  await cluster.clock.advance(500);
  let left = 0;
  machine.canApply = () => left-- > 0;
  for (let i = 0; i < 8; i++) await cluster.write(1, `more ${i}`);
  const deadlineMs = cluster.clock.monotonicMs() + 5_000;
  const slow = cluster.host(follower).readIndex(SET, {deadlineMs});
  for (let i = 0; i < 8; i++) {
    await cluster.clock.advance(stallMs);
    left = 2;
  }
  machine.canApply = () => true;
  await cluster.clock.resolve(slow);
  expect(cluster.values(follower, 1)).toEqual(cluster.values(leader, 1));
});

test('a leader that flushes has nobody to name, and is waited for', async () => {
  const cluster = new TestCluster({beats: true});
  await cluster.startAll();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const leader = cluster.leader(1);
  const machine = cluster.machine(leader, 1);
  machine.canApply = () => false;
  const deadlineMs = cluster.clock.monotonicMs() + 5_000;
  const payload = new TextEncoder().encode('b');
  const proposal = cluster.host(leader).propose(SET, payload, {deadlineMs});
  await cluster.clock.advance(100);
  const reading = cluster.host(leader).readIndex(SET, {deadlineMs});
  await cluster.clock.advance(6 * stallMs);
  machine.canApply = () => true;
  await cluster.clock.resolve(Promise.all([proposal, reading]));
  expect(cluster.values(leader, 1)).toEqual(['a', 'b']);
});
