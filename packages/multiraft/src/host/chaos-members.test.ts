// Goal: no acknowledged write is lost or doubled, nobody stops, and members agree, while replicas move
// between nodes, logs are cut under slow followers, snapshots travel, and nodes lose power with what
// they had not synced. Method: one seed drives everything; liveness is checked after the faults stop.
// More seeds: CHAOS_SEEDS=200, from CHAOS_SEED.

import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import {isJoint, membersOf} from '@flotilla/raft';
import {expect, test} from 'vitest';
import {expectDbError, expectNothingLost} from './chaos.fixture.ts';
import {TestCluster} from './cluster.fixture.ts';
import type {ReplicaStatus} from './status.ts';

const SETS = [1, 2];
const NODES = [1, 2, 3, 4, 5];
const FIRST = Number(process.env['CHAOS_SEED'] ?? 1);
const COUNT = Number(process.env['CHAOS_SEEDS'] ?? 6);
const seeds = Array.from({length: COUNT}, (_, i) => FIRST + i);
const DEADLINE_MS = 3_000;

class Run {
  readonly cluster: TestCluster;
  readonly acknowledged = new Map<number, string[]>(SETS.map((set) => [set, []]));
  readonly reads: Promise<void>[] = [];
  /** The newest configuration seen of each set, and every replica that was ever a member. */
  readonly #newest = new Map<number, ReplicaStatus>();
  readonly #joined = new Map<number, Set<ReplicaId>>(SETS.map((set) => [set, new Set()]));
  readonly #configurations = new Map<string, string>();
  moves = 0;
  destroyed = 0;
  #count = 0;

  constructor(seed: number) {
    this.cluster = new TestCluster({
      nodes: NODES.length,
      seed,
      beats: true,
      limits: {groupLogBytesMax: 600, segmentBytes: 8 * 1024, cacheBytesMax: 1_000},
    });
  }

