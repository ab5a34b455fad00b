// One seed, one run of the product further up: meta group, reconciler, catalog, replica machines and
// router in every node, its clients, its operator and its nemesis, then what is asked at the end. Laws and
// kernel are those of the other workload.

import {DbError, FatalError, type Log, type NodeId} from '@flotilla/base';
import type {GroupObserver} from '@flotilla/multiraft';
import {Coverage} from '../checks/coverage.ts';
import {Laws} from '../checks/laws.ts';
import {observerOf} from '../checks/observation.ts';
import {Damages} from '../faults/damages.ts';
import {DAMAGES, neverOn, type World} from '../faults/faults.ts';
import {kindsOf, Nemesis} from '../faults/nemesis.ts';
import {type Chance, chanceOf} from '../kernel/chance.ts';
import {Kernel} from '../kernel/kernel.ts';
import {Trace} from '../kernel/trace.ts';
import {measured, resultOf, type SimulationResult} from '../result.ts';
import {NETWORK, type SimulationOptions} from '../simulation.ts';
import {type Disks, disksOf, storesOf, threadsOf} from '../world/disks.ts';
import {Network} from '../world/network.ts';
import {SimNode} from '../world/node.ts';
import {Clients, engineOf, othersKnownTo, readsStale} from './clients.ts';
import {Drops} from './drops.ts';
import {Effects} from './effects.ts';
import {Elections} from './elections.ts';
import {Engine, type EnginePorts} from './engine.ts';
import {Examination} from './examination.ts';
import {found} from './founding.ts';
import {Ground} from './ground.ts';
import {NodeState} from './node-state.ts';
import {Operator} from './operator.ts';
import {Orders} from './orders.ts';
import {SLOT_MS} from './registers.ts';
import {newestCatalog} from './rest.ts';
import {isRemembered, isSettled, isSpared, stakesOf} from './stakes.ts';
import {Waiting} from './waiting.ts';

const REPAIR_AFTER_MS = 15_000;

export class ClusterSimulation {
  readonly #options: SimulationOptions;
  readonly #kernel: Kernel;
  readonly #chance: Chance;
  readonly #coverage = new Coverage();
  readonly #laws: Laws;
  readonly #network: Network;
  readonly #nodes: SimNode[] = [];
  readonly #states: NodeState[] = [];
  readonly #ground: Ground;
  readonly #clients: Clients;
  readonly #operator: Operator;
  readonly #elections: Elections;
  readonly #drops: Drops;
  readonly #orders: Orders;
  readonly #nemesis: Nemesis;
  readonly #damages: Damages;
  /** Some damage may strike: each set needs a voter to spare. */
  readonly #isDamaging: boolean;
  readonly #waiting: Waiting;

