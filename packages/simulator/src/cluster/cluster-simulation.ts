// One seed, one run of the product further up: meta group, reconciler, catalog, replica machines and
// router in every node, its clients, its operator and its nemesis, then peace, rest, and the questions
// that must have the right answers. Laws and kernel are those of the other workload.

import type {ReplicaId, ReplicaSetId} from '@flotilla/base';
import {DbError, FatalError, type Log, META_SET, type NodeId} from '@flotilla/base';
import {decodeShare} from '@flotilla/column';
import type {StateMachine} from '@flotilla/multiraft';
import {decodeCommand, ReplicaMachine, type WriteApplied} from '@flotilla/replica';
import {Coverage} from '../checks/coverage.ts';
import {Laws} from '../checks/laws.ts';
import {observerOf} from '../checks/observation.ts';
import {judgeErasable} from '../erasable-register.ts';
import {Damages} from '../faults/damages.ts';
import {DAMAGES, type World} from '../faults/faults.ts';
import {kindsOf, Nemesis} from '../faults/nemesis.ts';
import {type Chance, chanceOf} from '../kernel/chance.ts';
import {Kernel} from '../kernel/kernel.ts';
import {Trace} from '../kernel/trace.ts';
import {checkRegister, type RegisterOperation} from '../linearizability.ts';
import {NETWORK, type SimulationOptions, type SimulationResult} from '../simulation.ts';
import {hashBytes} from '../workload/command.ts';
import {expected} from '../workload/expected.ts';
import {Network} from '../world/network.ts';
import {SimNode} from '../world/node.ts';
import {Clients, engineOf} from './clients.ts';
import {Drops} from './drops.ts';
import {Elections} from './elections.ts';
import {Engine} from './engine.ts';
import {Ground} from './ground.ts';
import {NodeState} from './node-state.ts';
import {Operator} from './operator.ts';
import {find, type Register, SLOT_MS} from './registers.ts';
import {newestCatalog, unrestOf} from './rest.ts';
import {rowsOf} from './row-read.ts';
import {isRemembered, isSettled, stakesOf} from './stakes.ts';

