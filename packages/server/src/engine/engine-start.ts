// Everything an engine thread is made of, put together from its options and ports.

import {isMainThread, type MessagePort} from 'node:worker_threads';
import {
  type Clock,
  LIMITS,
  type Log,
  META_SET,
  type NodeId,
  type Random,
  type ReplicaId,
  type ReplicaSetId,
  type StoreId,
} from '@flotilla/base';
import {Catalog} from '@flotilla/catalog';
import {MetaClient, nodeHandlers} from '@flotilla/meta';
import {Host, proposalLimits} from '@flotilla/multiraft';
import {QueriesMemory} from '@flotilla/query';
import {
  DELETE_METHOD,
  deleteHandler,
  FENCE_METHOD,
  FlushSchedule,
  fenceHandler,
  MemtableBudget,
  ReplicaMachine,
  WRITE_METHOD,
  writeHandler,
} from '@flotilla/replica';
import {
  FragmentReader,
  fragmentHandler,
  LeaderDirectory,
  MetaDdl,
  NodeWatch,
  QUERY_METHOD,
  ReadCounts,
  SetCaller,
  WriteRouter,
} from '@flotilla/router';
import {Manifest, StorageCounts} from '@flotilla/storage';
import {
  BackgroundClient,
  createNodeRandom,
  NodeClock,
  NodeDisk,
  sqliteManifestStores,
  storePath,
} from '../adapters/index.ts';
import {passHandlers, RpcCore} from '../connections/index.ts';
import type {Sample} from '../metrics/sample.ts';
import {threadSamples} from '../metrics/thread-samples.ts';
import {ThreadWatch} from '../metrics/thread-watch.ts';
import {ThreadVitals, vitalsOf} from '../node/thread-vitals.ts';
import {AdminService} from './admin-service.ts';
import {AuditPort} from './audit-port.ts';
import {CatalogCopy} from './catalog-copy.ts';
import {CatalogEffects} from './catalog-effects.ts';
import {ClusterView, notesHandler} from './cluster-view.ts';
import type {EngineServices} from './engine-calls.ts';
import {EntryOrderBook} from './entry-orders.ts';
import {campaignHandler, FailoverModes} from './failover.ts';
import {FlushRound} from './flush-round.ts';
import type {EngineOptions, FromEngine} from './messages.ts';
import {metaProposer} from './meta-proposer.ts';
import {MetaRole, metaMembers} from './meta-role.ts';
import {type CertificateEnds, conditionHandler} from './node-condition.ts';
import {Parsers} from './parsers.ts';
import {pause} from './pause.ts';
import {replicaFactory} from './replica-factory.ts';
import {NodeReplicas, type NotesOfOthers} from './replica-host.ts';
import {ServiceCounts} from './service-counts.ts';
import {SqlService} from './sql-service.ts';
import {StoppedReplicas} from './stopped-replicas.ts';
import {WorkTurns} from './work-turns.ts';
import {WriteMemory} from './write-memory.ts';
import {type CreateDatabase, WriteService} from './write-service.ts';

/** RPC's numbers of threads: 0 is the main thread's. */
const rpcThread = (thread: number): number => thread + 1;

/** A memtable beyond it is flushed: parts of some 10 MB, a few per bucket and hour at full load. */
const MEMTABLE_BYTES = 64 * 1024 * 1024;
/** A replica with so much in memory waits for its flush. */
const MEMTABLE_BYTES_MAX = 4 * MEMTABLE_BYTES;

/** Lives of one engine thread of a node, told apart by chance; the node has the bits above, 21 of 53. */
const LIVES = 2 ** 32;

