// One seed, one cluster of five nodes of which three are lost in the middle of writes, moves and new buckets; in a
// third of the seeds two, and the meta group keeps its majority. What is left goes on by the product's own code:
// `recover meta` over the survivors' disks, then the plan and its application, during which survivors die. In half
// of the seeds the survivors hold no member of the meta group and an old copy of the catalog, which is brought up to
// what their stores tell; in some one of them is only reported, and comes back as the member that it was. The lost
// ones come back too (returns.ts), before, during and after all this.
//
// Laws: where a majority of a set's voters is left, every acknowledged row is there afterwards; of another
// set, all that the replica had applied which goes on; no replica id ever lives on two nodes, nor is one
// given out again; nodes that were lost have no place and are let in no more, and end once they are told (in a
// quarter of the seeds the doors stay open: their replicas are strangers by their ids alone); writes
// are taken again, and none of these is lost; all comes to rest without a replica too many. From
// the recovery on those laws of every run hold anew that need no memory: what was lost is no history. What lost nodes
// do among themselves is none either.

import {DbError, type Log, type NodeId, type ReplicaId} from '@flotilla/base';
import type {Catalog, CatalogUpdate} from '@flotilla/catalog';
import type {GroupObserver} from '@flotilla/multiraft';
import {Coverage} from '../checks/coverage.ts';
import {Laws, MEMORYLESS_LAWS} from '../checks/laws.ts';
import {observerOf} from '../checks/observation.ts';
import {type Chance, chanceOf} from '../kernel/chance.ts';
import {Kernel} from '../kernel/kernel.ts';
import {Trace} from '../kernel/trace.ts';
import {NETWORK} from '../simulation.ts';
import {Network} from '../world/network.ts';
import {SimNode} from '../world/node.ts';
import {engineOf, othersKnownTo} from './clients.ts';
import {Effects} from './effects.ts';
import {Engine} from './engine.ts';
import {heldRows, type Row} from './held-rows.ts';
import {foundWithMembers} from './lost-founding.ts';
import {recoverMeta} from './meta-recovered.ts';
import {NodeState} from './node-state.ts';
import {Patience} from './patience.ts';
import {batchOf, find, SLOT_MS, TENANT} from './registers.ts';
import {leaderOf, newestCatalog, unledSets, unrestOf} from './rest.ts';
import {Returns} from './returns.ts';
import {type PlannedSets, SetsRecovery} from './sets-recovered.ts';

