// The product's engine in one thread of a simulated process: its core, as a real thread has it, over the host that the
// process opened and the ports of the kernel; in thread 0 the meta role (member, service, reconciler).

import {
  type Channel,
  DbError,
  FatalError,
  META_SET,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  type RpcContext,
  type StoreId,
} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import type {CatalogNews} from '@flotilla/meta';
import type {Host, NodeState as PeerState} from '@flotilla/multiraft';
import {IndexBudget, loadedMachine, MemtableBudget, ReplicaMachine} from '@flotilla/replica';
import {freshen} from '@flotilla/router';
import {
  assembleCore,
  CAMPAIGN_METHOD,
  ClusterView,
  type CoreNews,
  type EngineCore,
  EntryOrderBook,
  MetaRole,
  type NodeReplicas,
  nodeOf,
  Recovery,
  RpcCore,
  replicaFactory,
  storeOf,
  WorkTurns,
} from '@flotilla/server/engine-parts';
import {Manifest, StorageCounts} from '@flotilla/storage';
import type {SimNode} from '../world/node.ts';
import type {Running, ThreadProgram} from '../world/node-ports.ts';
import type {EngineThread} from '../world/threads.ts';
import type {EnginePorts} from './engine.ts';
import {HeldWatch} from './held-watch.ts';
import {recordNode} from './node-record.ts';
import {type RowReading, type RowRequest, rowAt} from './row-read.ts';

const READ_METHOD = 'sim.read-row';
const HOUSEKEEPING_MS = 1_000;
/** As a thread tells thread 0 of its replicas. */
const NOTES_MS = 200;
const READ_MS_MAX = 4_000;
/** Small, so that memtables are flushed and compacted while a run lasts. */
const MEMTABLE_BYTES = 4_096;

/** To the main thread, as the product's messages are named. */
export interface ThreadNews extends CoreNews {
  send(to: NodeId, channel: Channel, frame: Uint8Array): boolean;
  notes(news: NonNullable<ReturnType<NodeReplicas['news']>>): void;
}

export class ThreadEngine implements ThreadProgram {
  readonly openStateMachine: ThreadProgram['openStateMachine'];
  readonly rpc: RpcCore;
  readonly #node: SimNode;
  readonly #running: Running;
  readonly #thread: EngineThread;
  readonly #ports: EnginePorts;
  readonly #news: ThreadNews;
  readonly #watch: HeldWatch;
  readonly #manifests = new Map<StoreId, Manifest>();
  #parts: EngineCore | undefined;
  #isSaving = false;

  constructor(
    node: SimNode,
    running: Running,
    thread: EngineThread,
    ports: EnginePorts,
    news: ThreadNews,
  ) {
    this.#node = node;
    this.#running = running;
    this.#thread = thread;
    this.#ports = ports;
    this.#news = news;
    const {process, index} = thread;
    this.rpc = new RpcCore({
      node: node.id,
      thread: 1 + index,
      bootEpoch: node.bootEpoch,
      port: {send: (to, channel, frame) => news.send(to, channel, frame)},
      clock: process,
      log: ports.log,
      hosts: (set) => this.#hosts(set),
    });
    this.#watch = new HeldWatch(this.rpc);
    const open = replicaFactory({
      disk: thread.disk,
      slices: new WorkTurns(process),
      manifests: this.#manifests,
      limits: {
        memtableBytes: MEMTABLE_BYTES,
        memtableBytesMax: 4 * MEMTABLE_BYTES,
        memtables: new MemtableBudget(),
        indexes: new IndexBudget(),
      },
      counts: new StorageCounts(),
      clusterVersion: () => this.catalog?.clusterVersion ?? 1,
      onFault: (error) => this.#fault(error),
      onPutOff: (_, error) => {
        if (error instanceof FatalError) return;
        // A node survives a mistake of ours in a merge; a run is to show it.
        const {cause} = error as DbError;
        if (cause !== undefined && !(cause instanceof FatalError)) throw cause;
      },
      onFate: (set, table) => this.#parts?.effects.fateApplied(set, table),
    });
    this.openStateMachine = async (identity) => {
      const machine = await open(identity);
      ports.onMachine(identity.set, identity.replica, machine);
      return machine;
    };
  }

  /** Undefined while the node starts. */
  get parts(): EngineCore | undefined {
    return this.#parts;
  }

  get catalog(): Catalog | undefined {
    return this.#parts?.copy.catalog;
  }

  /** The catalog stays as it is until it is let go. */
  holdCatalog(isHeld: boolean): void {
    this.#watch.isHeld = isHeld;
  }

  get isCatalogHeld(): boolean {
    return this.#watch.isHeld;
  }

  get nowMs(): number {
    return this.#thread.process.monotonicMs();
  }

  locate = (set: ReplicaSetId, replica: ReplicaId): NodeId | undefined =>
    nodeOf(this.catalog, set, replica);

