// Goal: no acknowledged write is lost or doubled, replicas agree, reads are linearizable, no replica
// is older than it says, under crashes, cuts, loss, slow disks and moves of leadership. Method: one
// seed drives everything; safety is checked at the end of each round, liveness after the faults stop.
// More seeds: CHAOS_SEEDS=200.

import type {NodeId, ReplicaSetId} from '@flotilla/base';
import {expect, test} from 'vitest';
import {expectDbError, expectNothingLost} from './chaos.fixture.ts';
import {TestCluster} from './cluster.fixture.ts';

const SETS = [1, 2, 3, 4];
const NODES = [1, 2, 3];
const seeds = Array.from({length: Number(process.env['CHAOS_SEEDS'] ?? 6)}, (_, i) => i + 1);

class Run {
  readonly cluster: TestCluster;
  readonly acknowledged = new Map<number, string[]>(SETS.map((set) => [set, []]));
  readonly reads: Promise<void>[] = [];
  readonly #acknowledgedMs = new Map<string, number>();
  #count = 0;

  constructor(seed: number) {
    this.cluster = new TestCluster({seed, beats: true});
  }

  propose(): void {
    const {cluster} = this;
    for (const set of SETS) {
      const leader = cluster.leader(set);
      if (leader === 0) continue;
      const value = `${set}:${this.#count++}`;
      const deadlineMs = cluster.clock.monotonicMs() + 3_000;
      const bytes = new TextEncoder().encode(value);
      cluster
        .host(leader)
        .propose(set as ReplicaSetId, bytes, {deadlineMs})
        .then(() => {
          this.acknowledged.get(set)!.push(value);
          this.#acknowledgedMs.set(value, cluster.clock.monotonicMs());
        }, expectDbError);
    }
  }

  read(): void {
    const {cluster} = this;
    const set = SETS[cluster.random.below(SETS.length)]!;
    const node = NODES[cluster.random.below(NODES.length)]!;
    const host = cluster.node(node).host;
    if (host === undefined) return;
    const before = [...this.acknowledged.get(set)!];
    const machine = cluster.machine(node, set);
    const deadlineMs = cluster.clock.monotonicMs() + 2_000;
    const read = host.readIndex(set as ReplicaSetId, {deadlineMs}).then(() => {
      const seen = new Set(machine.values);
      for (const value of before) expect(seen.has(value), `stale read of ${value}`).toBe(true);
    }, expectDbError);
    this.reads.push(read);
  }

  checkAges(): void {
    const {cluster} = this;
    for (const node of NODES) {
      for (const set of SETS) {
        const ageMs = cluster.node(node).host?.ageMs(set as ReplicaSetId);
        if (ageMs === undefined) continue;
        const asOfMs = cluster.clock.monotonicMs() - ageMs;
        const seen = new Set(cluster.machine(node, set).values);
        for (const value of this.acknowledged.get(set)!) {
          if (this.#acknowledgedMs.get(value)! >= asOfMs) continue;
          expect(seen.has(value), `node ${node} lacks ${value} and calls itself newer`).toBe(true);
        }
      }
    }
  }

  async fault(): Promise<void> {
    const {cluster} = this;
    const {random} = cluster;
    const victim = NODES[random.below(NODES.length)]!;
    const other = NODES[random.below(NODES.length)]!;
    const isUp = cluster.node(victim).host !== undefined;
    switch (random.below(7)) {
      case 0:
        if (isUp) cluster.crash(victim);
        break;
      case 1:
        if (!isUp) await cluster.start(victim);
        break;
      case 2:
        cluster.network.cut(victim as NodeId, other as NodeId);
        break;
      case 3:
        cluster.network.heal();
        break;
      case 4:
        cluster.network.lossRate = random.below(2) * 0.1;
        break;
      case 5:
        cluster.slow(victim, [1, 1, 30, 800][random.below(4)]!);
        break;
      default:
        this.#transfer();
    }
  }

  #transfer(): void {
    const {cluster} = this;
    const set = SETS[cluster.random.below(SETS.length)]!;
    const leader = cluster.leader(set);
    const to = NODES[cluster.random.below(NODES.length)]!;
    const target = cluster.status(to, set)?.replica;
    if (leader === 0 || target === undefined) return;
    const deadlineMs = cluster.clock.monotonicMs() + 1_000;
    cluster
      .host(leader)
      .transferLeader(set as ReplicaSetId, target, {deadlineMs})
      .catch(expectDbError);
  }

  async settle(): Promise<void> {
    const {cluster} = this;
    cluster.network.heal();
    cluster.network.lossRate = 0;
    for (const node of NODES) cluster.slow(node, 1);
    await cluster.startAll();
    for (const set of SETS) {
      await cluster.write(set, `last of ${set}`, 20_000);
      expect(await cluster.agree(set, NODES, undefined, 20_000), `set ${set} differs`).toBe(true);
    }
    await cluster.clock.resolve(Promise.all(this.reads), 10_000);
  }

  check(): void {
    for (const set of SETS) {
      const values = this.cluster.values(1, set);
      expectNothingLost(set, values, this.acknowledged.get(set)!);
      for (const status of NODES.map((node) => this.cluster.status(node, set)!))
        expect(status.stopped).toBeUndefined();
    }
  }
}

async function run(seed: number): Promise<Run> {
  const all = new Run(seed);
  const {cluster} = all;
  await cluster.startAll();
  for (const set of SETS) await cluster.found(set);
  await cluster.electAll(SETS);
  for (let step = 0; step < 80; step++) {
    all.propose();
    all.read();
    await cluster.clock.advance(cluster.random.below(120));
    all.checkAges();
    if (cluster.random.next() < 0.5) await all.fault();
  }
  await all.settle();
  all.check();
  return all;
}

test.each(seeds)('nothing acknowledged is lost, SEED=%i', async (seed) => {
  const {acknowledged} = await run(seed);
  expect([...acknowledged.values()].every((list) => list.length > 0)).toBe(true);
});

test('the same seed gives the same run', async () => {
  const picture = async () => {
    const {cluster, acknowledged} = await run(77);
    return [[...acknowledged], cluster.network.counts, cluster.clock.monotonicMs()];
  };
  expect(await picture()).toEqual(await picture());
});