const NODES = 5;
/** A majority of the meta group; one less keeps it. */
const LOST_MAX = 3;
const STORES = 2;
const DEADLINE_MS = 4_000;
/** Of one plan that was applied, until all sets are led; then another is made. */
const LED_MS_MAX = 30_000;
const PLANS_MAX = 10;
const STEPS_DOWN_MS = 2_000;
const WRITES = 60;
const SLOTS = 3;
/** While lost nodes come back, one a second. */
const LATER_WRITES = 30;

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
  /** Of nodes that were lost, from then on. */
  readonly #lostLaws: Laws;
  readonly #coverage = new Coverage();
  readonly #patience: Patience;
  readonly #homes = new Map<ReplicaId, NodeId>();
  readonly #acknowledged: Row[] = [];
  #effects: Effects;
  readonly #lostEffects: Effects;
  readonly #keepsMeta: boolean;
  /** One of two survivors is not there when the meta group is recovered, but for what was reported of it. */
  readonly #isReported: boolean;
  #returns: Returns | undefined;
  #lostAtFirst: readonly SimNode[] = [];
  /** Those of them that have not come back before they were declared lost. */
  #lost: readonly SimNode[] = [];
  #left: readonly SimNode[] = [];
  #old: CatalogUpdate | undefined;
  #catalogAtLoss: Catalog | undefined;
  #planned: PlannedSets = [];
  /** What came from the stores, in words. */
  rebuilt: readonly string[] = [];
  /** Sets that had lost their majority. */
  recovered = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#chance = chanceOf(seed, 'lost majority');
    this.#keepsMeta = seed % 3 === 0;
    this.#isReported = !this.#keepsMeta && chanceOf(seed, 'reported').odds(0.4);
    const network = chanceOf(seed, 'network');
    const isShut = chanceOf(seed, 'doors').odds(0.75);
    this.#network = new Network(this.#kernel, network, NETWORK.local, (by, other) => {
      if (!isShut) return false;
      const catalog = engineOf(this.#nodes[by - 1]!)?.catalog;
      return catalog?.node(other)?.state === 'decommissioned';
    });
    this.#patience = new Patience({
      kernel: this.#kernel,
      fail: (message) => this.#fail(message),
      isBroken: () => this.violations.length > 0,
    });
    this.#laws = this.#newLaws();
    this.#effects = new Effects(this.#laws, this.#coverage);
    this.#lostLaws = this.#newLaws();
    this.#lostEffects = new Effects(this.#lostLaws, this.#coverage);
    for (let id = 1; id <= NODES; id++) {
      this.#states.push(new NodeState());
      this.#nodes.push(this.#makeNode(id as NodeId));
    }
  }

  get violations(): readonly string[] {
    const isAfter = this.#left.length > 0;
    const broken = this.#laws.violations.filter(
      ({law}) => !isAfter || MEMORYLESS_LAWS.includes(law),
    );
    const said = broken.map(({law, set, message}) => `${law} of ${set}: ${message}`);
    return [...this.#violations, ...said];
  }

  async run(): Promise<void> {
    await foundWithMembers({
      ...{kernel: this.#kernel, nodes: this.#nodes, states: this.#states},
      patience: this.#patience,
    });
    await this.#live();
    this.#lose();
    const before = this.#expected();
    if (!this.#keepsMeta) await this.#recoverMeta();
    this.#returns!.begin();
    const held = await this.#restart();
    await this.#recoverSets();
    if (this.violations.length > 0) return;
    await this.#refresh();
    await this.#settle();
    await this.#compare(this.#expectedOf(before, held));
    this.#expelled();
    const since = this.#acknowledged.length;
    await this.#goesOn();
    this.#returns!.end();
    await this.#patience.until('lost nodes have been told, and ended', async () =>
      this.#lost.every(({isUp}) => !isUp),
    );
    const after = this.#acknowledged.slice(since);
    await this.#compare([...this.#expectedOf(before, held), ...after]);
    await this.#rests();
  }

  get returns(): Returns['counts'] {
    return this.#returns!.counts;
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
      catalog: () => newestCatalog(this.#present)!,
      others: othersKnownTo,
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
          failover: this.#lawsOf(id).failover,
          onMachine: (...opened) => this.#effectsOf(id).watch(...opened),
          onDestroyed: (replica) => this.#lawsOf(id).destroyed(replica),
          onFailure: (reason) => this.#fail(`node ${id} fails: ${reason}`),
          repairAfterMs: 1e9,
        });
      },
    });
  }

  #isLost(id: NodeId): boolean {
    return this.#lostAtFirst.some((node) => node.id === id);
  }

  #lawsOf(id: NodeId): Laws {
    return this.#isLost(id) ? this.#lostLaws : this.#laws;
  }

  #effectsOf(id: NodeId): Effects {
    return this.#isLost(id) ? this.#lostEffects : this.#effects;
  }

  /** Of what goes on. */
  get #present(): readonly SimNode[] {
    return this.#left.length > 0 ? this.#left : this.#nodes;
  }

  /** Also over the loss: an id is one replica on one node, for ever. */
  #observer(on: NodeId): GroupObserver {
    const observer = observerOf(on, {
      ...{kernel: this.#kernel, laws: this.#lawsOf(on), coverage: this.#coverage},
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

  /** Rows in buckets that are made as they come, while replicas are moved; the end cuts into it. */
  async #live(): Promise<void> {
    const oldFrom = this.#chance.below(WRITES);
    for (let i = 0; i < WRITES; i++) {
      const written = this.#write(i);
      // The last ones are on their way when the nodes are lost.
      if (i < WRITES - 3) await this.#patience.ends(`write ${i}`, written);
      if (i % 10 === 4) this.#moveOne();
      const isKnown = newestCatalog(this.#nodes)?.tableCount(this.#database) ?? 0;
      if (i >= oldFrom && isKnown > 0) this.#old ??= newestCatalog(this.#nodes)!.snapshot();
    }
    await this.#patience.pass(this.#chance.wait(200));
  }

  get #database() {
    const catalog = newestCatalog(this.#present)!;
    return catalog.databaseByName(catalog.tenantByName(TENANT.tenant)!.id, 'd1')!.id;
  }

  async #write(i: number): Promise<void> {
    const fromMs = Math.floor(this.#kernel.wallStartMs / SLOT_MS) * SLOT_MS;
    const slotMs = fromMs + Math.floor((i * SLOTS) / WRITES) * SLOT_MS;
    const register = {database: 'd1', table: 't0', slotMs, series: i};
    const value = i + 0.5;
    try {
      const engine = this.#someEngine();
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
    const count = this.#keepsMeta ? LOST_MAX - 1 : LOST_MAX;
    while (lost.length < count) lost.push(...order.splice(this.#chance.below(order.length), 1));
    this.#violations.push(...this.violations.slice(this.#violations.length));
    this.#catalogAtLoss = newestCatalog(this.#nodes);
    for (const node of lost) node.end('power');
    for (const node of order)
      if (!this.#keepsMeta || this.#chance.odds(0.5))
        node.end(this.#chance.pick(['kill', 'power'] as const));
    this.#lostAtFirst = lost;
    this.#lost = lost;
    this.#left = order;
    this.#laws = this.#newLaws();
    this.#effects = new Effects(this.#laws, this.#coverage);
    this.#returns = new Returns({
      ...{kernel: this.#kernel, network: this.#network, nodes: this.#nodes, states: this.#states},
      chance: chanceOf(this.#seed, 'returns'),
      lost,
      // One that is only reported is a voter of the old meta group until it is told better.
      insideMax: this.#isReported ? 1 : LOST_MAX - 1,
      fail: (message) => this.#fail(message),
    });
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

  /** Meanwhile some of the lost nodes come back: nobody runs who could tell them. */
  async #recoverMeta(): Promise<void> {
    if (this.#chance.odds(0.5)) this.#returns!.early();
    await this.#patience.pass(this.#chance.wait(3_000));
    const isOld = this.#seed % 2 === 1 && this.#old !== undefined;
    const recovered = recoverMeta({
      ...{kernel: this.#kernel, random: this.#chance, log: this.#log},
      left: this.#left.map((node) => [node, this.#states[node.id - 1]!] as const),
      old: isOld ? this.#old : undefined,
      areReported: this.#isReported,
    });
    await this.#patience.ends('the meta group is recovered', recovered);
    this.rebuilt = await recovered;
  }

  /** Before anything is recovered: what the survivors' replicas have applied, by row, where that is known. */
  async #restart(): Promise<Map<string, readonly Row[]>> {
    for (const node of this.#left)
      await this.#patience.ends(`node ${node.id} starts`, node.start());
    await this.#patience.until('the meta group is led', async () => {
      const engine = this.#someEngine();
      await engine.parts!.copy.refresh(engine.nowMs + DEADLINE_MS);
      return this.#left.every((node) => engineOf(node)!.catalog!.cluster !== undefined);
    });
    return heldRows(this.#left, this.#acknowledged, this.#patience);
  }

  /** With survivors that die on the way. */
  async #recoverSets(): Promise<void> {
    const recovery = new SetsRecovery(this.#lost.map(({id}) => id));
    let deaths = this.#chance.below(3);
    for (let plans = 0; plans < PLANS_MAX && this.violations.length === 0; plans++) {
      await this.#patience.until('a plan is made', () => recovery.plan(this.#someEngine()));
      if (recovery.isOver && unledSets(this.#left).length === 0) return;
      await this.#patience.until('the plan is applied', async () => {
        if (deaths-- > 0) this.#dies(this.#chance.pick(this.#left));
        await recovery.apply(this.#someEngine());
        return true;
      });
      this.#planned = recovery.planned;
      this.recovered = recovery.recovered;
      await this.#led();
    }
    this.#fail(`never: each set is led; ${unledSets(this.#left).join(', ')} are not`);
  }

  /** Or not within half a minute. A leader may yet find that nobody is left who follows it. */
  async #led(): Promise<void> {
    const untilMs = this.#kernel.nowMs + LED_MS_MAX;
    do await this.#patience.pass(STEPS_DOWN_MS);
    while (this.#kernel.nowMs < untilMs && unledSets(this.#left).length > 0);
  }

  #refresh(): Promise<void> {
    return this.#patience.until('all catalogs are current', async () => {
      const engines = this.#left.map(engineOf);
      if (engines.includes(undefined)) return false;
      for (const engine of engines as Engine[])
        await engine.parts!.copy.refresh(engine.nowMs + DEADLINE_MS);
      return true;
    });
  }

  /** Who came back before it was declared lost is what it was; it may have gone again. */
  async #settle(): Promise<void> {
    const catalog = newestCatalog(this.#left)!;
    this.#lost = this.#lost.filter(({id}) => catalog.node(id)?.state === 'decommissioned');
    this.#left = this.#nodes.filter((node) => !this.#lost.includes(node));
    this.#returns!.stay(this.#left);
    for (const node of this.#left)
      if (!node.isUp) await this.#patience.ends(`node ${node.id} starts`, node.start());
    await this.#refresh();
  }

  #dies(node: SimNode): void {
    this.#kernel.after(this.#chance.wait(20), () => {
      node.end(this.#chance.pick(['kill', 'power'] as const));
      this.#kernel.after(500, () => {
        node.start().catch((error: unknown) => this.#fail(`node ${node.id}: ${String(error)}`));
      });
    });
  }

  #expectedOf(before: readonly Row[], held: ReadonlyMap<string, readonly Row[]>): Row[] {
    const taken = this.#planned.flatMap(({set, replica}) => held.get(`${set}/${replica}`) ?? []);
    return [...before, ...taken];
  }

  async #compare(expected: readonly Row[]): Promise<void> {
    for (const {register, value} of expected) {
      let last: unknown = 'nothing';
      await this.#patience.until(`row ${value} is read`, async () => {
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
    await this.#patience.until('writes are taken again', async () => {
      for (const i of [1, WRITES + 20]) await this.#write(i);
      return this.#acknowledged.length >= count + 2;
    });
    for (let i = 0; i < LATER_WRITES && this.violations.length === 0; i++) {
      await this.#patience.ends('a later write', this.#write(WRITES + 30 + i));
      await this.#patience.pass(this.#chance.wait(1_000));
    }
    for (const [replica, home] of this.#homes)
      if (!known.has(replica) && this.#lost.some(({id}) => id === home))
        this.#fail(`replica ${replica} was made on lost node ${home}`);
  }

  async #rests(): Promise<void> {
    let unrest: readonly string[] = [];
    await this.#patience.until('all is at rest', async () => {
      unrest = unrestOf(this.#left, this.#kernel.wallStartMs + this.#kernel.nowMs);
      if (unrest.length > 0) throw new DbError('UNAVAILABLE', unrest.slice(0, 3).join('; '));
      return true;
    });
  }

  #someEngine(nodes = this.#present): Engine {
    const up = nodes.map(engineOf).filter((engine) => engine !== undefined);
    if (up.length === 0) throw new DbError('UNAVAILABLE', 'no node is up');
    return this.#chance.pick(up);
  }
}
