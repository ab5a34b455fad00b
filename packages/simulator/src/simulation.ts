// One seed, one run: a cluster of the product's own classes, its clients, its director and its nemesis,
// the laws after every event, then peace, and liveness. Everything is drawn from the seed.

import type {NodeId, ReplicaSetId} from '@flotilla/base';
import type {GroupObserver, TimingPreset} from '@flotilla/multiraft';
import {isJoint, membersOf} from '@flotilla/raft';
import type {KnownLife} from '@flotilla/server/engine-parts';
import {Coverage} from './checks/coverage.ts';
import {Laws} from './checks/laws.ts';
import {observerOf} from './checks/observation.ts';
import {Damages, type Stake} from './faults/damages.ts';
import {DAMAGES, type FaultName, neverOn, type World} from './faults/faults.ts';
import {lastDeath} from './faults/last-death.ts';
import {kindsOf, Nemesis} from './faults/nemesis.ts';
import {type Chance, chanceOf} from './kernel/chance.ts';
import {Kernel} from './kernel/kernel.ts';
import {Trace} from './kernel/trace.ts';
import {checkRegister} from './linearizability.ts';
import {measured, resultOf, type SimulationResult} from './result.ts';
import {Clients} from './workload/clients.ts';
import {Director} from './workload/director.ts';
import {type PlacedSet, Placement} from './workload/placement.ts';
import {RegisterMachine} from './workload/register-machine.ts';
import {type Disks, disksOf, threadsOf} from './world/disks.ts';
import {Network, type NetworkTimes} from './world/network.ts';
import {SimNode} from './world/node.ts';

export type Workload = 'hosts' | 'cluster';

export interface SimulationOptions {
  /** What runs in the nodes: hosts with registers by default, or the product further up. */
  readonly workload?: Workload | undefined;
  readonly seed: number;
  readonly nodes: number;
  readonly groups: number;
  /** Events before peace. */
  readonly steps: number;
  readonly without?: readonly FaultName[] | undefined;
  readonly only?: readonly FaultName[] | undefined;
  /** Drawn from the seed by default. */
  readonly disks?: Disks | undefined;
  /** Of each node: drawn from the seed by default in `cluster`, and one for each thread in `hosts`. */
  readonly stores?: number | undefined;
  /** Engine threads of each process, at most: drawn from the seed by default. */
  readonly threads?: number | undefined;
  /** Some reads of `cluster` may be stale: drawn from the seed by default. */
  readonly stale?: boolean | undefined;
  /** People order more in `cluster` than moves and drops: drawn from the seed by default. */
  readonly orders?: boolean | undefined;
  /** A database of `cluster` takes few series, and people change how many: drawn from the seed by default. */
  readonly series?: boolean | undefined;
  /** Keeps the text of what happened. */
  readonly trace?: boolean | undefined;
}

/** Peace must bring rest within so much simulated time. */
const REST_MS_MAX = 180_000;
const LAST_CLIENT = 1_000_000;

export const NETWORK: Record<TimingPreset, NetworkTimes> = {
  local: {delayMs: 0.3, jitterMs: 0.3, dialMs: 300, keepAliveMs: 4_000},
  zone: {delayMs: 1.5, jitterMs: 1, dialMs: 500, keepAliveMs: 5_000},
  wan: {delayMs: 40, jitterMs: 15, dialMs: 1_000, keepAliveMs: 10_000},
};

export class Simulation {
  readonly #options: SimulationOptions;
  readonly #kernel: Kernel;
  readonly #chance: Chance;
  readonly #coverage = new Coverage();
  readonly #laws: Laws;
  readonly #network: Network;
  readonly #placement = new Placement();
  readonly #nodes: SimNode[] = [];
  readonly #director: Director;
  readonly #clients: Clients;
  readonly #nemesis: Nemesis;
  readonly #damages: Damages;
  /** By "observer/observed": the highest durable record heard of each store. */
  readonly #records = new Map<string, Map<number, number>>();