export interface EngineParts {
  readonly options: EngineOptions;
  readonly clock: Clock;
  readonly host: Host;
  readonly rpc: RpcCore;
  readonly copy: CatalogCopy;
  readonly meta: MetaClient;
  /** Thread 0 alone. */
  readonly metaRole: MetaRole | undefined;
  readonly replicas: NodeReplicas;
  readonly services: EngineServices;
  readonly audit: AuditPort;
  readonly certificates: {ends: CertificateEnds | undefined};
  /** Told which nodes answer. */
  readonly nodes: NodeWatch;
  /** Of the other engine threads. */
  readonly notes: NotesOfOthers;
  readonly machines: () => ReplicaMachine[];
  readonly flushes: FlushRound;
  readonly effects: CatalogEffects;
  readonly failover: FailoverModes;
  readonly stopped: StoppedReplicas;
  readonly watch: ThreadWatch;
  readonly close: () => Promise<void>;
}

interface Base {
  readonly options: EngineOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly disk: NodeDisk;
  readonly emit: (message: FromEngine) => void;
  readonly audit: AuditPort;
  /** The main thread tells when they end. */
  readonly certificates: {ends: CertificateEnds | undefined};
  /** Told which nodes answer. */
  readonly nodes: NodeWatch;
  readonly memtables: MemtableBudget;
  readonly queries: QueriesMemory;
  readonly storageCounts: StorageCounts;
  readonly watch: ThreadWatch;
  readonly turns: WorkTurns;
}

export async function startEngine(
  options: EngineOptions,
  port: MessagePort,
  emit: (message: FromEngine) => void,
  log: Log,
): Promise<EngineParts> {
  const clock = new NodeClock();
  const base = baseOf(options, {clock, emit, log});
  const background = new BackgroundClient(port);
  const manifests = await openManifests(options.stores, background);
  const rpc = createRpc(base, (set) => host.stateMachine(set) !== undefined);
  const storeOf = (set: ReplicaSetId): StoreId =>
    set === META_SET
      ? options.stores[0]!
      : options.stores[Math.floor(set / options.threads) % options.stores.length]!;
  const onFault = (error: unknown): void => {
    log.error({err: error}, 'a disk failed under a replica');
    emit({type: 'fatal', message: `a disk failed: ${String(error)}`});
  };
  const vitals = new ThreadVitals(options.stores, options.vitals);
  // Filled below; a replica's place is asked only once messages flow.
  let parts: EngineParts | undefined;
  const orders = new EntryOrderBook(manifests, () => parts?.copy.catalog);
  const host = await Host.open({
    node: options.node,
    thread: options.thread,
    bootEpoch: options.bootEpoch,
    clock,
    random: base.random,
    transport: {send: (to, channel, frame) => sendFrame(base, to, channel, frame)},
    log,
    stores: options.stores.map((store) => ({store, disk: base.disk, path: storePath(store)})),
    storeOf,
    timing: options.timing,
    limits: {
      ...proposalLimits(options.memory.proposals_in_flight_bytes_max),
      // Of the node: each thread has its part.
      snapshotBytesPerSecond: LIMITS.snapshot_bytes_per_second_max.value / options.threads,
    },
    onTick: (lateMs) => {
      vitals.tell(vitalsOf(host, clock));
      base.watch.ticked(lateMs);
    },
    damagedLog: hasOthers(options) ? 'replace' : 'refuse',
    openStateMachine: replicaFactory({
      disk: base.disk,
      slices: base.turns,
      manifests,
      limits: {
        memtableBytes: MEMTABLE_BYTES,
        memtableBytesMax: MEMTABLE_BYTES_MAX,
        memtables: base.memtables,
      },
      counts: base.storageCounts,
      onFault,
      onFate: (set, table) => parts?.effects.fateApplied(set, table),
    }),
    locate: (set, replica) => nodeOf(parts?.copy.catalog, set, replica),
    entryOrders: (key) => orders.of(key),
  });
  host.onStopped(({isStore, reason}) => {
    if (isStore) emit({type: 'fatal', message: `a store stopped: ${reason}`});
  });
  const metaRole =
    options.thread === 0
      ? new MetaRole({host, rpc, clock, random: base.random, log, options, presence: base.nodes})
      : undefined;
  const copy =
    metaRole === undefined
      ? CatalogCopy.from(clock, options.catalog)
      : new CatalogCopy(clock, metaRole.follower.catalog);
  parts = assemble(base, {host, rpc, copy, metaRole, manifests, storeOf, orders, background});
  return parts;
}

