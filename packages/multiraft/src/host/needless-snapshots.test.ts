// A snapshot repairs whatever else is wrong, so a log that was let go too soon, or a member that was probed
// in the wrong place, shows in no state: only in what was asked for without need.

import {FatalError, type NodeId, type ReplicaSetId} from '@flotilla/base';
import {readItems} from '@flotilla/wire';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';

const SETS = [1, 2, 3];
const NODES = [1, 2, 3];

/** A cluster that counts which members snapshots were asked for. */
function watched(options: ConstructorParameters<typeof TestCluster>[0] = {}) {
  const asked: string[] = [];
  const cluster = new TestCluster({
    ...options,
    observer: {
      opened: () => undefined,
      took: ({set}, {wantSnapshot}) => {
        for (const {to} of wantSnapshot) asked.push(`${to} of set ${set}`);
      },
      sent: () => undefined,
    },
  });
  return {cluster, asked};
}

/** So that each lets go of all that it may. */
async function flushAll(cluster: TestCluster): Promise<void> {
  for (const node of NODES)
    for (const set of SETS)
      if (cluster.node(node).host !== undefined) await cluster.machine(node, set).flush();
}

async function writeSome(cluster: TestCluster, what: string): Promise<void> {
  for (const set of SETS) for (let i = 0; i < 5; i++) await cluster.write(set, `${what} ${i}`);
}

test.each([
  {beats: true, how: 'stop', seeds: [1, 2, 3]},
  {beats: true, how: 'crash', seeds: [4, 5, 6]},
  {beats: false, how: 'stop', seeds: [7, 8, 9]},
  {beats: false, how: 'crash', seeds: [10, 11, 12]},
] as const)(
  'nodes that restart and have lost nothing need no snapshot ($how, beats: $beats)',
  async ({beats, how, seeds}) => {
    for (const seed of seeds) {
      const {cluster, asked} = watched({beats, seed});
      await cluster.startAll();
      for (const set of SETS) await cluster.found(set);
      let written = 0;
      for (const node of [...NODES, ...NODES]) {
        await writeSome(cluster, `before ${node}`);
        await flushAll(cluster);
        // Now and then long enough to fall asleep, and to let go.
        await cluster.clock.advance(cluster.random.below(2) * 13_000);
        if (how === 'stop') await cluster.stop(node);
        else cluster.crash(node);
        await cluster.clock.advance(cluster.random.below(3_000));
        await writeSome(cluster, `without ${node}`);
        await flushAll(cluster);
        await cluster.clock.advance(cluster.random.below(2) * 13_000);
        await cluster.start(node);
        written += 10;
        for (const set of SETS) expect(await cluster.agree(set, NODES, written)).toBe(true);
      }
      expect(asked, `seed ${seed}`).toEqual([]);
    }
  },
);

test('one after the other may be away, and who leads then still has what each lacks', async () => {
  for (let seed = 1; seed <= 4; seed++) {
    const {cluster, asked} = watched({beats: true, seed});
    await cluster.startAll();
    for (const set of SETS) await cluster.found(set);
    await writeSome(cluster, 'all');
    cluster.crash(3);
    await writeSome(cluster, 'two');
    await flushAll(cluster);
    await cluster.clock.advance(13_000);
    // The two begin anew, and hear nothing of the third.
    for (const node of [1, 2]) cluster.crash(node);
    for (const node of [1, 2]) await cluster.start(node);
    await cluster.electAll(SETS);
    await cluster.clock.advance(26_000);
    const away = 1 + (seed % 2);
    cluster.crash(away);
    await cluster.start(3);
    for (const set of SETS) expect(await cluster.agree(set, [3 - away, 3], 10)).toBe(true);
    await cluster.start(away);
    for (const set of SETS) expect(await cluster.agree(set, NODES, 10)).toBe(true);
    expect(asked, `seed ${seed}`).toEqual([]);
  }
});

test('a follower sleeps while its leader brings another one up, and keeps what that one lacks', async () => {
  const {cluster, asked} = watched({beats: true});
  await cluster.startAll();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const leader = cluster.leader(1);
  const [slow, next] = NODES.filter((node) => node !== leader) as [number, number];
  // Its node lives, as far as beats say, and takes no entries.
  cluster.host(slow).receive = () => undefined;
  for (let i = 0; i < 5; i++) await cluster.write(1, `later ${i}`);
  for (const node of NODES) await cluster.machine(node, 1).flush();
  await cluster.clock.advance(26_000);
  expect(cluster.status(next, 1)!.isAsleep).toBe(true);
  cluster.crash(slow);
  await cluster.start(slow);
  cluster.crash(leader);
  expect(await cluster.agree(1, [slow, next], 6, 20_000)).toBe(true);
  expect(asked).toEqual([]);
});

