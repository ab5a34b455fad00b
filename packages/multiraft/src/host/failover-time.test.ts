// How long a set has no leader after its leader's node went away, over many seeds of virtual time: on
// quick machines, and on busy ones where an election takes longer than the wait between two.

import type {NodeId} from '@flotilla/base';
import {decodeMessage, readItems} from '@flotilla/wire';
import {expect, test} from 'vitest';
import {TestCluster} from './cluster.fixture.ts';

const SEEDS = 20;

/** Of each seed, in rising order. */
async function leaderlessMs(
  speed: {readonly latencyMs: number; readonly syncMs: number},
  fault: (cluster: TestCluster, node: number) => void,
): Promise<number[]> {
  const all: number[] = [];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const cluster = new TestCluster({beats: true, seed, ...speed});
    await cluster.startAll();
    await cluster.found(1);
    await cluster.electAll([1]);
    await cluster.clock.advance(1_000);
    const leader = cluster.leader(1);
    const beganMs = cluster.clock.monotonicMs();
    fault(cluster, leader);
    const others = [1, 2, 3].filter((node) => node !== leader);
    const isLed = () => others.some((node) => cluster.status(node, 1)!.role === 'leader');
    expect(await cluster.clock.until(isLed, 20_000)).toBe(true);
    all.push(cluster.clock.monotonicMs() - beganMs);
  }
  return all.sort((a, b) => a - b);
}

const kill = (cluster: TestCluster, node: number): void => cluster.crash(node);
const cut = (cluster: TestCluster, node: number): void => cluster.network.isolate(node as NodeId);

test.each([
  {latencyMs: 1, syncMs: 1, medianMs: 30, maxMs: 60},
  {latencyMs: 10, syncMs: 30, medianMs: 150, maxMs: 200},
  {latencyMs: 20, syncMs: 40, medianMs: 220, maxMs: 300},
])(
  'after a lost connection, with $latencyMs ms of network and $syncMs ms of disk',
  async ({medianMs, maxMs, ...speed}) => {
    const all = await leaderlessMs(speed, kill);
    expect(all[SEEDS / 2]).toBeLessThan(medianMs);
    expect(all.at(-1)).toBeLessThan(maxMs);
  },
);

// The two suspect it at times of their own: they may ask each other at once.
test.each([
  {latencyMs: 1, syncMs: 1, medianMs: 750, maxMs: 850},
  {latencyMs: 20, syncMs: 40, medianMs: 950, maxMs: 1_000},
])(
  'after silence, with $latencyMs ms of network and $syncMs ms of disk',
  async ({medianMs, maxMs, ...speed}) => {
    const all = await leaderlessMs(speed, cut);
    expect(all[SEEDS / 2]).toBeLessThan(medianMs);
    expect(all.at(-1)).toBeLessThan(maxMs);
  },
);

test('what a dead node led is led by several others', async () => {
  const cluster = new TestCluster({beats: true});
  await cluster.startAll();
  const sets = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  for (const set of sets) await cluster.found(set);
  await cluster.electAll(sets);
  cluster.crash(1);
  await cluster.electAll(sets);
  for (const node of [2, 3])
    expect(sets.filter((set) => cluster.leader(set) === node).length).toBeGreaterThan(2);
});

// Those who learn of it by silence do so at times of their own: their turns are of little use.
test.each([
  ['lost connections', 0.25, 1.2],
  ['silence', 0.5, 2],
] as const)(
  'many groups that lose their leader to %s at once split few votes, and few ask in vain',
  async (how, shareMax, askersMax) => {
    const cluster = new TestCluster({beats: true, latencyMs: 5, syncMs: 10});
    await cluster.startAll();
    const sets = Array.from({length: 60}, (_, i) => i + 1);
    for (const set of sets) await cluster.found(set);
    await cluster.electAll(sets);
    await cluster.clock.advance(1_000);
    const lost = sets.filter((set) => cluster.leader(set) === 1);
    expect(lost.length).toBeGreaterThan(10);
    const term = (set: number): number =>
      Math.max(...[2, 3].map((node) => cluster.status(node, set)!.term));
    const before = new Map(lost.map((set) => [set, term(set)]));
    const asking = new Set<string>();
    cluster.network.tap = ({from, frame}) => {
      for (const item of readItems(frame))
        if (item.kind === 'message' && decodeMessage(item.payload)?.type === 'preVote')
          asking.add(`${item.set} ${from}`);
    };
    if (how === 'silence') cut(cluster, 1);
    else kill(cluster, 1);
    const isLed = (set: number) =>
      [2, 3].some((node) => cluster.status(node, set)!.role === 'leader');
    expect(await cluster.clock.until(() => lost.every(isLed), 5_000)).toBe(true);
    // Whose votes were not split is led in the next term.
    const split = lost.filter((set) => term(set) > before.get(set)! + 1);
    expect(split.length).toBeLessThan(lost.length * shareMax);
    expect(asking.size).toBeLessThan(lost.length * askersMax);
  },
);