  storeOf = (set: ReplicaSetId): StoreId =>
    storeOf(set, {stores: this.#thread.stores, threads: this.#count});

  async prepare(): Promise<void> {
    for (const store of this.#thread.stores) {
      const rows = this.#ports.state.manifest(store, () => this.#durable());
      this.#manifests.set(store, await Manifest.open(rows));
    }
  }

  opened(host: Host): void {
    const {process, index, stores, disk} = this.#thread;
    const {chance, log, state} = this.#ports;
    const {id, starts} = this.#node;
    const metaRole = index === 0 ? this.#metaRole(host) : undefined;
    const core = assembleCore(
      {
        ...{node: id, thread: index, threads: this.#count, stores, disk, log, rpc: this.rpc},
        clock: process,
        random: chance(index),
        nodes: this.#running.watch,
        manifests: this.#manifests,
        orders: new EntryOrderBook(this.#manifests, () => this.catalog),
        catalog: state.catalog,
        // As the product's, which chance draws, no old image has it a second time.
        incarnation: (id * 2 ** 24 + starts) * 2 ** 8 + index,
        news: {...this.#news, catalog: (news) => this.#catalogMoved(news)},
      },
      {host, metaRole, failoverHost: this.#obeying(host)},
    );
    this.#parts = core;
    this.#serve(core);
    metaRole?.start();
    this.#tick(core);
    if (index > 0) this.#tellNotes(core.replicas);
    // Where each process has one thread the record that the join made stays right.
    else if (this.#node.threadsMax > 1 && this.#ports.state.isMember)
      recordNode({...core, process, described: this.#described()});
  }

  reopened(set: ReplicaSetId): void {
    this.#parts?.replicas.reopened(set);
  }

  nodeChanged(node: NodeId, state: PeerState): void {
    if (state.state === 'gone') this.rpc.nodeLost(node);
  }

  receive(from: NodeId, channel: Channel, frame: Uint8Array): void {
    if (!this.rpc.receive(from, frame)) this.#thread.host!.receive(from, channel, frame);
  }

  /** From the main thread: what thread 0 has read of the catalog. */
  takeCatalog(news: CatalogNews): void {
    this.#parts!.copy.take(news);
  }

  takeNotes(thread: number, news: Parameters<ThreadNews['notes']>[0]): void {
    this.#parts!.notes.take(thread, news);
  }

  async stop(): Promise<void> {
    await this.#parts?.metaRole?.stop();
    this.rpc.close();
  }

  /** What is left of sets that have lost their majority, and what becomes of it by order. */
  recovery(): Recovery {
    const {copy, meta} = this.#parts!;
    const {process: clock} = this.#thread;
    const view = new ClusterView({rpc: this.rpc, clock, catalog: () => copy.catalog});
    return new Recovery({access: copy, meta, view, clock});
  }

  /** A row by one replica's ReadIndex: its leader's, or that of whichever node is named. */
  async readRow(
    set: ReplicaSetId,
    request: RowRequest,
    on: NodeId | undefined,
  ): Promise<RowReading> {
    const payload = new TextEncoder().encode(JSON.stringify(request));
    const deadlineMs = this.nowMs + READ_MS_MAX;
    const {caller} = this.#parts!;
    const method = READ_METHOD;
    const answer =
      on === undefined
        ? await caller.call({set, method, payload, deadlineMs})
        : await this.rpc.call({node: on, set}, method, payload, {deadlineMs});
    const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
    return {value: view.getFloat64(0), ageMs: answer.length > 8 ? view.getFloat64(8) : 0};
  }

  /** The replica on that node is to stand for election. */
  async elect(set: ReplicaSetId, node: NodeId): Promise<void> {
    const deadlineMs = this.nowMs + READ_MS_MAX;
    await this.rpc.call({node, set}, CAMPAIGN_METHOD, new Uint8Array(0), {deadlineMs});
  }

  get #count(): number {
    return this.#running.threads.engines.length;
  }

  /** Alone it answers for all that come; else what is not here goes to the main thread. */
  #hosts(set: ReplicaSetId): boolean {
    if (this.#running.threads.isAlone) return true;
    const {index, host} = this.#thread;
    return set === META_SET ? index === 0 : host?.stateMachine(set) !== undefined;
  }

  #metaRole(host: Host): MetaRole {
    const {chance, log} = this.#ports;
    return new MetaRole({
      host,
      rpc: this.#watch,
      clock: this.#thread.process,
      random: chance(0),
      log,
      options: this.#described(),
      presence: this.#running.watch,
    });
  }

  #described(): ConstructorParameters<typeof MetaRole>[0]['options'] {
    const {id: node} = this.#node;
    const {state, repairAfterMs} = this.#ports;
    const place = {node, catalog: state.catalog, address: `n${node}`};
    return {...place, threads: this.#count, version: '1', settings: {repairAfterMs}};
  }

  /** The host, as the law of manual failover is told what it was ordered and what it keeps. */
  #obeying(host: Host): Pick<Host, 'failoverModes' | 'setFailover' | 'campaign' | 'watchChanges'> {
    const {failover} = this.#ports;
    const replicaOf = (set: ReplicaSetId): number => host.status(set)?.replica ?? 0;
    return {
      failoverModes: (sets) => host.failoverModes(sets),
      watchChanges: () => host.watchChanges(),
      setFailover: async (set, mode) => {
        const replica = replicaOf(set);
        failover.changing(replica);
        await host.setFailover(set, mode);
        if (this.#node.running === this.#running) failover.changed(replica, mode);
      },
      campaign: (set) => {
        failover.ordered(replicaOf(set));
        host.campaign(set);
      },
    };
  }

  #serve({host, replicas}: EngineCore): void {
    const monotonicMs = (): number => this.nowMs;
    if (this.#running.threads.isAlone && host.hasLoss) replicas.learnLoss([]);
    this.#watchEnds(replicas);
    const read = (payload: Uint8Array, {set}: RpcContext): Promise<Uint8Array> =>
      readHandler({host, monotonicMs}, set, payload);
    this.rpc.serve({call: new Map([[READ_METHOD, read]]), stream: new Map()});
  }

  /** The laws are told of each replica that is gone for good. */
  #watchEnds(replicas: NodeReplicas): void {
    const {onDestroyed} = this.#ports;
    const destroy = replicas.destroyReplica.bind(replicas);
    replicas.destroyReplica = async (order) => {
      await destroy(order);
      onDestroyed(order.replica);
    };
  }

  #catalogMoved(news: CatalogNews): void {
    this.#save();
    this.#news.catalog(news);
  }

  #tick({effects, failover}: EngineCore): void {
    const {process, index} = this.#thread;
    const chance = this.#ports.chance(index);
    const turn = (): void => {
      effects.settle();
      failover.settle();
      if (chance.odds(0.2)) this.#flushOne();
      if (chance.odds(0.2)) this.#unloadOne();
      process.setTimer(HOUSEKEEPING_MS, turn);
    };
    process.setTimer(HOUSEKEEPING_MS, turn);
  }

  #tellNotes(replicas: NodeReplicas): void {
    this.#thread.process.setTimer(NOTES_MS, () => {
      this.#tellNotes(replicas);
      const news = replicas.isSettled() ? replicas.news() : undefined;
      if (news !== undefined) this.#news.notes(news);
    });
  }

  #flushOne(): void {
    this.#someMachine()
      ?.flush()
      .catch((error: unknown) => this.#fault(error));
  }

  /** Long before its hour. */
  #unloadOne(): void {
    this.#someMachine()
      ?.unload()
      .catch((error: unknown) => this.#fault(error));
  }

  #someMachine(): ReplicaMachine | undefined {
    const {host} = this.#parts!;
    const chance = this.#ports.chance(this.#thread.index);
    const sets = [...host.statuses()];
    if (sets.length === 0) return undefined;
    const machine = host.stateMachine(chance.pick(sets).set);
    return machine instanceof ReplicaMachine ? machine : undefined;
  }