function baseOf(
  options: EngineOptions,
  {clock, emit, log}: Pick<Base, 'clock' | 'emit' | 'log'>,
): Base {
  return {
    options,
    clock,
    random: createNodeRandom(),
    log,
    disk: new NodeDisk(options.dataDirectory),
    emit,
    audit: new AuditPort(emit),
    certificates: {ends: undefined},
    nodes: watchOf(options),
    memtables: new MemtableBudget(options.memory.memtables_bytes_max),
    queries: new QueriesMemory(options.memory.queries_memory_bytes_max),
    storageCounts: new StorageCounts(),
    watch: new ThreadWatch(clock, String(options.thread)),
    turns: new WorkTurns(clock),
  };
}

function nodeOf(catalog: Catalog | undefined, set: ReplicaSetId, id: ReplicaId) {
  return catalog?.replicaSet(set)?.replicas.find(({replica}) => replica === id)?.node;
}

/**
 * Nobody has been met yet. What cannot be reached from the start on, since a link is cut, is then asked
 * through another node from the first call on, and not only once it was met and lost.
 */
function watchOf({catalog, node}: EngineOptions): NodeWatch {
  const watch = new NodeWatch();
  for (const {id} of Catalog.fromSnapshot(catalog).nodes())
    if (id !== node) watch.changed(id, false);
  return watch;
}

/** Alone a node has nobody to replace a replica from: it is better not to start than to start empty. */
function hasOthers({catalog, node}: EngineOptions): boolean {
  const nodes = [...Catalog.fromSnapshot(catalog).nodes()];
  return nodes.some(({id, state}) => id !== node && state !== 'decommissioned');
}

async function openManifests(
  stores: readonly StoreId[],
  background: BackgroundClient,
): Promise<Map<StoreId, Manifest>> {
  const open = sqliteManifestStores(background);
  const manifests = await Promise.all(
    stores.map(async (store) => [store, await Manifest.open(await open(store))] as const),
  );
  return new Map(manifests);
}

function sendFrame(
  {emit}: Base,
  to: NodeId,
  channel: 'control' | 'bulk',
  frame: Uint8Array,
): boolean {
  emit({type: 'send', to, channel, frame});
  return true;
}

function createRpc(base: Base, hosts: (set: ReplicaSetId) => boolean): RpcCore {
  const {options, clock, log} = base;
  return new RpcCore({
    node: options.node,
    thread: rpcThread(options.thread),
    bootEpoch: options.bootEpoch,
    port: {send: (to, channel, frame) => sendFrame(base, to, channel, frame)},
    clock,
    log,
    hosts: (set) => (set === META_SET ? options.thread === 0 : hosts(set)),
  });
}

interface Grown {
  readonly host: Host;
  readonly rpc: RpcCore;
  readonly copy: CatalogCopy;
  readonly metaRole: MetaRole | undefined;
  readonly manifests: ReadonlyMap<StoreId, Manifest>;
  readonly storeOf: (set: ReplicaSetId) => StoreId;
  readonly orders: EntryOrderBook;
  readonly background: BackgroundClient;
}

