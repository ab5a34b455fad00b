// The product's engine in one thread of a simulated process: host, meta role (member, service, reconciler;
// in thread 0), catalog copy, replica machines over the simulated disk, router and handlers, put together as
// server/src/engine/engine-start.ts puts them together.

import {
  type Channel,
  DbError,
  FatalError,
  META_SET,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  type StoreId,
} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import {type CatalogEvent, MetaClient, nodeHandlers} from '@flotilla/meta';
import type {Host, NodeState as PeerState} from '@flotilla/multiraft';
import {
  DELETE_METHOD,
  deleteHandler,
  FENCE_METHOD,
  fenceHandler,
  MemtableBudget,
  ReplicaMachine,
  WRITE_METHOD,
  writeHandler,
} from '@flotilla/replica';
import {freshen, LeaderDirectory, MetaDdl, SetCaller, WriteRouter} from '@flotilla/router';
import {
  CAMPAIGN_METHOD,
  CatalogCopy,
  CatalogEffects,
  ClusterView,
  campaignHandler,
  EntryOrderBook,
  FailoverModes,
  MetaRole,
  metaMembers,
  metaProposer,
  NodeReplicas,
  type NotesOfOthers,
  notesHandler,
  passHandlers,
  Recovery,
  RpcCore,
  replicaFactory,
  takeNews,
  WorkTurns,
} from '@flotilla/server/engine-parts';
import {Manifest, StorageCounts} from '@flotilla/storage';
import type {SimNode} from '../world/node.ts';
import type {Running, ThreadProgram} from '../world/node-ports.ts';
import type {EngineThread} from '../world/threads.ts';
import type {EnginePorts} from './engine.ts';
import {HeldWatch} from './held-watch.ts';
import {type RowReading, type RowRequest, rowAt} from './row-read.ts';

const READ_METHOD = 'sim.read-row';
const HOUSEKEEPING_MS = 1_000;
/** As a thread tells thread 0 of its replicas. */
const NOTES_MS = 200;
const READ_MS_MAX = 4_000;
/** Small, so that memtables are flushed and compacted while a run lasts. */
const MEMTABLE_BYTES = 4_096;

/** To the main thread, as the product's messages are named. */
export interface ThreadNews {
  send(to: NodeId, channel: Channel, frame: Uint8Array): boolean;
  hosted(set: ReplicaSetId, isHere: boolean): void;
  buried(set: ReplicaSetId, upto: ReplicaId): void;
  /** Of thread 0: the catalog moved. */
  catalog(event: CatalogEvent): void;
  notes(news: NonNullable<ReturnType<NodeReplicas['news']>>): void;
  broughtBack(): void;
}

