// One seed, one cluster of five nodes of which three are lost for good in the middle of writes, moves and new
// buckets. What is left goes on by the product's own code: `recover meta` over the survivors' disks, then the
// plan and its application, during which survivors die. In half of the seeds the survivors hold no member of
// the meta group and an old copy of the catalog, which is brought up to what their stores tell.
//
// Laws: where a majority of a set's voters is left, every acknowledged row is there afterwards; of another
// set, all that the replica had applied which goes on; no replica id ever lives on two nodes, nor is one
// given out again; nodes that were lost have no place and are let in no more; writes are taken again. From
// the recovery on those laws of every run hold anew that need no memory: what was lost is no history.

import {DbError, type Log, META_SET, type NodeId, type ReplicaId} from '@flotilla/base';
import {type Catalog, type CatalogUpdate, metaReplicasWanted} from '@flotilla/catalog';
import type {GroupObserver} from '@flotilla/multiraft';
import {ReplicaMachine} from '@flotilla/replica';
import {carryOutMetaRecovery, planMetaRecovery, type Recovery} from '@flotilla/server/engine-parts';
import {Coverage} from '../checks/coverage.ts';
import {Laws} from '../checks/laws.ts';
import {observerOf} from '../checks/observation.ts';
import {type Chance, chanceOf} from '../kernel/chance.ts';
import {Kernel} from '../kernel/kernel.ts';
import {Trace} from '../kernel/trace.ts';
import {NETWORK} from '../simulation.ts';
import {Network} from '../world/network.ts';
import {SimNode} from '../world/node.ts';
import {engineOf} from './clients.ts';
import {Effects} from './effects.ts';
import {Engine} from './engine.ts';
import {NodeState} from './node-state.ts';
import {batchOf, find, type Register, SLOT_MS, TENANT} from './registers.ts';
import {leaderOf, newestCatalog} from './rest.ts';
import {rowAt} from './row-read.ts';
import {StoppedSim} from './stopped-sim.ts';

const NODES = 5;
const LOST = 3;
const STORES = 2;
const DEADLINE_MS = 4_000;
const LOOK_MS = 250;
const WAIT_MS_MAX = 180_000;
/** A process that dies answers nothing. */
const SILENCE_MS = 30_000;
const WRITES = 60;
const SLOTS = 3;

interface Row {
  readonly register: Register;
  readonly value: number;
}

type Plan = Awaited<ReturnType<Recovery['plan']>>;

/** What needs no knowledge of the time before: acknowledgements of then are unknown to laws that begin anew. */
const LAWS_AFTER = [
  'election safety',
  'log matching',
  'state machine safety',
  'monotony',
  'no zombies',
  'at most once',
  'equal states',
];

