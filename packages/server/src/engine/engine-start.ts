// An engine thread from its options: ports to Node, stores, host, and what stands on it.

import type {MessagePort} from 'node:worker_threads';
import {
  type Clock,
  handledElsewhere,
  type Log,
  META_SET,
  type NodeId,
  type Random,
  type ReplicaSetId,
  type StoreId,
} from '@flotilla/base';
import {Catalog} from '@flotilla/catalog';
import {Host, proposalLimits} from '@flotilla/multiraft';
import {FlushSchedule, UnloadSchedule} from '@flotilla/replica';
import {fragmentHandler, type NodeWatch, QUERY_METHOD, ReadCounts} from '@flotilla/router';
import {Manifest} from '@flotilla/storage';
import {BackgroundClient} from '../adapters/background/background-client.ts';
import {NodeDisk} from '../adapters/node-disk.ts';
import {sqliteManifestStores} from '../adapters/sqlite-manifest-store.ts';
import {storePath} from '../adapters/store-path.ts';
import {BACKUP_METHOD, setBackupHandler} from '../backup/set-backup.ts';
import {RpcCore} from '../connections/rpc.ts';
import type {ThreadWatch} from '../metrics/thread-watch.ts';
import {ThreadVitals, vitalsOf} from '../node/thread-vitals.ts';
import type {AuditPort} from './audit-port.ts';
import {clusterFlags} from './cluster-flags.ts';
import type {EngineServices} from './engine-calls.ts';
import {assembleCore, type CoreNews, type EngineCore, nodeOf, storeOf} from './engine-core.ts';
import {createServices} from './engine-services.ts';
import {EntryOrderBook} from './entry-orders.ts';
import {FlushRound} from './flush-round.ts';
import type {EngineOptions, FromEngine} from './messages.ts';
import {MetaRole} from './meta-role.ts';
import {conditionHandler} from './node-condition.ts';
import {replicaFactory} from './replica-factory.ts';
import {StoppedReplicas} from './stopped-replicas.ts';
import {storageHandler} from './storage-view.ts';
import {type ThreadBase, threadBase} from './thread-base.ts';

/** RPC's numbers of threads: 0 is the main thread's. */
const rpcThread = (thread: number): number => thread + 1;

/** A memtable beyond it is flushed: parts of some 10 MB, a few per bucket and hour at full load. */
const MEMTABLE_BYTES = 64 * 1024 * 1024;
/** A replica with so much in memory waits for its flush. */
const MEMTABLE_BYTES_MAX = 4 * MEMTABLE_BYTES;

/** Lives of one engine thread of a node, told apart by chance; the node has the bits above, 21 of 53. */
const LIVES = 2 ** 32;

export interface EngineParts extends EngineCore {
  readonly options: EngineOptions;
  readonly clock: Clock;
  readonly services: EngineServices;
  readonly audit: AuditPort;
  readonly certificates: ThreadBase['certificates'];
  /** Told which nodes answer. */
  readonly nodes: NodeWatch;
  readonly flushes: FlushRound;
  readonly unloads: UnloadSchedule;
  readonly stopped: StoppedReplicas;
  readonly watch: ThreadWatch;
  readonly close: () => Promise<void>;
}

/** What lies on the disk. */
interface Kept {
  readonly manifests: ReadonlyMap<StoreId, Manifest>;
  readonly orders: EntryOrderBook;
}

export async function startEngine(
  options: EngineOptions,
  port: MessagePort,
  emit: (message: FromEngine) => void,
  log: Log,
): Promise<EngineParts> {
  const base = threadBase(options, {emit, log});
  const {clock, random, nodes} = base;
  const background = new BackgroundClient(port);
  const manifests = await openManifests(options.stores, background);
  const rpc = createRpc(base, (set) => host.stateMachine(set) !== undefined);
  // Filled below; a replica's place is asked only once messages flow.
  let core: EngineCore | undefined;
  const orders = new EntryOrderBook(manifests, () => core?.copy.catalog);
  const kept = {manifests, orders};
  const host = await openHost(base, kept, () => core);
  host.onStopped(({isStore, reason}) => {
    if (isStore) emit({type: 'fatal', message: `a store stopped: ${reason}`});
  });
  const metaRole =
    options.thread === 0
      ? new MetaRole({host, rpc, clock, random, log, options, presence: nodes})
      : undefined;
  core = assembleCore(
    {
      ...options,
      ...base,
      ...kept,
      rpc,
      incarnation: drawIncarnation(options.node, random),
      news: newsOf(emit),
    },
    {host, metaRole},
  );
  return finish(base, core, {...kept, background});
}

