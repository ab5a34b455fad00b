// Loops and disks that stand still: who leads then, and whom a delay must not depose.

import {expect, test} from 'vitest';
import {electionsOf} from './host-counts.ts';
import {bytes, code, SET, started} from './started.fixture.ts';

test('a loop that stood still for a minute deposes nobody', async () => {
  const cluster = await started();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const {term} = cluster.status(1, 1)!;
  cluster.clock.stall(60_000);
  await cluster.clock.advance(500);
  expect(cluster.leader(1)).not.toBe(0);
  expect(cluster.status(1, 1)!.term).toBe(term);
});

test('a leader whose disk stands still gives its leadership away', async () => {
  const cluster = await started();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const leader = cluster.leader(1);
  cluster.slow(leader, 5_000);
  const deadlineMs = cluster.clock.monotonicMs() + 4_000;
  const proposal = code(cluster.host(leader).propose(SET, bytes('b'), {deadlineMs}));
  const moved = () => cluster.leader(1) !== 0 && cluster.leader(1) !== leader;
  expect(await cluster.clock.until(moved, 2_000)).toBe(true);
  await cluster.write(1, 'c');
  await cluster.clock.resolve(proposal, 10_000);
});

test('a loop that was late does not take its delay for one of its disk', async () => {
  const cluster = await started();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const leader = cluster.leader(1);
  const {term} = cluster.status(leader, 1)!;
  cluster.slow(leader, 120);
  const deadlineMs = cluster.clock.monotonicMs() + 4_000;
  const proposal = cluster.host(leader).propose(SET, bytes('b'), {deadlineMs});
  await cluster.clock.advance(60);
  cluster.clock.stall(700);
  await cluster.clock.resolve(proposal);
  await cluster.clock.advance(1_000);
  expect([cluster.leader(1), cluster.status(leader, 1)!.term]).toEqual([leader, term]);
});

test('a follower that was late reads what its leader sent before it stands', async () => {
  const cluster = await started({latencyMs: 30});
  await cluster.found(1);
  await cluster.write(1, 'a');
  const leader = cluster.leader(1);
  const followers = [1, 2, 3].filter((id) => id !== leader);
  const begun = () => electionsBegun(cluster, followers);
  const before = begun();
  const onTheWay = new Set<number>();
  cluster.network.tap = ({from, to}) => from === leader && onTheWay.add(to);
  expect(await cluster.clock.until(() => onTheWay.size === 2, 1_000)).toBe(true);
  const {id, bootEpoch} = cluster.node(leader);
  for (const follower of followers)
    for (const stalledThreads of [[0], []])
      cluster.host(follower).nodeChanged(id, {state: 'alive', bootEpoch, stalledThreads});
  cluster.clock.stall(400);
  await cluster.clock.advance(1_000);
  expect([cluster.leader(1), begun()]).toEqual([leader, before]);
});

test.each([
  ['stalledThreads', 0],
  // One that was slow a moment ago is no better.
  ['slowThreads', 1_500],
] as const)(
  'a slow disk hands nothing to a replica whose own thread or disk stands still: %s',
  async (still, rememberedMs) => {
    const cluster = await started();
    await cluster.found(1);
    await cluster.write(1, 'a');
    const leader = cluster.leader(1);
    const [one, other] = [1, 2, 3].filter((id) => id !== leader);
    for (const late of [one!, other!]) {
      const state = {state: 'alive' as const, bootEpoch: 1, [still]: [0]};
      cluster.host(leader).nodeChanged(cluster.node(late).id, state);
    }
    cluster.slow(leader, 5_000);
    const deadlineMs = cluster.clock.monotonicMs() + 4_000;
    const proposal = code(cluster.host(leader).propose(SET, bytes('b'), {deadlineMs}));
    await cluster.clock.advance(1_500);
    expect(cluster.leader(1)).toBe(leader);
    // One of them is well again.
    const well = {state: 'alive' as const, bootEpoch: 1, stalledThreads: []};
    cluster.host(leader).nodeChanged(cluster.node(one!).id, well);
    await cluster.clock.advance(rememberedMs);
    if (rememberedMs > 0) expect(cluster.leader(1)).toBe(leader);
    expect(await cluster.clock.until(() => cluster.leader(1) === one, 1_000)).toBe(true);
    await cluster.clock.resolve(proposal, 10_000);
  },
);

test('what a stalled thread leads is led by another', async () => {
  const cluster = await started();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const leader = cluster.leader(1);
  await cluster.clock.advance(3_000);
  cluster.network.isolate(cluster.node(leader).id);
  for (const node of cluster.nodes) {
    if (node.id === leader) continue;
    const state = {state: 'alive' as const, bootEpoch: 1, stalledThreads: [0]};
    node.host!.nodeChanged(cluster.node(leader).id, state);
  }
  const moved = () =>
    [1, 2, 3].some((id) => id !== leader && cluster.status(id, 1)!.role === 'leader');
  expect(await cluster.clock.until(moved, 300)).toBe(true);
});

test('who was late itself does not stand at once for a thread that stands still, but later', async () => {
  const {cluster, leader, begun, tell} = await toldOfStalls();
  const before = begun();
  cluster.clock.stall(300);
  await cluster.clock.advance(100);
  tell([0]);
  await cluster.clock.advance(300);
  tell([]);
  await cluster.clock.advance(1_000);
  expect([cluster.leader(1), begun()]).toEqual([leader, before]);
  cluster.clock.stall(300);
  await cluster.clock.advance(100);
  tell([0]);
  expect(await cluster.clock.until(() => begun() > before, 700)).toBe(true);
});

test('whose own disk was slow bears a leader whose disk stands still, for two seconds', async () => {
  const {cluster, leader, followers, begun, tell} = await toldOfStalls();
  const before = begun();
  for (const follower of followers) cluster.slow(follower, 240);
  await cluster.write(1, 'b');
  for (const follower of followers) cluster.slow(follower, 1);
  await cluster.write(1, 'c');
  // Asleep: no heartbeat comes before who would stand.
  await cluster.clock.advance(600);
  tell([0]);
  await cluster.clock.advance(1_000);
  expect([cluster.leader(1), begun()]).toEqual([leader, before]);
  tell([]);
  await cluster.clock.advance(100);
  tell([0]);
  expect(await cluster.clock.until(() => begun() > before, 1_500)).toBe(true);
});

/** A led set of three, whose followers are told which threads of the leader's node stand still. */
async function toldOfStalls() {
  const cluster = await started();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const leader = cluster.leader(1);
  const followers = [1, 2, 3].filter((id) => id !== leader);
  const begun = () => electionsBegun(cluster, followers);
  const {id, bootEpoch} = cluster.node(leader);
  const tell = (stalledThreads: readonly number[]) => {
    for (const follower of followers)
      cluster.host(follower).nodeChanged(id, {state: 'alive', bootEpoch, stalledThreads});
  };
  return {cluster, leader, followers, begun, tell};
}

function electionsBegun(
  cluster: Awaited<ReturnType<typeof started>>,
  nodes: readonly number[],
): number {
  return nodes.reduce((sum, id) => sum + electionsOf(cluster.host(id).metrics()), 0);
}