/** What a thread has once its host is open. */
interface Parts {
  readonly host: Host;
  /** Of thread 0. */
  readonly metaRole: MetaRole | undefined;
  readonly copy: CatalogCopy;
  readonly effects: CatalogEffects;
  readonly meta: MetaClient;
  readonly caller: SetCaller;
  readonly router: WriteRouter;
  readonly replicas: NodeReplicas;
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
  /** Of the other threads: of thread 0 alone. */
  readonly #notes: NotesOfOthers = new Map();
  #parts: Parts | undefined;
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
      },
      counts: new StorageCounts(),
      onFault: (error) => this.#fault(error),
      onFate: (set, table) => this.#parts?.effects.fateApplied(set, table),
    });
    this.openStateMachine = async (identity) => {
      const machine = await open(identity);
      ports.onMachine(identity.set, identity.replica, machine);
      return machine;
    };
  }

  /** Undefined while the node starts. */
  get parts(): Parts | undefined {
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
    this.catalog?.replicaSet(set)?.replicas.find((placed) => placed.replica === replica)?.node;

  storeOf = (set: ReplicaSetId): StoreId => {
    const {stores} = this.#thread;
    return stores[set === META_SET ? 0 : Math.floor(set / this.#count) % stores.length]!;
  };

  async prepare(): Promise<void> {
    for (const store of this.#thread.stores) {
      const rows = this.#ports.state.manifest(store, () => this.#durable());
      this.#manifests.set(store, await Manifest.open(rows));
    }
  }

  opened(host: Host): void {
    const {process, index} = this.#thread;
    const {log} = this.#ports;
    const {id} = this.#node;
    const metaRole = index === 0 ? this.#metaRole(host) : undefined;
    const copy =
      metaRole === undefined
        ? CatalogCopy.from(process, this.#ports.state.catalog)
        : new CatalogCopy(process, metaRole.follower.catalog);
    const meta = new MetaClient({
      rpc: this.rpc,
      clock: process,
      members: () => metaMembers(copy.catalog, id),
      presence: this.#running.watch,
      waitForVersion: (version, deadlineMs) => copy.waitForVersion(version, deadlineMs),
      clusterVersion: () => copy.catalog.cluster && copy.catalog.clusterVersion,
    });
    copy.attach(meta);
    metaRole?.follower.onUpdate((event) => {
      copy.notify(event);
      this.#save();
      this.#news.catalog(event);
    });
    const effects = new CatalogEffects({host, copy, clock: process, log});
    const caller = this.#caller(copy);
    const router = new WriteRouter({
      caller,
      catalog: () => copy.catalog,
      meta: new MetaDdl(metaProposer(meta, copy)),
      clock: process,
      incarnation: (id * 2 ** 24 + this.#node.bootEpoch) * 2 ** 8 + index,
    });
    const replicas = this.#replicas(host, copy, metaRole, effects);
    this.#parts = {host, metaRole, copy, effects, meta, caller, router, replicas};
    this.#serve(this.#parts);
    metaRole?.start();
    const modes = new FailoverModes({host: this.#obeying(host), catalog: copy.catalog, log});
    this.#tick(effects, modes);
    if (index > 0) this.#tellNotes(replicas);
  }

  nodeChanged(node: NodeId, state: PeerState): void {
    if (state.state === 'gone') this.rpc.nodeLost(node);
  }

  receive(from: NodeId, channel: Channel, frame: Uint8Array): void {
    if (!this.rpc.receive(from, frame)) this.#thread.host!.receive(from, channel, frame);
  }

  /** From the main thread: what thread 0 has read of the catalog. */
  takeCatalog(event: CatalogEvent): void {
    this.#parts!.copy.apply(event);
  }

  takeNotes(thread: number, news: Parameters<ThreadNews['notes']>[0]): void {
    takeNews(this.#notes, thread, news);
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
    const {chance, log, state, repairAfterMs} = this.#ports;
    const {id} = this.#node;
    return new MetaRole({
      host,
      rpc: this.#watch,
      clock: this.#thread.process,
      random: chance(0),
      log,
      options: {
        node: id,
        catalog: state.catalog,
        address: `n${id}`,
        threads: this.#count,
        version: '1',
      },
      presence: this.#running.watch,
      settings: {repairAfterMs},
    });
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

  #caller(copy: CatalogCopy): SetCaller {
    const {watch} = this.#running;
    const {process, index} = this.#thread;
    return new SetCaller({
      rpc: this.rpc,
      catalog: () => copy.catalog,
      leaders: new LeaderDirectory(watch),
      nodes: watch,
      clock: process,
      random: this.#ports.chance(index),
    });
  }

  #replicas(
    host: Host,
    copy: CatalogCopy,
    metaRole: MetaRole | undefined,
    effects: CatalogEffects,
  ): NodeReplicas {
    const {process, disk, index} = this.#thread;
    return new NodeReplicas({
      host,
      copy,
      disk,
      monotonicMs: () => process.monotonicMs(),
      manifests: this.#manifests,
      storeOf: this.storeOf,
      orders: new EntryOrderBook(this.#manifests, () => copy.catalog),
      node: this.#node.id,
      log: this.#ports.log,
      isOwn: (set) => (set === META_SET ? 0 : set % this.#count) === index,
      notesOfOthers: () => [...this.#notes.values()].flatMap((notes) => [...notes.values()]),
      isComplete: () => this.#notes.size >= this.#count - 1,
      onHosted: (set, isHere) => {
        this.#news.hosted(set, isHere);
        if (set === META_SET) metaRole?.hosted();
        else if (isHere) effects.opened(set);
      },
      onBuried: (set, upto) => this.#news.buried(set, upto),
      onBroughtBack: () => this.#news.broughtBack(),
    });
  }

  #serve({host, replicas}: Parts): void {
    const {watch} = this.#running;
    const {process} = this.#thread;
    const {rpc} = this;
    const monotonicMs = (): number => process.monotonicMs();
    if (this.#running.threads.isAlone && host.hasLoss) replicas.learnLoss([]);
    rpc.serve(nodeHandlers(this.#watched(replicas), process));
    if (this.#thread.index === 0) rpc.serve(notesHandler(replicas));
    rpc.serve(campaignHandler(this.#obeying(host)));
    rpc.serve(passHandlers({rpc, nodes: watch, clock: process}));
    const pause = (ms: number) =>
      new Promise<void>((resolve) => {
        process.setTimer(ms, resolve);
      });
    rpc.serve({
      call: new Map([
        [WRITE_METHOD, writeHandler(host, monotonicMs)],
        [DELETE_METHOD, deleteHandler(host, monotonicMs)],
        [FENCE_METHOD, fenceHandler(host, pause)],
        [READ_METHOD, (payload, {set}) => readHandler({host, monotonicMs}, set, payload)],
      ]),
      stream: new Map(),
    });
  }

  /** The laws are told of each replica that is gone for good. */
  #watched(replicas: NodeReplicas): NodeReplicas {
    const {onDestroyed} = this.#ports;
    const destroy = replicas.destroyReplica.bind(replicas);
    replicas.destroyReplica = async (order) => {
      await destroy(order);
      onDestroyed(order.replica);
    };
    return replicas;
  }

  #tick(effects: CatalogEffects, modes: FailoverModes): void {
    const {process, index} = this.#thread;
    const chance = this.#ports.chance(index);
    const turn = (): void => {
      effects.settle();
      modes.settle();
      if (chance.odds(0.2)) this.#flushOne();
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
    const {host} = this.#parts!;
    const chance = this.#ports.chance(this.#thread.index);
    const sets = [...host.statuses()];
    if (sets.length === 0) return;
    const machine = host.stateMachine(chance.pick(sets).set);
    if (machine instanceof ReplicaMachine)
      machine.flush().catch((error: unknown) => this.#fault(error));
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
  const ageMs = await freshen(ports, set, {consistency, maxStalenessMs, timeoutMs: READ_MS_MAX});
  const machine = host.stateMachine(set);
  if (!(machine instanceof ReplicaMachine))
    throw new DbError('REPLICA_GONE', `no replica of set ${set} here`);
  const answer = new DataView(new ArrayBuffer(maxStalenessMs === undefined ? 8 : 16));
  if (maxStalenessMs !== undefined) answer.setFloat64(8, ageMs!);
  answer.setFloat64(0, await rowAt(machine, address));
  return new Uint8Array(answer.buffer);
}