function assemble(base: Base, grown: Grown): EngineParts {
  const {options, clock, nodes, watch} = base;
  const {host, rpc, copy, metaRole, manifests, background} = grown;
  const {catalog} = copy;
  const meta = new MetaClient({
    rpc,
    clock,
    members: () => metaMembers(catalog, options.node),
    presence: nodes,
    waitForVersion: (version, deadlineMs) => copy.waitForVersion(version, deadlineMs),
    clusterVersion: () => catalog.cluster && catalog.clusterVersion,
  });
  copy.attach(meta);
  metaRole?.follower.onUpdate((event) => {
    copy.notify(event);
    base.emit({type: 'catalog', event});
  });
  const notes: EngineParts['notes'] = new Map();
  const effects = new CatalogEffects({host, copy, clock, log: base.log});
  const replicas = hostReplicas(base, grown, {notes, effects});
  const stopped = new StoppedReplicas({
    host,
    copy,
    orders: grown.orders,
    log: base.log,
    monotonicMs: () => clock.monotonicMs(),
    onOpened: (set) => (set === META_SET ? metaRole?.hosted() : effects.opened(set)),
  });
  rpc.serve(stopped.handlers());
  const reads = new ReadCounts();
  serveNodes({base, host, rpc, replicas, reads});
  const machines = (): ReplicaMachine[] => machinesOf(host);
  return {
    audit: base.audit,
    certificates: base.certificates,
    options,
    clock,
    host,
    rpc,
    copy,
    meta,
    metaRole,
    replicas,
    nodes,
    notes,
    machines,
    flushes: new FlushRound(host, new FlushSchedule(options.memory.memtables_bytes_max)),
    effects,
    failover: new FailoverModes({host, catalog, log: base.log}),
    stopped,
    watch,
    services: createServices(base, grown, {meta, machines, watch, reads}),
    close: async () => {
      await metaRole?.stop();
      await host.close();
      rpc.close();
      await Promise.all([...manifests.values()].map((manifest) => manifest.close()));
      background.close();
    },
  };
}

function hostReplicas(
  {options, clock, disk, emit, log}: Base,
  {host, copy, metaRole, manifests, storeOf, orders}: Grown,
  {notes, effects}: Pick<EngineParts, 'notes' | 'effects'>,
): NodeReplicas {
  return new NodeReplicas({
    host,
    copy,
    disk,
    monotonicMs: () => clock.monotonicMs(),
    manifests,
    storeOf,
    orders,
    node: options.node,
    log,
    isOwn: (set) => (set === META_SET ? 0 : set % options.threads) === options.thread,
    notesOfOthers: () => [...notes.values()].flatMap((ofThread) => [...ofThread.values()]),
    isComplete: () => notes.size >= options.threads - 1,
    onHosted: (set, isHere) => {
      emit({type: 'hosted', set, isHere});
      if (set === META_SET) metaRole?.hosted();
      else if (isHere) effects.opened(set);
    },
    onBuried: (set, replica) => emit({type: 'buried', upto: [[set, replica]]}),
    onBroughtBack: () => emit({type: 'brought-back'}),
  });
}

/** What this thread answers other threads and nodes. */
function serveNodes(parts: {
  readonly base: Base;
  readonly host: Host;
  readonly rpc: RpcCore;
  readonly replicas: NodeReplicas;
  readonly reads: ReadCounts;
}): void {
  const {rpc, host, replicas, reads: counts} = parts;
  const {clock, queries, turns: slices} = parts.base;
  const monotonicMs = (): number => clock.monotonicMs();
  rpc.serve(nodeHandlers(replicas, clock));
  rpc.serve(notesHandler(replicas));
  rpc.serve(conditionHandler(clock, replicas, () => parts.base.certificates.ends));
  rpc.serve(campaignHandler(host));
  rpc.serve(passHandlers({rpc, nodes: parts.base.nodes, clock}));
  rpc.serve({
    call: new Map([
      [WRITE_METHOD, writeHandler(host, monotonicMs, parts.base.options.seriesPerSetMax)],
      [DELETE_METHOD, deleteHandler(host, monotonicMs)],
      [FENCE_METHOD, fenceHandler(host, (ms) => pause(clock, ms))],
    ]),
    stream: new Map([
      [QUERY_METHOD, fragmentHandler({host, monotonicMs, slices, counts, memory: queries})],
    ]),
  });
}