export class LostMajority {
  readonly #seed: number;
  readonly #chance: Chance;
  readonly #kernel = new Kernel(new Trace(false));
  readonly #network: Network;
  readonly #states: NodeState[] = [];
  readonly #nodes: SimNode[] = [];
  readonly #violations: string[] = [];
  /** Of this time: before the loss, and after the recovery. */
  #laws: Laws;
  readonly #coverage = new Coverage();
  readonly #homes = new Map<ReplicaId, NodeId>();
  readonly #acknowledged: Row[] = [];
  #effects: Effects;
  #lost: readonly SimNode[] = [];
  #left: readonly SimNode[] = [];
  #old: CatalogUpdate | undefined;
  #catalogAtLoss: Catalog | undefined;
  #planned: Plan['sets'] = [];
  /** What came from the stores, in words. */
  rebuilt: readonly string[] = [];
  /** Sets that had lost their majority. */
  recovered = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#chance = chanceOf(seed, 'lost majority');
    this.#network = new Network(this.#kernel, chanceOf(seed, 'network'), NETWORK.local);
    this.#laws = this.#newLaws();
    this.#effects = new Effects(this.#laws, this.#coverage);
    for (let id = 1; id <= NODES; id++) {
      this.#states.push(new NodeState());
      this.#nodes.push(this.#makeNode(id as NodeId));
    }
  }

  get violations(): readonly string[] {
    const isAfter = this.#left.length > 0;
    const broken = this.#laws.violations.filter(({law}) => !isAfter || LAWS_AFTER.includes(law));
    const said = broken.map(({law, set, message}) => `${law} of ${set}: ${message}`);
    return [...this.#violations, ...said];
  }

  async run(): Promise<void> {
    await this.#found();
    await this.#live();
    this.#lose();
    const before = this.#expected();
    await this.#recoverMeta();
    const held = await this.#restart();
    await this.#recoverSets();
    await this.#until('each set is led', async () => this.#unled().length === 0);
    if (this.violations.length > 0) return;
    await this.#compare(before, held);
    await this.#until('all catalogs are current', async () => {
      const engines = this.#left.map(engineOf);
      if (engines.includes(undefined)) return false;
      for (const engine of engines as Engine[])
        await engine.parts!.copy.refresh(engine.nowMs + DEADLINE_MS);
      return true;
    });
    this.#expelled();
    await this.#goesOn();
  }

  #newLaws(): Laws {
    return new Laws(() => this.#kernel.nowMs);
  }

  #makeNode(id: NodeId): SimNode {
    const kernel = this.#kernel;
    return new SimNode(id, {
      ...{kernel, network: this.#network, stores: STORES, threads: 1, driftMax: 0},
      ...{coverage: this.#coverage, threadChance: chanceOf(this.#seed, `threads of ${id}`)},
      fail: (law, message) => this.#fail(`${law}: ${message}`),
      timing: 'local',
      limits: this.#chance.pick([{}, {groupLogBytesMax: 4_000, segmentBytes: 32 * 1024}]),
      disks: this.#chance.pick(['plain', 'durable'] as const),
      onDurableWrite: () => undefined,
      chance: chanceOf(this.#seed, `node ${id}`),
      observer: (on) => this.#observer(on),
      locate: () => undefined,
      catalog: () => newestCatalog(this.#nodes)!,
      knownTo: (by, of) => engineOf(this.#nodes[by - 1]!)?.knownOf(of),
      onApplied: () => () => undefined,
      onFailure: (failed, reason) => this.#fail(`node ${failed.id} fails: ${reason}`),
      program: (of, running) => {
        const chance = chanceOf(this.#seed, `engine ${id}.${of.starts}`);
        return new Engine(of, running, {
          network: this.#network,
          chance: () => chance,
          state: this.#states[id - 1]!,
          log: this.#log,
          failover: this.#laws.failover,
          onMachine: (...opened) => this.#effects.watch(...opened),
          onDestroyed: (replica) => this.#laws.destroyed(replica),
          onFailure: (reason) => this.#fail(`node ${id} fails: ${reason}`),
          repairAfterMs: 1e9,
        });
      },
    });
  }

  /** Also over the loss: an id is one replica on one node, for ever. */
  #observer(on: NodeId): GroupObserver {
    const observer = observerOf(on, {
      ...{kernel: this.#kernel, laws: this.#laws, coverage: this.#coverage},
      isImage: () => false,
    });
    return {
      ...observer,
      opened: (group) => {
        const home = this.#homes.get(group.replica as ReplicaId) ?? on;
        this.#homes.set(group.replica as ReplicaId, home);
        if (home !== on) this.#fail(`replica ${group.replica} lives on nodes ${home} and ${on}`);
        observer.opened(group);
      },
    };
  }

  readonly #log: Log = {
    info: () => undefined,
    warn: () => undefined,
    error: (fields, message) => {
      const cause = fields['err'] ?? fields['error'];
      if (!(cause instanceof DbError)) this.#fail(`${message}: ${String(cause)}`);
    },
  };

  #fail(message: string): void {
    this.#violations.push(message);
  }

  async #found(): Promise<void> {
    const [first, ...others] = this.#nodes;
    await this.#ends('node 1 starts', first!.start());
    await this.#ends('the cluster is founded', engineOf(first!)!.found());
    for (const node of others) {
      await this.#ends(`node ${node.id} joins`, this.#join(node));
      await this.#ends(`node ${node.id} starts`, node.start());
    }
    const options = {replicas: 3, shards: 2, bucketDurationMs: SLOT_MS, precision: 'ms' as const};
    const command = {type: 'create-database', name: 'd1', ifNotExists: true, options} as const;
    const {meta} = engineOf(first!)!.parts!;
    const deadlineMs = engineOf(first!)!.nowMs + WAIT_MS_MAX;
    await this.#ends('a database', meta.propose({...command, ...TENANT}, {deadlineMs}));
    await this.#until('the meta group has five voters', async () => {
      const catalog = newestCatalog(this.#nodes);
      const voters = catalog?.metaSet()?.replicas.filter(({role}) => role === 'voter') ?? [];
      return voters.length === NODES && metaReplicasWanted(catalog!) === NODES;
    });
  }

  async #join({id}: SimNode): Promise<void> {
    const engine = engineOf(this.#nodes[0]!)!;
    const {meta, copy} = engine.parts!;
    const node = {address: `n${id}`, engineThreads: 1, version: '1', incarnation: `i${id}`};
    const {wallStartMs: atMs} = this.#kernel;
    await meta.propose({type: 'register-node', node, atMs}, {deadlineMs: engine.nowMs + 30_000});
    await copy.refresh(engine.nowMs + 30_000);
    const state = this.#states[id - 1]!;
    state.catalog = copy.catalog.snapshot();
    state.isMember = true;
  }

  /** Rows in buckets that are made as they come, while replicas are moved; the end cuts into it. */
  async #live(): Promise<void> {
    const oldFrom = this.#chance.below(WRITES);
    for (let i = 0; i < WRITES; i++) {
      const written = this.#write(i);
      // The last ones are on their way when the nodes are lost.
      if (i < WRITES - 3) await this.#ends(`write ${i}`, written);
      if (i % 10 === 4) this.#moveOne();
      const isKnown = newestCatalog(this.#nodes)?.tableCount(this.#database) ?? 0;
      if (i >= oldFrom && isKnown > 0) this.#old ??= newestCatalog(this.#nodes)!.snapshot();
    }
    await this.#kernel.run(() => false, this.#kernel.nowMs + this.#chance.wait(200));
  }

  get #database() {
    const catalog = newestCatalog(this.#nodes)!;
    return catalog.databaseByName(catalog.tenantByName(TENANT.tenant)!.id, 'd1')!.id;
  }

  async #write(i: number): Promise<void> {
    const fromMs = Math.floor(this.#kernel.wallStartMs / SLOT_MS) * SLOT_MS;
    const slotMs = fromMs + Math.floor((i * SLOTS) / WRITES) * SLOT_MS;
    const register = {database: 'd1', table: 't0', slotMs, series: i};
    const value = i + 0.5;
    try {
      const engine = this.#someEngine(this.#nodes);
      await engine.parts!.copy.refresh(engine.nowMs + DEADLINE_MS);
      const {writtenRows} = await engine.parts!.router.write({
        database: this.#database,
        batch: batchOf([{register, value}]),
        ...{deadlineMs: engine.nowMs + DEADLINE_MS, acceptPartial: true, lineText: () => ''},
      });
      if (writtenRows === 1) this.#acknowledged.push({register, value});
    } catch (error) {
      if (!(error instanceof DbError)) throw error;
    }
  }

  #moveOne(): void {
    const catalog = newestCatalog(this.#nodes)!;
    const sets = [...catalog.replicaSets()].filter(({state}) => state === 'open');
    if (sets.length === 0) return;
    const {id, replicas} = this.#chance.pick(sets);
    const source = this.#chance.pick(replicas).replica;
    const free = this.#nodes.filter((node) => !replicas.some((one) => one.node === node.id));
    const engine = engineOf(this.#nodes[0]!)!;
    const atMs = this.#kernel.wallStartMs;
    const subject = {replicaSet: id, source, targetNode: this.#chance.pick(free).id};
    const command = {type: 'create-operation', kind: 'move-replica', ...subject} as const;
    const deadlineMs = engine.nowMs + DEADLINE_MS;
    engine
      .parts!.meta.propose({...command, startedBy: 'simulation', atMs}, {deadlineMs})
      .catch((error: unknown) => {
        if (!(error instanceof DbError)) throw error;
      });
  }

  #lose(): void {
    const order = [...this.#nodes];
    const lost: SimNode[] = [];
    while (lost.length < LOST) lost.push(...order.splice(this.#chance.below(order.length), 1));
    this.#violations.push(...this.violations.slice(this.#violations.length));
    this.#catalogAtLoss = newestCatalog(this.#nodes);
    for (const node of lost) node.end('power');
    for (const node of order) node.end(this.#chance.pick(['kill', 'power'] as const));
    this.#lost = lost;
    this.#left = order;
    this.#laws = this.#newLaws();
    this.#effects = new Effects(this.#laws, this.#coverage);
  }

  /** Acknowledged, in sets of which a majority of the voters is left. */
  #expected(): Row[] {
    const catalog = this.#catalogAtLoss!;
    const left = new Set(this.#left.map(({id}) => id));
    return this.#acknowledged.filter(({register}) => {
      const found = find(catalog, register);
      const set = found && catalog.replicaSet(found.set);
      // While members change the catalog does not know for sure who they are.
      if (set === undefined || catalog.operationOf(set.id) !== undefined) return false;
      const voters = set.replicas.filter(({role}) => role === 'voter');
      return 2 * voters.filter(({node}) => left.has(node)).length > voters.length;
    });
  }

  /** By the product's code, over the disks of nodes that do not run. */
  async #recoverMeta(): Promise<void> {
    const isOld = this.#seed % 2 === 1 && this.#old !== undefined;
    const ports = {kernel: this.#kernel, random: this.#chance, log: this.#log};
    const work = async (): Promise<void> => {
      const nodes: StoppedSim[] = [];
      for (const node of this.#left) {
        const stopped = await StoppedSim.open(node, this.#states[node.id - 1]!, ports);
        if (isOld) await stopped.forgetMeta(this.#old!);
        nodes.push(stopped);
      }
      const evidence = await Promise.all(nodes.map((node) => node.evidence()));
      const given = {nodes, evidence, surviving: []};
      const plan = await planMetaRecovery(given, this.#kernel.wallStartMs);
      this.rebuilt = plan.next.rebuilt.found;
      await carryOutMetaRecovery(plan, nodes);
      for (const node of nodes) await node.close();
    };
    await this.#ends('the meta group is recovered', work());
  }

  /** Before anything is recovered: what the survivors' replicas have applied, by row, where that is known. */
  async #restart(): Promise<Map<string, readonly Row[]>> {
    for (const node of this.#left) await this.#ends(`node ${node.id} starts`, node.start());
    await this.#until('the meta group is led', async () => {
      const engine = this.#someEngine();
      await engine.parts!.copy.refresh(engine.nowMs + DEADLINE_MS);
      return this.#left.every((node) => engineOf(node)!.catalog!.cluster !== undefined);
    });
    const held = new Map<string, readonly Row[]>();
    for (const node of this.#left) {
      const {host, copy} = engineOf(node)!.parts!;
      for (const {set, replica} of host.statuses()) {
        const machine = host.stateMachine(set);
        if (!(machine instanceof ReplicaMachine)) continue;
        const rows: Row[] = [];
        for (const row of this.#acknowledged) {
          const found = find(copy.catalog, row.register);
          if (found?.set !== set) continue;
          const reading = rowAt(machine, found.address);
          await this.#ends('a row is read', reading);
          if ((await reading) === row.value) rows.push(row);
        }
        held.set(`${set}/${replica}`, rows);
      }
    }
    return held;
  }

  /** With survivors that die on the way; the same plan is applied until all of it is done. */
  async #recoverSets(): Promise<void> {
    let plan: Plan | undefined;
    const gone = new Set<NodeId>(this.#lost.map(({id}) => id));
    await this.#until('a plan is made, by a node that is connected', async () => {
      plan = await this.#someEngine().recovery().plan();
      return plan.metaLeader !== undefined && plan.lost.every(({node}) => gone.has(node));
    });
    if (this.violations.length > 0) return;
    const {cluster, lost, sets} = plan!;
    const ordered = sets.flatMap(({set, epoch, action, node, replica, lastIndex}) =>
      action === 'none' ? [] : [{set, epoch, node, replica, lastIndex}],
    );
    this.#planned = sets;
    this.recovered = ordered.length;
    const order = {cluster, lost: lost.map(({node}) => node), sets: ordered};
    let deaths = this.#chance.below(3);
    await this.#until('the plan is applied', async () => {
      if (deaths-- > 0) this.#dies(this.#chance.pick(this.#left));
      const engine = this.#someEngine();
      await engine.parts!.copy.refresh(engine.nowMs + DEADLINE_MS);
      await engine.recovery().apply(order);
      return true;
    });
  }

  #dies(node: SimNode): void {
    this.#kernel.after(this.#chance.wait(20), () => {
      node.end(this.#chance.pick(['kill', 'power'] as const));
      this.#kernel.after(500, () => {
        node.start().catch((error: unknown) => this.#fail(`node ${node.id}: ${String(error)}`));
      });
    });
  }

  #unled(): number[] {
    const catalog = newestCatalog(this.#left);
    if (catalog === undefined) return [META_SET];
    const open = [...catalog.replicaSets()].filter(({state}) => state !== 'dropping');
    return open.filter(({id}) => leaderOf(this.#left, id) === undefined).map(({id}) => id);
  }

  async #compare(before: readonly Row[], held: ReadonlyMap<string, readonly Row[]>): Promise<void> {
    const taken = this.#planned.flatMap(({set, replica}) => held.get(`${set}/${replica}`) ?? []);
    for (const {register, value} of [...before, ...taken]) {
      let last: unknown = 'nothing';
      await this.#until(`row ${value} is read`, async () => {
        const engine = this.#someEngine();
        await engine.parts!.copy.refresh(engine.nowMs + DEADLINE_MS);
        const found = find(engine.catalog!, register);
        last = found && (await engine.readRow(found.set, found.address, undefined)).value;
        return true;
      });
      if (last !== value) this.#fail(`row ${value} came back as ${String(last)}`);
    }
  }

  #expelled(): void {
    for (const node of this.#left) {
      const {catalog} = engineOf(node)!;
      for (const {id} of this.#lost)
        if (catalog!.node(id)?.state !== 'decommissioned')
          this.#fail(`node ${node.id} would let lost node ${id} in`);
    }
    for (const {set: id} of this.#left.flatMap(({host}) => [...(host?.statuses() ?? [])])) {
      const leader = leaderOf(this.#left, id);
      const members = leader?.configuration.voters ?? [];
      const here = members.filter((one) => this.#isLeft(one as ReplicaId));
      if (leader !== undefined && 2 * here.length <= members.length)
        this.#fail(`set ${id} counts replicas of lost nodes: ${members.join(', ')}`);
    }
  }

  #isLeft(replica: ReplicaId): boolean {
    const home = this.#homes.get(replica);
    return this.#left.some(({id}) => id === home);
  }

  /** New rows, in new buckets too: whatever is given an id now had none before. */
  async #goesOn(): Promise<void> {
    const known = new Set(this.#homes.keys());
    const count = this.#acknowledged.length;
    await this.#until('writes are taken again', async () => {
      for (const i of [1, WRITES + 20]) await this.#write(i);
      return this.#acknowledged.length >= count + 2;
    });
    for (const [replica, home] of this.#homes)
      if (!known.has(replica) && this.#lost.some(({id}) => id === home))
        this.#fail(`replica ${replica} was made on lost node ${home}`);
  }

  #someEngine(nodes = this.#left): Engine {
    const up = nodes.map(engineOf).filter((engine) => engine !== undefined);
    if (up.length === 0) throw new DbError('UNAVAILABLE', 'no node is up');
    return this.#chance.pick(up);
  }

  /** Refusals are asked again. */
  async #until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const untilMs = this.#kernel.nowMs + WAIT_MS_MAX;
    let refusal = '';
    while (this.violations.length === 0) {
      let isOver = false;
      const asked = isSo().catch((error: unknown) => {
        if (!(error instanceof DbError)) throw error;
        refusal = `: ${error.message}`;
        return false;
      });
      const answer = asked.then((so) => {
        isOver = so;
      });
      await this.#ends(what, answer);
      if (isOver) return;
      if (this.#kernel.nowMs >= untilMs) {
        this.#fail(`never: ${what}${refusal}`);
        return;
      }
      await this.#kernel.run(() => false, this.#kernel.nowMs + LOOK_MS);
    }
  }

  /** Ended, or never answered. */
  async #ends(what: string, work: Promise<unknown>): Promise<void> {
    let isOver = false;
    work.then(
      () => {
        isOver = true;
      },
      (error: unknown) => {
        isOver = true;
        this.#fail(`${what}: ${String(error)}`);
      },
    );
    await this.#kernel.run(() => isOver, this.#kernel.nowMs + SILENCE_MS);
  }
}