  constructor(options: SimulationOptions) {
    this.#options = options;
    const {seed, only} = options;
    const disks = disksOf(options);
    const threads = threadsOf(options);
    const without = [...(options.without ?? []), ...neverOn({disks, threads})];
    const kinds = kindsOf({seed, only, without});
    this.#kernel = new Kernel(new Trace(options.trace));
    this.#laws = new Laws(() => this.#kernel.nowMs);
    const chance = chanceOf(seed, 'shape');
    this.#chance = chance;
    const timing = chance.pick(['local', 'zone', 'wan', 'wan'] as const);
    this.#network = new Network(this.#kernel, chanceOf(seed, 'network'), NETWORK[timing]);
    const driftMax = chance.pick([0, 0.001, 0.05]);
    const limits = chance.pick([
      {groupLogBytesMax: 600, segmentBytes: 8 * 1024, cacheBytesMax: 1_000},
      {groupLogBytesMax: 4_000, segmentBytes: 32 * 1024, cacheBytesMax: 4_000},
      {segmentBytes: 256 * 1024},
    ]);
    for (const what of [`disks:${disks}`, `threads:at most ${threads}`]) this.#coverage.count(what);
    for (let id = 1; id <= options.nodes; id++) {
      const node = new SimNode(id as NodeId, {
        kernel: this.#kernel,
        network: this.#network,
        chance: chanceOf(seed, `node ${id}`),
        ...{disks, threads, coverage: this.#coverage},
        stores: Math.max(threads, options.stores ?? 1),
        threadChance: chanceOf(seed, `threads of node ${id}`),
        fail: (law, message) => this.#laws.fail(law, 0, message),
        onDurableWrite: (event) => this.#coverage.count(`durable writes:${event}`),
        ...{timing, limits, driftMax},
        observer: (on) => this.#observer(on),
        locate: (_set, replica) => this.#placement.nodeOf(replica),
        catalog: () => catalog,
        others: (of) => this.#nodes.map(({id}) => id).filter((other) => other !== of.id),
        knownTo: (by, of) => this.#knownTo(by, of),
        onApplied:
          (set, replica) =>
          (machine, {index}, write) => {
            this.#laws.applied(set, replica, {index, digest: machine.digest}, write);
            if (write !== undefined && write.result.status !== 'applied')
              this.#coverage.count(`writes:skipped as ${write.result.status}`);
          },
        onFailure: (failed, reason) => this.#failed(failed, reason),
      });
      this.#nodes.push(node);
    }
    const catalog = this.#placement.asCatalog();
    this.#director = new Director({
      kernel: this.#kernel,
      chance: chanceOf(seed, 'director'),
      elections: chanceOf(seed, 'elections'),
      nodes: this.#nodes,
      placement: this.#placement,
      laws: this.#laws,
      coverage: this.#coverage,
      sets: options.groups,
      votersMin: kinds.some((kind) => DAMAGES.includes(kind)) ? 3 : 1,
      registers: 1 + chance.below(3),
      changeMs: chance.pick([1_000, 3_000, 10_000]),
      bucketMs: chance.pick([20_000, 60_000, 300_000]),
    });
    this.#clients = new Clients({
      kernel: this.#kernel,
      chance: chanceOf(seed, 'clients'),
      keys: chanceOf(seed, 'keys'),
      nodes: this.#nodes,
      placement: this.#placement,
      coverage: this.#coverage,
      clients: 2 + chance.below(6),
      thinkMs: chance.pick([500, 1_500, 5_000]),
    });
    this.#damages = this.#makeDamages();
    this.#nemesis = new Nemesis(this.#kernel, this.#world(), this.#coverage, {
      seed,
      without,
      only,
      intensity: chance.pick([0.3, 1, 1, 2.5]),
    });
  }

  #makeDamages(): Damages {
    return new Damages({
      kernel: this.#kernel,
      nodes: this.#nodes,
      coverage: this.#coverage,
      isCalm: () => this.#director.isCalm,
      hold: (untilMs) => {
        this.#director.heldUntilMs = untilMs;
      },
      isRemembered: ({host, id}, by) => {
        const known = this.#recordsKnownTo(by.id, id);
        const records = host!.durableRecords();
        return records.every(({store, durableRecord}) => known.get(store) === durableRecord);
      },
      stakes: ({id}) => this.#stakes(id),
      end: (node, how) => this.#end(node, how),
    });
  }

  async run(): Promise<SimulationResult> {
    const took = await measured(() => this.#run());
    return resultOf(
      {
        ...{seed: this.#options.seed, kernel: this.#kernel, laws: this.#laws},
        ...{coverage: this.#coverage, clients: this.#clients, nemesis: this.#nemesis},
      },
      took,
    );
  }

  async #run(): Promise<void> {
    const {steps} = this.#options;
    const kernel = this.#kernel;
    for (const node of this.#nodes) void node.start();
    this.#director.start();
    this.#clients.start();
    kernel.after(5_000, () => this.#nemesis.start());
    this.#housekeeping();
    const isBroken = (): boolean => this.#laws.violations.length > 0;
    await kernel.run(() => kernel.steps >= steps || isBroken());
    if (!isBroken()) await this.#makePeace(isBroken);
    if (!isBroken()) this.#checkHistories();
  }

  #world(): World {
    return {
      nodes: this.#nodes,
      network: this.#network,
      siege: {
        after: (delayMs, run) => void this.#kernel.after(delayMs, run),
        leading: (chance) => this.#leading(chance),
        ask: (node, set, forMs) => this.#clients.besiege(set, node, forMs),
      },
      end: (node, how) => this.#end(node, how),
      start: (node) => this.#start(node),
      damages: this.#damages,
      count: (what) => this.#coverage.count(what),
    };
  }

  *#stakes(node: NodeId): Generator<Stake> {
    for (const set of this.#placement.openSets()) {
      const here = [...set.replicas.values()].filter(({node: home}) => home === node);
      yield {leader: this.#director.leaderOf(set)?.status, here: here.map(({id}) => id)};
    }
  }

  #leading(chance: Chance): {node: SimNode; set: PlacedSet} | undefined {
    const led: {node: SimNode; set: PlacedSet}[] = [];
    for (const set of this.#placement.openSets()) {
      const found = this.#director.leaderOf(set);
      if (found === undefined || found.node.isPaused) continue;
      if (found.status.configuration.voters.length > 2) led.push({node: found.node, set});
    }
    return led.length === 0 ? undefined : chance.pick(led);
  }

  #end(node: SimNode, how: 'kill' | 'power'): void {
    const {liveness} = node.running ?? {};
    // What a node remembers of others is on its disk.
    for (const view of liveness?.views() ?? []) this.#recordsKnownTo(node.id, view.node);
    node.end(how);
  }

  #start(node: SimNode): void {
    if (node.isUp) return;
    node.start().catch((error: unknown) => {
      this.#laws.fail('no crashes', 0, `node ${node.id} cannot start: ${String(error)}`);
    });
  }

  #failed(node: SimNode, reason: string): void {
    this.#damages.failed(node);
    this.#coverage.count(`ends:${reason.replace(/\d+/g, 'n').slice(0, 60)}`);
    this.#end(node, 'kill');
    this.#kernel.after(500, () => this.#start(node));
  }

  #knownTo(by: NodeId, of: NodeId): KnownLife | undefined {
    const known = this.#recordsKnownTo(by, of);
    const records = [...known].map(([store, record]) => ({store, record}));
    return records.length === 0 ? undefined : {bootEpoch: 0, records};
  }

  /** As far as it was told: a node that was not vetted tells none. */
  #recordsKnownTo(by: NodeId, of: NodeId): ReadonlyMap<number, number> {
    const key = `${by}/${of}`;
    const known = this.#records.get(key) ?? new Map<number, number>();
    this.#records.set(key, known);
    const heard = this.#nodes[by - 1]?.running?.liveness?.view(of)?.durableRecords ?? [];
    for (const [store, record] of heard)
      if (record > 0) known.set(store, Math.max(record, known.get(store) ?? 0));
    return known;
  }

  #observer(node: NodeId): GroupObserver {
    const shared = {kernel: this.#kernel, laws: this.#laws, coverage: this.#coverage};
    return observerOf(node, {...shared, isImage: (of) => this.#nodes[of - 1]!.isImage});
  }

  /** Machines flush now and then; sleepers are counted. */
  #housekeeping(): void {
    const chance = chanceOf(this.#options.seed, 'flush');
    const next = (): void => {
      const node = chance.pick(this.#nodes);
      for (const {set, isAsleep} of node.host?.statuses() ?? []) {
        if (isAsleep) this.#coverage.count('hibernation:asleep when looked at');
        const machine = node.host?.stateMachine(set);
        if (machine instanceof RegisterMachine && chance.odds(0.3))
          machine.flush().catch((error: unknown) => this.#failed(node, String(error)));
      }
      this.#kernel.after(chance.wait(2_000), next, undefined);
    };
    this.#kernel.after(chance.wait(2_000), next);
  }

  async #makePeace(isBroken: () => boolean): Promise<void> {
    this.#nemesis.stop();
    for (const {disk} of this.#nodes) disk.mend();
    this.#clients.isStopped = true;
    this.#director.isSettling = true;
    const kernel = this.#kernel;
    const untilMs = kernel.nowMs + REST_MS_MAX;
    let lookMs = 0;
    let unrest: string[] = ['nobody looked'];
    await kernel.run(() => {
      if (kernel.nowMs < lookMs) return isBroken();
      lookMs = kernel.nowMs + 1_000;
      for (const node of this.#nodes) this.#start(node);
      this.#director.settle();
      unrest = this.#unrest();
      return unrest.length === 0 || isBroken();
    }, untilMs);
    for (const text of unrest) this.#laws.fail('liveness', 0, text);
    if (unrest.length > 0) return;
    await this.#askAll(this.#placement.openSets(), this.#nodes, isBroken);
    if (!isBroken()) await this.#loseOne(isBroken);
  }

  /** In its sleep, and without a word of any client. */
  async #loseOne(isBroken: () => boolean): Promise<void> {
    const bereaved = await lastDeath(
      {
        kernel: this.#kernel,
        chance: chanceOf(this.#options.seed, 'last death'),
        nodes: this.#nodes,
        placement: this.#placement,
        coverage: this.#coverage,
        leaderOf: (set) => this.#director.leaderOf(set),
        end: (node, how) => this.#end(node, how),
      },
      isBroken,
    );
    if (bereaved === undefined || isBroken()) return;
    const {sets, survivors} = bereaved;
    for (const set of sets)
      if (this.#director.leaderOf(set) === undefined)
        this.#laws.fail('liveness', set.id, 'nobody leads it, though a majority of it lives');
    if (!isBroken()) await this.#askAll(sets, survivors, isBroken);
  }

  /** What keeps the cluster from being at rest. */
  #unrest(): string[] {
    const all = this.#network.unrest();
    for (const node of this.#nodes) all.push(...node.unrest(this.#nodes));
    for (const [client, {text}] of this.#clients.open) all.push(`client ${client} waits: ${text}`);
    for (const set of this.#placement.sets.values()) {
      if (set.state === 'dropping') all.push(`set ${set.id} is still being dropped`);
      else all.push(...this.#unrestOf(set));
    }
    return all;
  }

  #unrestOf(set: PlacedSet): string[] {
    const found = this.#director.leaderOf(set);
    if (found === undefined) return [`set ${set.id} has no leader`];
    const {configuration, lastIndex, isConfigPending} = found.status;
    if (isJoint(configuration) || isConfigPending) return [`set ${set.id} changes its members`];
    const members = membersOf(configuration);
    const all: string[] = [];
    for (const replica of set.replicas.values())
      if (!members.includes(replica.id))
        all.push(`replica ${replica.id} of ${set.id} is left over`);
    for (const id of members) {
      const home = this.#placement.nodeOf(id as PlacedSet['founders'][number]);
      const status = this.#nodes[home! - 1]?.host?.status(set.id);
      if (status?.stopped !== undefined) all.push(`replica ${id} stopped: ${status.stopped}`);
      else if (status?.replica !== id || status.appliedIndex !== lastIndex)
        all.push(`replica ${id} of set ${set.id} is at ${status?.appliedIndex}, not ${lastIndex}`);
    }
    return all;
  }

  /** Every set takes a write and gives it back, by whatever node. */
  async #askAll(
    sets: readonly PlacedSet[],
    nodes: readonly SimNode[],
    isBroken: () => boolean,
  ): Promise<void> {
    const kernel = this.#kernel;
    const untilMs = kernel.nowMs + 30_000;
    let open = 0;
    for (const set of sets) {
      for (const isWrite of [true, false]) {
        open += 1;
        const node = this.#chance.pick(nodes);
        const client = LAST_CLIENT + open;
        this.#clients.request({client, set, node, register: 0, isWrite}, ({outcome}) => {
          open -= 1;
          if (outcome !== 'ok')
            this.#laws.fail('liveness', set.id, `in peace, a request ended ${outcome}`);
        });
      }
    }
    await kernel.run(() => open === 0 || isBroken(), untilMs);
    if (open > 0) this.#laws.fail('liveness', 0, `in peace, ${open} requests had no answer`);
  }

  #checkHistories(): void {
    for (const [key, history] of this.#clients.histories) {
      const violation = checkRegister(history);
      this.#coverage.count('histories:checked');
      if (violation === undefined) continue;
      const set = Number(key.split('/')[0]) as ReplicaSetId;
      const text = `register ${key}: ${violation.message}`;
      this.#laws.fail('linearizability', set, text, violation.untilMs);
    }
  }
}