async function openHost(
  base: ThreadBase,
  {manifests, orders}: Kept,
  core: () => EngineCore | undefined,
): Promise<Host> {
  const {options, clock, random, log, disk, emit} = base;
  const onFault = (error: unknown): void => {
    log.error({err: error}, 'a disk failed under a replica');
    emit({type: 'fatal', message: `a disk failed: ${String(error)}`});
  };
  const onLoading = async (loading: Promise<void>): Promise<void> => {
    const beganMs = clock.monotonicMs();
    await handledElsewhere(loading);
    base.storageCounts.loads.observeMs(clock.monotonicMs() - beganMs);
  };
  const vitals = new ThreadVitals(options.stores, options.vitals);
  const host: Host = await Host.open({
    node: options.node,
    thread: options.thread,
    bootEpoch: options.bootEpoch,
    clock,
    random,
    transport: {send: (to, channel, frame) => sendFrame(base, to, channel, frame)},
    log,
    stores: options.stores.map((store) => ({store, disk, path: storePath(store)})),
    storeOf: (set) => storeOf(set, options),
    timing: options.timing,
    limits: {
      ...proposalLimits(options.memory.proposals_in_flight_bytes_max),
      snapshotBytesPerSecond: options.snapshotBytesPerSecond,
    },
    onTick: (lateMs) => {
      vitals.tell(vitalsOf(host, clock));
      base.watch.ticked(lateMs);
    },
    awaitsVouching: true,
    damagedLog: hasOthers(options) ? 'replace' : 'refuse',
    openStateMachine: replicaFactory({
      disk,
      slices: base.turns,
      merges: base.merges,
      manifests,
      limits: {
        memtableBytes: MEMTABLE_BYTES,
        memtableBytesMax: MEMTABLE_BYTES_MAX,
        memtables: base.memtables,
        indexes: base.indexes,
      },
      counts: base.storageCounts,
      openFiles: base.openFiles,
      clusterVersion: () => core()?.copy.catalog.clusterVersion ?? 1,
      onFault,
      onFate: (set, table) => core()?.effects.fateApplied(set, table),
      onLoading: (loading) => void onLoading(loading),
      onPutOff: ({set, replica}, error) =>
        log.warn({set, replica, err: error}, 'a flush or compaction is put off'),
    }),
    locate: (set, replica) => nodeOf(core()?.copy.catalog, set, replica),
    onReopened: ({set}) => core()?.replicas.reopened(set),
    entryOrders: (key) => orders.of(key),
  });
  return host;
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
  {emit}: ThreadBase,
  to: NodeId,
  channel: 'control' | 'bulk',
  frame: Uint8Array,
): boolean {
  emit({type: 'send', to, channel, frame});
  return true;
}

function createRpc(base: ThreadBase, hosts: (set: ReplicaSetId) => boolean): RpcCore {
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

function newsOf(emit: (message: FromEngine) => void): CoreNews {
  return {
    hosted: (set, isHere) => emit({type: 'hosted', set, isHere}),
    buried: (set, upto) => emit({type: 'buried', upto: [[set, upto]]}),
    broughtBack: () => emit({type: 'brought-back'}),
    catalog: (news) => emit({type: 'catalog', news}),
  };
}

/** What only a real thread has: queries, services, the care for replicas that stopped, an end. */
function finish(
  base: ThreadBase,
  core: EngineCore,
  {manifests, orders, background}: Kept & {readonly background: BackgroundClient},
): EngineParts {
  const {options, clock, log, nodes, watch, audit, certificates} = base;
  const {host, rpc, copy, metaRole, effects} = core;
  const stopped = new StoppedReplicas({
    host,
    copy,
    orders,
    log,
    monotonicMs: () => clock.monotonicMs(),
    onOpened: (set) => (set === META_SET ? metaRole?.hosted() : effects.opened(set)),
  });
  rpc.serve(stopped.handlers());
  const reads = new ReadCounts();
  serveThread(base, core, reads);
  return {
    ...core,
    ...{options, clock, nodes, watch, audit, certificates, stopped},
    flushes: new FlushRound(host, new FlushSchedule(options.memory.memtables_bytes_max)),
    unloads: new UnloadSchedule(base.indexes, options.unloadAfterMs),
    services: createServices(base, core, reads),
    close: async () => {
      await metaRole?.stop();
      await host.close();
      await base.merges.close();
      await base.copies.close();
      rpc.close();
      await Promise.all([...manifests.values()].map((manifest) => manifest.close()));
      background.close();
    },
  };
}

function serveThread(
  base: ThreadBase,
  {host, rpc, replicas}: EngineCore,
  counts: ReadCounts,
): void {
  const {options, clock, queries: memory, turns: slices, certificates} = base;
  const monotonicMs = (): number => clock.monotonicMs();
  const flags = clusterFlags(options.settings);
  rpc.serve(conditionHandler({clock, host: replicas, ends: () => certificates.ends, flags}));
  rpc.serve(storageHandler({thread: options.thread, host, counts: base.storageCounts}));
  const query = fragmentHandler({host, monotonicMs, slices, counts, memory});
  const backup = setBackupHandler({
    ...{node: options.node, host, clock, slices, copies: base.copies},
    openDisk: (directory) => new NodeDisk(directory),
  });
  const stream = new Map([
    [QUERY_METHOD, query],
    [BACKUP_METHOD, backup],
  ]);
  rpc.serve({call: new Map(), stream});
}

/**
 * By chance, and not from the boot epoch: a disk that is put back to an older state gives its node one a
 * second time, and what the new life writes before it is told would pass for what the lost one wrote
 * under the same numbers: acknowledged, and nowhere.
 */
function drawIncarnation(node: NodeId, random: Random): number {
  return node * LIVES + random.below(LIVES);
}