test('over its budget a follower keeps the newest of it, for who was away for a moment', async () => {
  const {cluster, asked} = watched({limits: {groupLogBytesMax: 100_000}});
  await cluster.startAll();
  await cluster.found(1);
  await cluster.electAll([1]);
  const leader = cluster.leader(1);
  const [absent, next] = NODES.filter((node) => node !== leader) as [number, number];
  for (let i = 0; i < 98; i++) await cluster.write(1, `value ${i}`.padEnd(1_000));
  cluster.crash(absent);
  for (let i = 98; i < 110; i++) await cluster.write(1, `value ${i}`.padEnd(1_000));
  for (const node of [leader, next]) await cluster.machine(node, 1).flush();
  await cluster.clock.advance(1_200);
  expect(cluster.status(next, 1)!.firstIndex).toBeGreaterThan(50);
  await cluster.start(absent);
  expect(await cluster.agree(1, NODES, 110)).toBe(true);
  expect(asked).toEqual([]);
});

test('a member that cannot take a snapshot is offered one less and less often', async () => {
  const {cluster, asked} = watched({limits: {groupLogBytesMax: 20_000}, beats: true});
  await cluster.startAll();
  await cluster.found(1);
  const absent = cluster.leader(1) === 3 ? 2 : 3;
  cluster.crash(absent);
  for (let i = 0; i < 100; i++) await cluster.write(1, `value ${i}`.padEnd(1_000));
  for (const {id, host} of cluster.nodes) if (host) await cluster.machine(id, 1).flush();
  await cluster.clock.advance(2_000);
  await cluster.start(absent);
  const {disk} = cluster.node(absent);
  const makeDirectory = disk.makeDirectory.bind(disk);
  disk.makeDirectory = async (path) => {
    if (path.includes('incoming')) throw new FatalError(`cannot create ${path}: ENOSPC`);
    await makeDirectory(path);
  };
  await cluster.clock.advance(8_000);
  expect(asked.length).toBeGreaterThan(3);
  expect(asked.length).toBeLessThan(12);
  // Once it can, it need not wait long.
  disk.makeDirectory = makeDirectory;
  expect(await cluster.agree(1, NODES, 100, 5_000)).toBe(true);
});

test('a snapshot that is held up by a node which is gone holds up no other', async () => {
  const limits = {snapshotsSentMax: 1, snapshotsReceivedMax: 1};
  const cluster = new TestCluster({nodes: 4, beats: true, limits, bytesPerMs: 200});
  await cluster.startAll();
  await cluster.found(1, [1, 2, 3]);
  await cluster.write(1, 'x'.repeat(300_000));
  const leader = cluster.leader(1);
  const [gone] = NODES.filter((node) => node !== leader) as [number];
  await cluster.found(2, [leader]);
  await cluster.write(2, 'y'.repeat(300_000));
  const deadlineMs = cluster.clock.monotonicMs() + 60_000;
  const add = async (set: number, node: number): Promise<void> => {
    const id = cluster.place(node);
    const order = {set: set as ReplicaSetId, replica: id};
    await cluster.clock.resolve(cluster.host(node).createReplica(order));
    const change = [{type: 'learner' as const, id}];
    const host = cluster.host(leader);
    await cluster.clock.resolve(host.proposeConfig(order.set, change, 'simple', {deadlineMs}));
  };
  let chunks = 0;
  cluster.network.tap = ({to, frame, channel}) => {
    if (channel !== 'bulk' || to !== gone) return;
    for (const {kind} of readItems(frame)) if (kind === 'snapshotChunk') chunks += 1;
  };
  await add(2, gone);
  expect(await cluster.clock.until(() => chunks > 0, 5_000)).toBe(true);
  cluster.crash(gone);
  await add(1, 4);
  expect(await cluster.agree(1, [leader, 4], 1, 10_000)).toBe(true);
});

test('nor does one whose sender is gone', async () => {
  const limits = {snapshotsSentMax: 1, snapshotsReceivedMax: 1};
  const cluster = new TestCluster({nodes: 4, beats: true, limits, bytesPerMs: 200});
  await cluster.startAll();
  await cluster.found(1, [1, 2, 3]);
  await cluster.write(1, 'x'.repeat(300_000));
  const learner = cluster.place(4);
  const order = {set: 1 as ReplicaSetId, replica: learner};
  await cluster.clock.resolve(cluster.host(4).createReplica(order));
  const leader = cluster.leader(1);
  const deadlineMs = cluster.clock.monotonicMs() + 60_000;
  const change = [{type: 'learner' as const, id: learner}];
  const host = cluster.host(leader);
  await cluster.clock.resolve(host.proposeConfig(order.set, change, 'simple', {deadlineMs}));
  let chunks = 0;
  cluster.network.tap = ({to, frame, channel}) => {
    if (channel !== 'bulk' || to !== (4 as NodeId)) return;
    for (const {kind} of readItems(frame)) if (kind === 'snapshotChunk') chunks += 1;
  };
  expect(await cluster.clock.until(() => chunks > 0, 5_000)).toBe(true);
  cluster.crash(leader);
  const [rest] = NODES.filter((node) => node !== leader) as [number];
  expect(await cluster.agree(1, [rest, 4], 1, 10_000)).toBe(true);
});