  constructor(options: SimulationOptions) {
    this.#options = options;
    const {seed, only} = options;
    const place = this.#drawPlace();
    const without = [...(options.without ?? []), ...neverOn(place)];
    this.#isDamaging = kindsOf({seed, only, without}).some((kind) => DAMAGES.includes(kind));
    this.#kernel = new Kernel(new Trace(options.trace));
    const kernel = this.#kernel;
    this.#laws = new Laws(() => kernel.nowMs);
    this.#waiting = new Waiting(kernel, this.#laws);
    const effects = new Effects(this.#laws, this.#coverage);
    const chance = chanceOf(seed, 'shape');
    this.#chance = chance;
    const timing = chance.pick(['local', 'zone', 'wan', 'wan'] as const);
    this.#network = new Network(kernel, chanceOf(seed, 'network'), NETWORK[timing]);
    const driftMax = chance.pick([0, 0.001, 0.05]);
    const limits = chance.pick([
      {groupLogBytesMax: 1_200, segmentBytes: 16 * 1024, cacheBytesMax: 2_000},
      {groupLogBytesMax: 4_000, segmentBytes: 32 * 1024, cacheBytesMax: 4_000},
      {segmentBytes: 256 * 1024},
    ]);
    for (let id = 1; id <= options.nodes; id++) {
      this.#states.push(new NodeState());
      const node = new SimNode(id as NodeId, {
        ...{kernel, timing, limits, driftMax, ...place, network: this.#network},
        ...{coverage: this.#coverage, threadChance: chanceOf(seed, `threads of node ${id}`)},
        fail: (law, message) => this.#laws.fail(law, 0, message),
        onDurableWrite: (event) => this.#coverage.count(`durable writes:${event}`),
        chance: chanceOf(seed, `node ${id}`),
        observer: (on) => this.#observer(on),
        locate: () => undefined,
        catalog: () => newestCatalog(this.#nodes)!,
        others: othersKnownTo,
        knownTo: (by, of) => engineOf(this.#nodes[by - 1]!)?.knownOf(of),
        imageBeside: (of) => this.#imageBeside(of),
        onApplied: () => () => undefined,
        onFailure: (failed, reason) => this.#failed(failed, reason),
        program: (of, running) => new Engine(of, running, this.#enginePorts(of, effects)),
      });
      this.#nodes.push(node);
    }
    this.#ground = new Ground({
      slotsPerDatabase: Math.max(1, Math.round(options.groups / 4)),
      series: 1 + chance.below(3),
      fromMs: Math.floor(kernel.wallStartMs / SLOT_MS) * SLOT_MS,
    });
    const shared = {
      ...{kernel, nodes: this.#nodes, ground: this.#ground, coverage: this.#coverage},
      fail: (law: string, message: string) => this.#laws.fail(law, 0, message),
    };
    this.#clients = new Clients({
      ...shared,
      chance: chanceOf(seed, 'clients'),
      clients: 2 + chance.below(6),
      thinkMs: chance.pick([500, 1_500, 5_000]),
      staleOdds: readsStale(options) ? 0.4 : 0,
    });
    this.#drops = new Drops({...shared, seed, clients: this.#clients});
    this.#elections = new Elections({...shared, chance: chanceOf(seed, 'elections')});
    this.#operator = new Operator({
      ...shared,
      chance: chanceOf(seed, 'operator'),
      changeMs: chance.pick([2_000, 5_000, 20_000]),
      slotMs: chance.pick([20_000, 60_000, 300_000]),
      outageMs: chance.pick([30_000, 120_000, 1e9]),
      repairAfterMs: REPAIR_AFTER_MS,
      start: (node) => this.#start(node),
    });
    this.#orders = new Orders({
      ...{...shared, options, operator: this.#operator, databases: this.#ground.databases},
      replicasMin: this.#replicasMin,
    });
    this.#damages = this.#makeDamages();
    const strikes = {seed, only, without, intensity: chance.pick([0.3, 1, 1, 2.5])};
    this.#nemesis = new Nemesis(kernel, this.#world(), this.#coverage, strikes);
  }