  /** A moment after the catalog has changed, as production's cache of it. */
  #save(): void {
    if (this.#isSaving) return;
    this.#isSaving = true;
    this.#thread.process.setTimer(HOUSEKEEPING_MS, () => {
      this.#isSaving = false;
      const snapshot = this.catalog!.snapshot();
      const saved = this.#durable().then((isAlive) => {
        if (isAlive) this.#ports.state.catalog = snapshot;
      });
      saved.catch((error: unknown) => this.#fault(error));
    });
  }

  async #durable(): Promise<boolean> {
    await this.#thread.disk.syncDirectory('');
    return this.#node.running === this.#running;
  }

  #fault(error: unknown): void {
    if (!(error instanceof DbError || error instanceof FatalError)) throw error;
    if (this.#node.running === this.#running) this.#ports.onFailure(String(error));
  }
}

/** As fresh as the product's own reads make a replica before they look at its rows. */
async function readHandler(
  ports: {readonly host: Host; readonly monotonicMs: () => number},
  set: ReplicaSetId,
  payload: Uint8Array,
): Promise<Uint8Array> {
  const {host} = ports;
  const {maxStalenessMs, ...address} = JSON.parse(new TextDecoder().decode(payload)) as RowRequest;
  const consistency = maxStalenessMs === undefined ? 'linearizable' : 'stale';
  await loadedMachine(host, set);
  const ageMs = await freshen(ports, set, {consistency, maxStalenessMs, timeoutMs: READ_MS_MAX});
  const machine = host.stateMachine(set);
  if (!(machine instanceof ReplicaMachine))
    throw new DbError('REPLICA_GONE', `no replica of set ${set} here`);
  const answer = new DataView(new ArrayBuffer(maxStalenessMs === undefined ? 8 : 16));
  if (maxStalenessMs !== undefined) answer.setFloat64(8, ageMs!);
  answer.setFloat64(0, await rowAt(machine, address));
  return new Uint8Array(answer.buffer);
}