/** What this thread does for HTTP. */
function createServices(
  base: Base,
  grown: Grown,
  parts: Pick<EngineParts, 'meta' | 'machines' | 'watch'> & {readonly reads: ReadCounts},
): EngineServices {
  const {options, clock, random, nodes, turns} = base;
  const {rpc, copy} = grown;
  const {meta, machines} = parts;
  const catalog = (): Catalog => copy.catalog;
  const leaders = new LeaderDirectory(nodes);
  const asking = {rpc, catalog, leaders, nodes, clock, random};
  const caller = new SetCaller(asking);
  const proposer = metaProposer(meta, copy);
  const ddl = new MetaDdl(proposer);
  const router = new WriteRouter({
    caller,
    catalog,
    meta: ddl,
    clock,
    incarnation: drawIncarnation(options.node, random),
  });
  const reader = new FragmentReader({node: options.node, ...asking});
  const view = new ClusterView({rpc, clock, catalog});
  const memory = new WriteMemory(options.memory.writes_in_flight_bytes_max);
  const counts = new ServiceCounts();
  const createDatabase: CreateDatabase | undefined = options.autoCreateDatabase
    ? async (tenant, name, deadlineMs) => {
        const command = {type: 'create-database', tenant, name, ifNotExists: true} as const;
        await proposer.propose({...command, options: {}}, deadlineMs);
      }
    : undefined;
  return {
    writes: new WriteService({
      ...{access: copy, router, clock, turns, memory},
      parsers: new Parsers(options.memory.series_caches_bytes_max),
      createDatabase,
      counts,
    }),
    sql: new SqlService({
      ...{access: copy, meta, reader, router, view, clock, counts},
      slices: turns,
      memory: base.queries,
      audit: base.audit,
    }),
    admin: new AdminService({access: copy, meta, plans: meta, view, rpc, clock, router}),
    storage: (action) => settleStorage(action, machines()),
    counts,
    measure: () => measured(base, grown, {...parts, counts, memory, router}),
  };
}

function machinesOf(host: Host): ReplicaMachine[] {
  const machines: ReplicaMachine[] = [];
  for (const [, machine] of host.stateMachines()) {
    if (machine instanceof ReplicaMachine) machines.push(machine);
  }
  return machines;
}

function measured(
  {options, memtables, queries, storageCounts: storage, turns}: Base,
  {host, rpc, metaRole}: Grown,
  parts: Pick<EngineParts, 'machines' | 'watch'> & {
    readonly reads: ReadCounts;
    readonly counts: ServiceCounts;
    readonly memory: WriteMemory;
    readonly router: WriteRouter;
  },
): readonly Sample[] {
  const samples = threadSamples({
    thread: options.thread,
    host: host.metrics(),
    rpc: rpc.status(),
    machines: parts.machines(),
    services: parts.counts,
    writes: parts.router.counts,
    reads: parts.reads,
    storage,
    memory: parts.memory,
    memtables,
    queries,
    work: turns.counts,
  });
  const ofCluster = metaRole?.samples() ?? [];
  return [...samples, ...ofCluster, ...(isMainThread ? [] : parts.watch.samples())];
}

/** One after the other: flushes and compactions of one disk gain nothing from company. */
async function settleStorage(action: string, machines: readonly ReplicaMachine[]): Promise<void> {
  for (const machine of machines) {
    await machine.flush();
    if (action === 'storage-compact') await machine.compactAll();
  }
}

/**
 * By chance, and not from the boot epoch: a disk that is put back to an older state gives its node one a
 * second time, and what the new life writes before it is told would pass for what the lost one wrote
 * under the same numbers: acknowledged, and nowhere.
 */
function drawIncarnation(node: NodeId, random: Random): number {
  return node * LIVES + random.below(LIVES);
}