  #pick<Value>(values: readonly Value[]): Value {
    return values[this.cluster.random.below(values.length)]!;
  }

  get #deadlineMs(): number {
    return this.cluster.clock.monotonicMs() + DEADLINE_MS;
  }

  propose(): void {
    const {cluster} = this;
    for (const set of SETS) {
      const leader = cluster.leader(set);
      if (leader === 0) continue;
      const value = `${set}:${this.#count++}`;
      cluster
        .host(leader)
        .propose(set as ReplicaSetId, new TextEncoder().encode(value), {
          deadlineMs: this.#deadlineMs,
        })
        .then(() => this.acknowledged.get(set)!.push(value), expectDbError);
    }
  }

  read(): void {
    const {cluster} = this;
    const set = this.#pick(SETS);
    const node = this.#pick(NODES);
    if (cluster.status(node, set) === undefined) return;
    const before = [...this.acknowledged.get(set)!];
    const machine = cluster.machine(node, set);
    const read = cluster
      .host(node)
      .readIndex(set as ReplicaSetId, {deadlineMs: this.#deadlineMs})
      .then(() => {
        const seen = new Set(machine.values);
        for (const value of before) expect(seen.has(value), `stale read of ${value}`).toBe(true);
      }, expectDbError);
    this.reads.push(read);
  }

  /** The next step of whatever change of members the set is in. */
  changeMembers(set: number): void {
    this.#look(set);
    const leader = this.cluster.leader(set);
    if (leader === 0) return;
    const status = this.cluster.status(leader, set)!;
    if (isJoint(status.configuration)) return;
    const {voters, learners} = status.configuration;
    const host = this.cluster.host(leader);
    const options = {expectedConfigIndex: status.configIndex, deadlineMs: this.#deadlineMs};
    const [learner] = learners;
    if (learner === undefined) {
      void this.#addLearner(set, status);
      return;
    }
    this.moves += 1;
    const removed = this.#pick(voters);
    host
      .proposeConfig(
        set as ReplicaSetId,
        [
          {type: 'voter', id: learner},
          {type: 'remove', id: removed},
        ],
        'joint',
        options,
      )
      .catch(expectDbError);
  }

  async #addLearner(set: number, {configuration, configIndex}: ReplicaStatus): Promise<void> {
    const {cluster} = this;
    const taken = new Set(
      membersOf(configuration).map((id) => cluster.placed.get(id as ReplicaId)),
    );
    const free = NODES.filter(
      (node) => !taken.has(node as NodeId) && cluster.node(node).host !== undefined,
    );
    if (free.length === 0) return;
    const node = this.#pick(free);
    const replica = cluster.place(node);
    try {
      await cluster.host(node).createReplica({set: set as ReplicaSetId, replica});
      const leader = cluster.leader(set);
      if (leader === 0) return;
      await cluster
        .host(leader)
        .proposeConfig(set as ReplicaSetId, [{type: 'learner', id: replica}], 'simple', {
          expectedConfigIndex: configIndex,
          deadlineMs: this.#deadlineMs,
        });
    } catch (error) {
      expectDbError(error);
    }
  }

  #look(set: number): void {
    for (const node of NODES) {
      const status = this.cluster.status(node, set);
      if (status === undefined) continue;
      this.#checkConfiguration(set, status);
      if (status.configIndex >= (this.#newest.get(set)?.configIndex ?? 0))
        this.#newest.set(set, status);
      for (const id of membersOf(status.configuration)) this.#joined.get(set)!.add(id as ReplicaId);
    }
  }

  /** Orders are fenced by the index that made the configuration: it must name one and the same. */
  #checkConfiguration(set: number, {replica, configIndex, configuration}: ReplicaStatus): void {
    const key = `${set} ${configIndex}`;
    const members = JSON.stringify(configuration);
    const known = this.#configurations.get(key) ?? members;
    expect(members, `replica ${replica} of set ${set} at ${configIndex}`).toBe(known);
    this.#configurations.set(key, known);
  }

  /** Whoever was a member and, by the newest committed configuration, no longer is. */
  destroyRemoved(set: number): void {
    this.#look(set);
    const members = membersOf(this.#newest.get(set)!.configuration);
    for (const node of NODES) {
      const replica = this.cluster.status(node, set)?.replica;
      if (replica === undefined || members.includes(replica)) continue;
      if (!this.#joined.get(set)!.has(replica)) continue;
      this.destroyed += 1;
      this.cluster
        .host(node)
        .destroyReplica({set: set as ReplicaSetId, replica})
        .catch(expectDbError);
    }
  }

  flush(): void {
    const node = this.#pick(NODES);
    for (const set of SETS) {
      if (this.cluster.status(node, set) !== undefined)
        void this.cluster.machine(node, set).flush();
    }
  }

  async fault(): Promise<void> {
    const {cluster} = this;
    const {random} = cluster;
    const victim = this.#pick(NODES);
    const isUp = cluster.node(victim).host !== undefined;
    switch (random.below(8)) {
      case 0:
        if (isUp) cluster.crash(victim);
        break;
      case 1:
      case 2:
        if (!isUp) await cluster.start(victim);
        break;
      case 3:
        cluster.network.cut(victim as NodeId, this.#pick(NODES) as NodeId);
        break;
      case 4:
        cluster.network.heal();
        break;
      case 5:
        cluster.network.lossRate = random.below(2) * 0.1;
        break;
      case 6:
        cluster.slow(victim, this.#pick([1, 1, 30, 800]));
        break;
      default:
        this.#transfer();
    }
  }

  #transfer(): void {
    const set = this.#pick(SETS);
    const leader = this.cluster.leader(set);
    const target = this.cluster.status(this.#pick(NODES), set)?.replica;
    if (leader === 0 || target === undefined) return;
    this.cluster
      .host(leader)
      .transferLeader(set as ReplicaSetId, target, {deadlineMs: this.#deadlineMs})
      .catch(expectDbError);
  }

  async settle(): Promise<void> {
    const {cluster} = this;
    cluster.network.heal();
    cluster.network.lossRate = 0;
    for (const node of NODES) cluster.slow(node, 1);
    await cluster.startAll();
    for (const set of SETS) {
      await this.#writeLast(set);
      const isSettled = () => {
        const leader = cluster.leader(set);
        return leader !== 0 && !isJoint(cluster.status(leader, set)!.configuration);
      };
      expect(await cluster.clock.until(isSettled, 20_000), `set ${set} stays joint`).toBe(true);
      const agree = await cluster.agree(set, this.members(set), undefined, 40_000);
      expect(agree, `members of ${set}\n${this.describe(set)}`).toBe(true);
    }
    await cluster.clock.resolve(Promise.all(this.reads), 10_000);
  }

  /** A leader that removes itself may leave a proposal unknown. */
  async #writeLast(set: number): Promise<void> {
    for (let attempt = 0; attempt < 10; attempt++) {
      try {
        await this.cluster.write(set, `last of ${set}, attempt ${attempt}`, 40_000);
        return;
      } catch (error) {
        expectDbError(error);
      }
    }
    expect.unreachable(`nothing can be written to set ${set}`);
  }

  describe(set: number): string {
    const lines = NODES.map((node) => JSON.stringify(this.cluster.status(node, set)));
    return lines.join('\n');
  }

  /** Nodes of the set's members. */
  members(set: number): number[] {
    const {cluster} = this;
    const {configuration} = cluster.status(cluster.leader(set), set)!;
    const nodes = membersOf(configuration).map((id) => cluster.placed.get(id as ReplicaId)!);
    return nodes.filter((node) => cluster.status(node, set) !== undefined);
  }

  check(): void {
    for (const set of SETS) {
      this.#look(set);
      const values = this.cluster.values(this.cluster.leader(set), set);
      expectNothingLost(set, values, this.acknowledged.get(set)!);
    }
    for (const node of NODES) {
      expect([...this.cluster.host(node).broken().values()], `broken on ${node}`).toEqual([]);
      for (const status of this.cluster.host(node).statuses())
        expect(status.stopped).toBeUndefined();
    }
  }
}

async function run(seed: number): Promise<Run> {
  const all = new Run(seed);
  const {cluster} = all;
  const {random} = cluster;
  await cluster.startAll();
  for (const set of SETS) await cluster.found(set);
  await cluster.electAll(SETS);
  for (let step = 0; step < 100; step++) {
    all.propose();
    all.read();
    const set = SETS[random.below(SETS.length)]!;
    if (random.below(3) === 0) all.changeMembers(set);
    if (random.below(4) === 0) all.destroyRemoved(set);
    if (random.below(4) === 0) all.flush();
    await cluster.clock.advance(random.below(150));
    if (random.below(3) === 0) await all.fault();
  }
  await all.settle();
  await cluster.electAll(SETS);
  all.check();
  return all;
}

test.each(seeds)('nothing acknowledged is lost while members change, SEED=%i', async (seed) => {
  const {acknowledged} = await run(seed);
  expect([...acknowledged.values()].every((list) => list.length > 0)).toBe(true);
});
