// A cluster of hosts in memory, on one virtual clock and from one seed. A node that crashes loses
// what its disk had not synced and what its state machines had not flushed.

import {
  assert,
  type Log,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  SeededRandom,
  type StoreId,
  type Transport,
} from '@flotilla/base';
import {EMPTY_CONFIGURATION} from '@flotilla/raft';
import {MemoryDisk, MemoryNetwork, VirtualClock} from '@flotilla/testkit';
import {NodeLiveness} from '../liveness/node-liveness.ts';
import type {
  ApplyResult,
  DurablePoint,
  Snapshot,
  StagedSnapshot,
  StateMachine,
} from '../state-machine.ts';
import {Host} from './host.ts';
import type {EntryOrders, GroupObserver, HostLimits} from './options.ts';
import type {ReplicaStatus} from './status.ts';
import {TIMINGS, type TimingPreset} from './timing.ts';

/** What a state machine keeps on its disk. */
interface Kept {
  point: DurablePoint;
  values: string[];
}

const START: DurablePoint = {index: 0, term: 0, configuration: EMPTY_CONFIGURATION};
const text = new TextDecoder();
const bytesOf = new TextEncoder();

interface ListMachineHooks {
  readonly onDestroy: () => void;
  /** It applies 'poison' as it does everything else; until then that stops it. */
  readonly isCured: () => boolean;
}

/** A list of the texts that were applied, in order. */
export class ListMachine implements StateMachine {
  values: string[];
  #point: DurablePoint;
  readonly #kept: Kept;
  readonly #disk: MemoryDisk;
  readonly #hooks: ListMachineHooks;
  closeError: Error | undefined;
  isReady = true;
  isTaking = true;
  pinned = 0;

  constructor(kept: Kept, disk: MemoryDisk, hooks: ListMachineHooks) {
    this.#kept = kept;
    this.#disk = disk;
    this.#hooks = hooks;
    this.values = [...kept.values];
    this.#point = kept.point;
  }

  durablePoint(): DurablePoint {
    return this.#kept.point;
  }

  apply(index: number, term: number, payload: Uint8Array): ApplyResult {
    this.#move(index, term);
    const value = text.decode(payload);
    if (value === 'poison' && !this.#hooks.isCured()) throw new Error('poisoned');
    this.values.push(value);
    return {value: {index, count: this.values.length}};
  }

  applyConfiguration(
    index: number,
    term: number,
    configuration: DurablePoint['configuration'],
  ): void {
    this.#move(index, term);
    this.#point = {index, term, configuration};
  }

  applyNothing(index: number, term: number): void {
    this.#move(index, term);
  }

  canApply(): boolean {
    return this.isReady;
  }

  canTake(): boolean {
    return this.isReady && this.isTaking;
  }

  afterApply(): void {}

  async snapshot(): Promise<Snapshot> {
    const bytes = bytesOf.encode(JSON.stringify(this.values));
    this.pinned += 1;
    return {
      point: this.#point,
      files: [
        {
          name: 'values.json',
          bytes: bytes.length,
          read: async (offset, length) => bytes.slice(offset, offset + length),
        },
      ],
      release: () => {
        this.pinned -= 1;
      },
    };
  }

  async install(staged: StagedSnapshot): Promise<void> {
    const file = await this.#disk.open(`${staged.directory}/${staged.fileNames[0]}`, 'read');
    const bytes = await file.readAt(0, await file.size());
    this.values = JSON.parse(text.decode(bytes)) as string[];
    this.#point = staged.point;
    await this.flush();
  }

  async flush(): Promise<void> {
    this.#kept.values = [...this.values];
    this.#kept.point = this.#point;
  }

  async close(): Promise<void> {
    if (this.closeError !== undefined) throw this.closeError;
  }

  async destroy(): Promise<void> {
    this.#hooks.onDestroy();
  }

  #move(index: number, term: number): void {
    assert(index === this.#point.index + 1, () => `apply gap: ${this.#point.index} then ${index}`);
    this.#point = {...this.#point, index, term};
  }
}

export interface TestNode {
  readonly id: NodeId;
  readonly disk: MemoryDisk;
  readonly kept: Map<string, Kept>;
  host: Host | undefined;
  liveness: NodeLiveness | undefined;
  bootEpoch: number;
}

export interface TestClusterOptions {
  readonly nodes?: number;
  readonly seed?: number;
  readonly latencyMs?: number;
  readonly bytesPerMs?: number;
  readonly syncMs?: number;
  readonly limits?: Partial<HostLimits>;
  /** Nodes watch each other by beats; else the cluster tells them. */
  readonly beats?: boolean;
  readonly damagedLog?: 'refuse' | 'replace';
  readonly timing?: TimingPreset;
  readonly log?: Log;
  readonly observer?: GroupObserver;
  readonly entryOrders?: (replica: ReplicaId) => EntryOrders | undefined;
  /** Of each node, all on its one disk. */
  readonly stores?: number;
}

export class TestCluster {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly network: MemoryNetwork;
  readonly nodes: TestNode[] = [];
  /** Nodes that have not looked through what the others remember of their stores. */
  readonly unvetted = new Set<number>();
  /** Those that nobody vouches for, until a test does. */
  readonly unvouched = new Set<number>();
  /** State machines apply what is poison to others. */
  isCured = false;
  /** What happens as a node opens a state machine; thrown, it is not opened. */
  onOpen: (node: number, machine: ListMachine) => void = () => {};
  /** Replicas that could not be opened at first. */
  readonly reopened: ReplicaId[] = [];
  /** Where each replica was put: what the catalog would know. */
  readonly placed = new Map<ReplicaId, NodeId>();
  readonly #options: TestClusterOptions;
  #lastReplica = 100;