  #enginePorts(of: SimNode, effects: Effects): EnginePorts {
    const {seed} = this.#options;
    return {
      network: this.#network,
      chance: streams((thread) => {
        const name = `engine ${of.id}.${of.starts}`;
        return chanceOf(seed, thread === 0 ? name : `${name}.${thread}`);
      }),
      state: this.#states[of.id - 1]!,
      log: this.#logOf(of),
      failover: this.#laws.failover,
      onMachine: (...opened) => {
        this.#orders.watch(...opened);
        effects.watch(...opened);
      },
      onDestroyed: (replica) => {
        this.#coverage.count('members:destroyed');
        this.#laws.destroyed(replica);
      },
      onFailure: (reason) => this.#failed(of, reason),
      repairAfterMs: REPAIR_AFTER_MS,
    };
  }

  #drawPlace(): {disks: Disks; stores: number; threads: number} {
    const disks = disksOf(this.#options);
    const threads = threadsOf(this.#options);
    const stores = Math.max(threads, storesOf(this.#options));
    this.#coverage.count(`disks:${disks}`);
    this.#coverage.count(`stores:${stores} on each node`);
    this.#coverage.count(`threads:at most ${threads}`);
    return {disks, stores, threads};
  }

  #observer(node: NodeId): GroupObserver {
    return observerOf(node, {
      ...{kernel: this.#kernel, laws: this.#laws, coverage: this.#coverage},
      isImage: (of) => this.#nodes[of - 1]!.isImage,
    });
  }

  #makeDamages(): Damages {
    return new Damages({
      ...{kernel: this.#kernel, nodes: this.#nodes, coverage: this.#coverage},
      isCalm: () => this.#operator.isCalm && isSettled(newestCatalog(this.#nodes)!),
      hold: (untilMs) => {
        this.#operator.heldUntilMs = untilMs;
      },
      isRemembered: (node, by) => isRemembered(node, this.#states[by.id - 1]!),
      stakes: (node) => stakesOf(node, this.#nodes, newestCatalog(this.#nodes)!),
      end: (node, how) => node.end(how),
    });
  }

  get #replicasMin(): number {
    return this.#isDamaging ? 3 : 1;
  }

  async run(): Promise<SimulationResult> {
    const took = await measured(() => this.#run());
    this.#countOperations();
    return resultOf(
      {
        ...{seed: this.#options.seed, kernel: this.#kernel, laws: this.#laws},
        ...{coverage: this.#coverage, clients: this.#clients, nemesis: this.#nemesis},
      },
      took,
    );
  }

  async #run(): Promise<void> {
    const kernel = this.#kernel;
    const waiting = this.#waiting;
    await this.#found();
    if (!waiting.isBroken) {
      this.#clients.start();
      this.#operator.start();
      this.#elections.start();
      this.#drops.start();
      this.#orders.start();
      kernel.after(5_000, () => this.#nemesis.start());
      await kernel.run(() => kernel.steps >= this.#options.steps || waiting.isBroken);
    }
    if (!waiting.isBroken) await this.#examine();
  }

  #found(): Promise<void> {
    return found({
      ...{kernel: this.#kernel, nodes: this.#nodes, states: this.#states, laws: this.#laws},
      ...{chance: this.#chance, waiting: this.#waiting, drops: this.#drops, ground: this.#ground},
      groups: this.#options.groups,
      replicasMin: this.#replicasMin,
    });
  }

  #examine(): Promise<void> {
    const examination = new Examination({
      ...{kernel: this.#kernel, nodes: this.#nodes, network: this.#network, laws: this.#laws},
      ...{coverage: this.#coverage, chance: this.#chance, waiting: this.#waiting},
      ...{ground: this.#ground, clients: this.#clients, operator: this.#operator},
      ...{elections: this.#elections, drops: this.#drops, nemesis: this.#nemesis},
      ...{orders: this.#orders},
      start: (node) => this.#start(node),
    });
    return examination.run();
  }

  #world(): World {
    return {
      nodes: this.#nodes,
      network: this.#network,
      end: (node, how) => node.end(how),
      start: (node) => this.#start(node),
      damages: this.#damages,
      count: (what) => this.#coverage.count(what),
    };
  }

  #start(node: SimNode): void {
    if (node.isUp || this.#operator.isAway(node)) return;
    this.#damages.starting(node, () => {
      const catalog = newestCatalog(this.#nodes);
      return catalog !== undefined && isSpared(node.id, catalog);
    });
    node.start().catch((error: unknown) => {
      this.#laws.fail('no crashes', 0, `node ${node.id} cannot start: ${String(error)}`);
    });
  }

  /** How often a node was started is in its data directory too. */
  #imageBeside(node: SimNode): () => void {
    const {bootEpoch} = node;
    const state = this.#states[node.id - 1]!.image();
    return () => {
      node.bootEpoch = bootEpoch;
      state();
    };
  }

  #failed(node: SimNode, reason: string): void {
    this.#damages.failed(node);
    this.#coverage.count(`ends:${reason.replace(/\d+/g, 'n').slice(0, 60)}`);
    node.end('kill');
    this.#kernel.after(500, () => this.#start(node));
  }

  /** What a person would be called for is a violation, unless a broken disk explains it. */
  #logOf(node: SimNode): Log {
    const note = (level: string, fields: object, message: string): void => {
      this.#coverage.count(`logs of nodes:${level} ${message.replace(/\d+/g, 'n')}`);
      const text = (): string => `${level}: ${message} ${JSON.stringify(fields)}`;
      this.#kernel.note(node.id, 0, text);
    };
    return {
      info: (fields, message) => note('info', fields, message),
      warn: (fields, message) => note('warn', fields, message),
      error: (fields, message) => {
        note('error', fields, message);
        const cause = fields['err'] ?? fields['error'];
        if (cause instanceof DbError || cause instanceof FatalError) return;
        this.#laws.fail('no crashes', 0, `node ${node.id}: ${message}: ${String(cause)}`);
      },
    };
  }

  #countOperations(): void {
    for (const {kind, state, startedBy} of newestCatalog(this.#nodes)?.operations() ?? []) {
      const by = startedBy === 'operator' ? 'ordered' : 'by itself';
      this.#coverage.count(`operations:${kind} ${by} ${state}`);
    }
  }
}

/** One for each number, made when it is first asked for. */
function streams(make: (at: number) => Chance): (at: number) => Chance {
  const made = new Map<number, Chance>();
  return (at) => {
    const chance = made.get(at) ?? make(at);
    made.set(at, chance);
    return chance;
  };
}