/** Peace must bring rest within so much simulated time. */
const REST_MS_MAX = 240_000;
const FOUNDING_MS_MAX = 120_000;
const REPAIR_AFTER_MS = 15_000;
const ASK_MS_MAX = 60_000;
const LAST_CLIENT = 1_000_000;
const bytesOf = new TextEncoder();

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
  readonly #nemesis: Nemesis;
  readonly #damages: Damages;
  /** Some damage may strike: each set needs a voter to spare. */
  readonly #isDamaging: boolean;
  /** By set and key: where the share took effect. */
  readonly #keys = new Map<string, number>();
  #asked = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    const {seed, only, without = []} = options;
    this.#isDamaging = kindsOf({seed, only, without}).some((kind) => DAMAGES.includes(kind));
    this.#kernel = new Kernel(new Trace(options.trace));
    const kernel = this.#kernel;
    this.#laws = new Laws(() => kernel.nowMs);
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
        ...{kernel, timing, limits, driftMax, network: this.#network},
        chance: chanceOf(seed, `node ${id}`),
        observer: (on) =>
          observerOf(on, {
            ...{kernel, laws: this.#laws, coverage: this.#coverage},
            isImage: (of) => this.#nodes[of - 1]!.isImage,
          }),
        locate: () => undefined,
        catalog: () => newestCatalog(this.#nodes)!,
        knownTo: (by, of) => engineOf(this.#nodes[by - 1]!)?.knownOf(of),
        imageBeside: (of) => this.#imageBeside(of),
        onApplied: () => () => undefined,
        onFailure: (failed, reason) => this.#failed(failed, reason),
        program: (of, running) =>
          new Engine(of, running, {
            network: this.#network,
            chance: chanceOf(seed, `engine ${of.id}.${of.starts}`),
            state: this.#states[of.id - 1]!,
            log: this.#logOf(of),
            failover: this.#laws.failover,
            onMachine: (...opened) => this.#watch(...opened),
            onDestroyed: (replica) => {
              this.#coverage.count('members:destroyed');
              this.#laws.destroyed(replica);
            },
            onFailure: (reason) => this.#failed(of, reason),
            repairAfterMs: REPAIR_AFTER_MS,
          }),
      });
      this.#nodes.push(node);
    }
    this.#ground = new Ground({
      slotsPerDatabase: Math.max(1, Math.round(options.groups / 4)),
      series: 1 + chance.below(3),
      fromMs: Math.floor(kernel.wallStartMs / SLOT_MS) * SLOT_MS,
    });
    const shared = {kernel, nodes: this.#nodes, ground: this.#ground, coverage: this.#coverage};
    this.#clients = new Clients({
      ...shared,
      chance: chanceOf(seed, 'clients'),
      clients: 2 + chance.below(6),
      thinkMs: chance.pick([500, 1_500, 5_000]),
    });
    this.#drops = new Drops({
      ...{...shared, seed, clients: this.#clients},
      fail: (law, message) => this.#laws.fail(law, 0, message),
    });
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
    const intensity = chance.pick([0.3, 1, 1, 2.5]);
    this.#damages = this.#makeDamages();
    const strikes = {seed, only, without, intensity};
    this.#nemesis = new Nemesis(kernel, this.#world(), this.#coverage, strikes);
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

  async run(): Promise<SimulationResult> {
    const {stackTraceLimit} = Error;
    // Refusals are errors by the ten thousand, and their stacks a quarter of the time of a run.
    if (this.#options.trace !== true) Error.stackTraceLimit = 0;
    try {
      return await this.#run();
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  }

  async #run(): Promise<SimulationResult> {
    const beganMs = performance.now();
    const beganCpu = process.cpuUsage();
    const kernel = this.#kernel;
    const isBroken = (): boolean => this.#laws.violations.length > 0;
    await this.#found(isBroken);
    if (!isBroken()) {
      this.#clients.start();
      this.#operator.start();
      this.#elections.start();
      this.#drops.start();
      kernel.after(5_000, () => this.#nemesis.start());
      await kernel.run(() => kernel.steps >= this.#options.steps || isBroken());
    }
    if (!isBroken()) await this.#makePeace(isBroken);
    if (!isBroken()) await this.#askEverything(isBroken);
    if (!isBroken()) await this.#compareReplicas(isBroken);
    if (!isBroken()) this.#checkHistories();
    const {user, system} = process.cpuUsage(beganCpu);
    const wallSeconds = (performance.now() - beganMs) / 1000;
    return this.#result({wallSeconds, cpuSeconds: (user + system) / 1e6});
  }

  /** The first node founds the cluster, the others are taken in one by one, databases are made. */
  async #found(isBroken: () => boolean): Promise<void> {
    const {nodes, groups} = this.#options;
    const [first, ...others] = this.#nodes;
    await this.#until('node 1 starts', first!.start(), isBroken);
    await this.#until('the cluster is founded', engineOf(first!)!.found(), isBroken);
    for (const node of others) {
      if (isBroken()) return;
      await this.#until(`node ${node.id} joins`, this.#join(node), isBroken);
      await this.#until(`node ${node.id} starts`, node.start(), isBroken);
    }
    const chance = this.#chance;
    for (let i = 1; i <= Math.min(4, Math.max(1, Math.floor(groups / 5))); i++) {
      const drawn = chance.pick([3, 3, 3, 5, 2]);
      const replicas = Math.min(nodes, this.#isDamaging ? Math.max(3, drawn) : drawn);
      const shards = 1 + chance.below(3);
      const engine = engineOf(chance.pick(this.#nodes))!;
      const made = this.#drops.databases.create(engine, `d${i}`, {replicas, shards});
      await this.#until(`database ${i}`, made, isBroken);
      this.#ground.add(`d${i}`);
    }
  }

  async #join(node: SimNode): Promise<void> {
    const engine = engineOf(this.#nodes[0]!)!;
    const {meta, copy} = engine.parts!;
    const {id} = node;
    const described = {address: `n${id}`, engineThreads: 1, version: '1'};
    const command = {
      type: 'register-node' as const,
      node: {...described, incarnation: `incarnation-${id}`},
      atMs: this.#kernel.wallStartMs,
    };
    const {node: given} = await meta.propose(command, {deadlineMs: engine.nowMs + 30_000});
    if (given !== id) this.#laws.fail('catalog', 0, `node ${id} was given the id ${given}`);
    await copy.refresh(engine.nowMs + 30_000);
    const state = this.#states[id - 1]!;
    state.catalog = copy.catalog.snapshot();
    state.isMember = true;
  }

  async #until(what: string, work: Promise<unknown>, isBroken: () => boolean): Promise<void> {
    let isOver = false;
    work.then(
      () => {
        isOver = true;
      },
      (error: unknown) => this.#laws.fail('founding', 0, `${what}: ${String(error)}`),
    );
    await this.#kernel.run(() => isOver || isBroken(), this.#kernel.nowMs + FOUNDING_MS_MAX);
    if (!isOver && !isBroken()) this.#laws.fail('founding', 0, `${what}: it does not end`);
  }

  #world(): World {
    const sim = this;
    return {
      get nodes() {
        return sim.#nodes;
      },
      network: this.#network,
      end: (node, how) => node.end(how),
      start: (node) => this.#start(node),
      stop: (node) => {
        node.stop().catch(expected);
      },
      mayDamage: (node) => this.#damages.isAllowed(node),
      restoreImage: (node) => this.#damages.restoreImage(node),
      flipBit: (node, chance) => this.#damages.flipBit(node, chance),
      rotBit: (node, chance) => this.#damages.rotBit(node, chance),
    };
  }

  #start(node: SimNode): void {
    if (node.isUp || this.#operator.isAway(node)) return;
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

  /** Each replica's answers at an index are the same, and a share has its effect at one index. */
  #watch(set: ReplicaSetId, replica: ReplicaId, machine: StateMachine): void {
    if (set === META_SET || !(machine instanceof ReplicaMachine)) return;
    const apply = machine.apply.bind(machine);
    machine.apply = (index, term, payload) => {
      const result = apply(index, term, payload);
      const digest = hashBytes(bytesOf.encode(JSON.stringify(result.value)));
      const command = decodeCommand(payload);
      if (command.type !== 'write') {
        this.#laws.applied(set, replica, {index, digest});
        return result;
      }
      const {status} = result.value as WriteApplied;
      const {router, idempotencyKey} = decodeShare(command.share);
      const write = {
        command: {...router, register: 0, value: 0, key: 0},
        result: {status: status === 'applied' ? ('applied' as const) : ('duplicate' as const)},
      };
      this.#laws.applied(set, replica, {index, digest}, write);
      if (status !== 'applied') this.#coverage.count(`writes:skipped as ${status}`);
      else if (idempotencyKey !== undefined) this.#tookEffect(set, idempotencyKey, index);
      return result;
    };
  }

  #tookEffect(set: ReplicaSetId, key: string, index: number): void {
    const name = `${set}/${key}`;
    const before = this.#keys.get(name) ?? index;
    this.#keys.set(name, before);
    if (before !== index)
      this.#laws.fail('at most once', set, `key ${key} took effect at ${before} and ${index}`);
  }

  async #makePeace(isBroken: () => boolean): Promise<void> {
    this.#nemesis.stop();
    for (const {disk} of this.#nodes) disk.mend();
    this.#clients.isStopped = true;
    this.#operator.isStopped = true;
    this.#elections.isStopped = true;
    this.#drops.stop();
    this.#operator.endOutage();
    const kernel = this.#kernel;
    const untilMs = kernel.nowMs + REST_MS_MAX;
    let lookMs = 0;
    let unrest: string[] = ['nobody looked'];
    await kernel.run(() => {
      if (kernel.nowMs < lookMs) return isBroken();
      lookMs = kernel.nowMs + 1_000;
      for (const node of this.#nodes) this.#start(node);
      this.#operator.settle();
      this.#elections.settle();
      const waiting = [...this.#clients.open.values()].map((text) => `a client waits: ${text}`);
      unrest = [...waiting, ...this.#network.unrest(), ...this.#drops.settle()];
      unrest.push(...unrestOf(this.#nodes));
      return unrest.length === 0 || isBroken();
    }, untilMs);
    for (const text of unrest) this.#laws.fail('liveness', 0, text);
  }

  /** Every open register takes a write and gives it back; what was acknowledged is there. */
  async #askEverything(isBroken: () => boolean): Promise<void> {
    const registers = this.#ground.all();
    await this.#ask(registers, 'read', isBroken);
    if (isBroken()) return;
    const few = registers.filter(() => this.#chance.odds(0.3));
    await this.#ask(few, 'write', isBroken);
    if (!isBroken()) await this.#ask(few, 'read', isBroken);
    if (!isBroken()) await this.#writeWithoutMeta(registers, isBroken);
  }

  /** Without a majority of the meta group, sets that have theirs take writes to what is there. */
  async #writeWithoutMeta(registers: readonly Register[], isBroken: () => boolean): Promise<void> {
    // Writes made buckets, and the cluster may have begun to even itself out.
    await this.#makePeace(isBroken);
    if (isBroken()) return;
    const catalog = newestCatalog(this.#nodes)!;
    const members = catalog.metaSet()!.replicas;
    const gone = members.slice(0, Math.floor(members.length / 2) + 1).map(({node}) => node);
    const isGone = (node: NodeId): boolean => gone.includes(node);
    const through = this.#nodes.filter(({id}) => !isGone(id));
    const able = registers.filter((register) => {
      const found = find(catalog, register);
      const set = found && catalog.replicaSet(found.set);
      const voters = set?.replicas.filter(({role}) => role === 'voter') ?? [];
      const left = voters.filter(({node}) => !isGone(node));
      // Nobody elects while meta is away where nobody does it by himself.
      if (set === undefined || catalog.failoverOf(set.id) === 'manual') return false;
      return 2 * left.length > voters.length;
    });
    if (able.length === 0 || through.length === 0) return;
    for (const node of this.#nodes) if (isGone(node.id)) node.end('kill');
    this.#coverage.count('writes:while meta has no majority', able.length);
    await this.#ask(able, 'write', isBroken, through);
    for (const node of this.#nodes) this.#start(node);
  }

  async #ask(
    registers: readonly Register[],
    kind: 'write' | 'read',
    isBroken: () => boolean,
    through?: readonly SimNode[],
  ): Promise<void> {
    let open = 0;
    for (const register of registers) {
      open += 1;
      this.#asked += 1;
      const client = LAST_CLIENT + this.#asked;
      const request = {client, kind, registers: [register], through};
      this.#clients.request(request, (outcome, code) => {
        open -= 1;
        if (outcome === 'ok') return;
        const set = newestCatalog(this.#nodes);
        const id = set === undefined ? 0 : (find(set, register)?.set ?? 0);
        this.#laws.fail('liveness', id, `in peace, a request ended ${outcome}: ${code}`);
      });
    }
    await this.#kernel.run(() => open === 0 || isBroken(), this.#kernel.nowMs + ASK_MS_MAX);
    if (open > 0) this.#laws.fail('liveness', 0, `in peace, ${open} requests had no answer`);
  }

  /** Row by row: what one replica of a set has, all have. */
  async #compareReplicas(isBroken: () => boolean): Promise<void> {
    await this.#makePeace(isBroken);
    const catalog = newestCatalog(this.#nodes)!;
    for (const set of catalog.replicaSets()) {
      for (const table of catalog.tables(set.database)) {
        const tag = table.columns.find(({kind}) => kind === 'tag')!.id;
        const field = table.columns.find(({kind}) => kind === 'field')!.id;
        const contents = new Map<string, number>();
        for (const {node, replica} of set.replicas) {
          const machine = this.#nodes[node - 1]!.host!.stateMachine(set.id) as ReplicaMachine;
          let rows: string[] | undefined;
          const reading = rowsOf(machine, {table: table.id, tag, field}).then((read) => {
            rows = read;
          });
          await this.#until(`rows of ${replica}`, reading, isBroken);
          this.#coverage.count('rows:compared', rows?.length ?? 0);
          contents.set(rows?.join('\n') ?? '', replica);
        }
        if (contents.size > 1) {
          const differing = [...contents.values()].join(' and ');
          this.#laws.fail('equal states', set.id, `replicas ${differing} have other rows`);
        }
      }
    }
  }

  #checkHistories(): void {
    for (const [name, whole] of this.#clients.histories) {
      const history = this.#drops.erasures.judged(name, whole);
      if (history.length < whole.length) this.#coverage.count('histories:with a drop meanwhile');
      this.#coverage.count('histories:checked');
      if (history.some(({kind, value}) => kind === 'write' && value === 0)) {
        this.#checkErasable(name, history);
        continue;
      }
      const violation = checkRegister(history);
      if (violation !== undefined)
        this.#laws.fail('linearizability', 0, `register ${name}: ${JSON.stringify(violation)}`);
    }
  }

  #checkErasable(name: string, history: readonly RegisterOperation[]): void {
    const judgement = judgeErasable(history);
    this.#coverage.count(`histories:with erasures, ${judgement}`);
    if (judgement === 'no order')
      this.#laws.fail('linearizability', 0, `register ${name}: ${JSON.stringify(history)}`);
  }

  #result(took: {wallSeconds: number; cpuSeconds: number}): SimulationResult {
    const catalog = newestCatalog(this.#nodes);
    for (const {kind, state, startedBy} of catalog?.operations() ?? []) {
      const by = startedBy === 'operator' ? 'ordered' : 'by itself';
      this.#coverage.count(`operations:${kind} ${by} ${state}`);
    }
    const {faults = {}, ...coverage} = this.#coverage.report();
    return {
      seed: this.#options.seed,
      steps: this.#kernel.steps,
      simulatedSeconds: this.#kernel.nowMs / 1000,
      ...took,
      elections: this.#laws.elections,
      committed: this.#laws.committedCount,
      operations: {...this.#clients.counts},
      faults,
      coverage,
      kinds: this.#nemesis.kinds,
      hash: this.#kernel.trace.hash,
      violations: this.#laws.violations,
      trace: this.#kernel.trace.lines,
    };
  }
}