  constructor(options: TestClusterOptions = {}) {
    this.#options = options;
    this.random = new SeededRandom(options.seed ?? 1);
    const {latencyMs = 1, bytesPerMs} = options;
    this.network = new MemoryNetwork({
      clock: this.clock,
      latencyMs,
      bytesPerMs,
      random: this.random,
    });
    for (let id = 1; id <= (options.nodes ?? 3); id++) this.addNode();
  }

  addNode(): TestNode {
    const {clock} = this;
    const disk = new MemoryDisk({clock, latencyMs: {sync: this.#options.syncMs ?? 1}});
    const id = (this.nodes.length + 1) as NodeId;
    const node: TestNode = {
      id,
      disk,
      kept: new Map(),
      host: undefined,
      liveness: undefined,
      bootEpoch: 0,
    };
    this.nodes.push(node);
    return node;
  }

  node(id: number): TestNode {
    return this.nodes[id - 1]!;
  }

  host(id: number): Host {
    const {host} = this.node(id);
    assert(host !== undefined, () => `node ${id} is down`);
    return host;
  }

  async startAll(): Promise<void> {
    for (const node of this.nodes) if (node.host === undefined) await this.start(node.id);
  }

  async start(id: number): Promise<Host> {
    const node = this.node(id);
    node.bootEpoch += 1;
    const transport = this.network.join(node.id, (from, channel, frame) => {
      node.liveness?.receive(from, frame);
      node.host?.receive(from, channel, frame);
    });
    const {clock, random} = this;
    const opening = Host.open({
      node: node.id,
      bootEpoch: node.bootEpoch,
      clock,
      random,
      transport,
      stores: Array.from({length: this.#options.stores ?? 1}, (_, store) => ({
        store: store as StoreId,
        disk: node.disk,
        path: `store-${store}`,
      })),
      timing: this.#options.timing ?? 'local',
      limits: this.#options.limits,
      log: this.#options.log,
      awaitsVouching: this.unvouched.has(id),
      damagedLog: this.#options.damagedLog,
      observer: this.#options.observer,
      openStateMachine: async ({set, replica, founding}) => {
        const key = `${set}/${replica}`;
        const kept = node.kept.get(key) ?? {point: founding ?? START, values: []};
        node.kept.set(key, kept);
        const onDestroy = () => node.kept.delete(key);
        const isCured = () => this.isCured;
        const machine = new ListMachine(kept, node.disk, {onDestroy, isCured});
        this.onOpen(id, machine);
        return machine;
      },
      onReopened: ({replica}) => void this.reopened.push(replica),
      locate: (_set, replica) => this.placed.get(replica),
      entryOrders: ({replica}) => this.#options.entryOrders?.(replica),
    });
    node.host = await clock.resolve(opening);
    if (this.#options.beats === true) {
      this.#startBeats(node, transport);
      return node.host;
    }
    for (const other of this.nodes) {
      if (other === node || other.host === undefined) continue;
      other.host.nodeChanged(node.id, {state: 'alive', bootEpoch: node.bootEpoch});
      node.host.nodeChanged(other.id, {state: 'alive', bootEpoch: other.bootEpoch});
    }
    return node.host;
  }

  #startBeats(node: TestNode, transport: Transport): void {
    const {clock, random} = this;
    const host = node.host!;
    const liveness = new NodeLiveness({
      bootEpoch: node.bootEpoch,
      clock,
      random,
      transport,
      timing: TIMINGS[this.#options.timing ?? 'local'],
      threads: () => [host.ages()],
      stores: () => host.durableRecords(),
      onChange: (other, state) => host.nodeChanged(other, state),
    });
    node.liveness = liveness;
    liveness.start();
    for (const other of this.nodes) {
      if (other === node || other.host === undefined) continue;
      if (!this.unvetted.has(node.id)) liveness.vetted(other.id);
      if (!this.unvetted.has(other.id)) other.liveness?.vetted(node.id);
      liveness.connected(other.id, other.bootEpoch);
      other.liveness?.connected(node.id, node.bootEpoch);
    }
  }

  #lose(node: TestNode): void {
    node.host = undefined;
    node.liveness?.stop();
    node.liveness = undefined;
    for (const other of this.nodes) {
      other.liveness?.disconnected(node.id);
      if (this.#options.beats !== true)
        other.host?.nodeChanged(node.id, {state: 'gone', bootEpoch: node.bootEpoch});
    }
  }

  /** Power off. The others see their connections reset. */
  crash(id: number): void {
    const node = this.node(id);
    this.network.leave(node.id);
    node.disk.crash(this.random);
    // What the dead process still does reaches nobody: its disk and links are cut.
    for (const [key, kept] of node.kept) node.kept.set(key, structuredClone(kept));
    this.#lose(node);
  }

  /** From now on each sync of the node takes that long. */
  slow(id: number, syncMs: number): void {
    this.node(id).disk.latencyMs.sync = syncMs;
  }

  async stop(id: number): Promise<void> {
    const node = this.node(id);
    await this.clock.resolve(node.host!.close());
    this.network.leave(node.id);
    this.#lose(node);
  }

  place(node: number): ReplicaId {
    this.#lastReplica += 1;
    const replica = this.#lastReplica as ReplicaId;
    this.placed.set(replica, node as NodeId);
    return replica;
  }

  /** A new set with one voter on each of the nodes. */
  async found(set: number, on: readonly number[] = [1, 2, 3]): Promise<ReplicaId[]> {
    const voters = on.map((node) => this.place(node));
    const made = voters.map((replica, i) =>
      this.host(on[i]!).createReplica({
        set: set as ReplicaSetId,
        replica,
        founding: {voters, learners: []},
      }),
    );
    await this.clock.resolve(Promise.all(made));
    return voters;
  }

  status(node: number, set: number): ReplicaStatus | undefined {
    return this.node(node).host?.status(set as ReplicaSetId);
  }

  values(node: number, set: number): string[] {
    return (this.host(node).stateMachine(set as ReplicaSetId) as ListMachine).values;
  }

  machine(node: number, set: number): ListMachine {
    return this.host(node).stateMachine(set as ReplicaSetId) as ListMachine;
  }

  /** The node that leads the set with the highest term; 0 if none does. */
  leader(set: number): number {
    let best = 0;
    let term = -1;
    for (const node of this.nodes) {
      const status = this.status(node.id, set);
      if (status?.role !== 'leader' || status.stopped !== undefined || status.term <= term)
        continue;
      best = node.id;
      term = status.term;
    }
    return best;
  }

  async electAll(sets: readonly number[], limitMs = 20_000): Promise<void> {
    const led = await this.clock.until(() => sets.every((set) => this.leader(set) !== 0), limitMs);
    assert(led, 'some set has no leader');
  }

  /** Proposes at the leader, again after failures that had no effect. */
  async write(set: number, value: string, limitMs = 10_000): Promise<void> {
    const deadlineMs = this.clock.monotonicMs() + limitMs;
    for (;;) {
      await this.electAll([set], limitMs);
      const host = this.host(this.leader(set));
      const proposal = host.propose(set as ReplicaSetId, bytesOf.encode(value), {deadlineMs});
      try {
        await this.clock.resolve(proposal, limitMs + 1_000);
        return;
      } catch (error) {
        const code = (error as {code?: string}).code;
        if (code !== 'NOT_LEADER' && code !== 'NO_LEADER') throw error;
        await this.clock.advance(20);
      }
    }
  }

  /** Until all given nodes hold the same values for the set. */
  agree(set: number, nodes: readonly number[], count?: number, limitMs = 10_000): Promise<boolean> {
    return this.clock.until(() => {
      const all = nodes.map((node) => this.values(node, set).join());
      const isEqual = all.every((one) => one === all[0]);
      return isEqual && (count === undefined || this.values(nodes[0]!, set).length === count);
    }, limitMs);
  }
}
