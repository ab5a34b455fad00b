// `recover meta`: the meta group has lost its majority for good. On nodes that are stopped, the most
// advanced copy of the catalog that is left becomes the state of a new group of one, on one of them.
// Order: the new replica is durable in its store; then the other directories are told (their replicas of
// the group end, their copies of the catalog are replaced). Stopped in the middle, the same call goes on:
// what is done counts as the most advanced copy from then on.

import {existsSync} from 'node:fs';
import path from 'node:path';
import {type Clock, type Log, META_SET, type NodeId, type StoreId} from '@flotilla/base';
import {Catalog, type CatalogUpdate, type MachineSnapshot} from '@flotilla/catalog';
import {
  MetaStateMachine,
  machineOf,
  machineOfCopy,
  type RecoveredMeta,
  recoverMetaState,
} from '@flotilla/meta';
import {type StoppedReplica, StoppedStore} from '@flotilla/multiraft';
import {
  AuditFiles,
  createNodeRandom,
  NodeClock,
  type NodeDirectory,
  openNodeDirectory,
  storePath,
} from '../adapters/index.ts';
import {AuditTrail} from '../doors/audit.ts';
import {replicaDirectory} from '../engine/replica-factory.ts';
import {readCatalogCache, writeCatalogCache} from './catalog-cache.ts';

export interface MetaRecoveryOptions {
  /** Data directories of stopped nodes of one cluster. */
  readonly directories: readonly string[];
  /** Nodes that live and whose directories are not here. */
  readonly surviving: readonly number[];
  /** Only what would be done. */
  readonly isDryRun: boolean;
  readonly log: Log;
}

/** What one directory holds of the catalog. */
export interface MetaCopy {
  readonly directory: string;
  readonly node: number;
  /** 'member': a replica of the meta group; 'copy': what a node remembers of the catalog. */
  readonly source: 'member' | 'copy' | 'damaged member';
  readonly lastTerm: number | undefined;
  /** Of its log; of a copy, its version. */
  readonly lastIndex: number;
}

export interface MetaRecovery {
  readonly cluster: string;
  /** The most advanced first. */
  readonly copies: readonly MetaCopy[];
  readonly chosen: MetaCopy;
  /** Members of the group that are neither here nor named as living: they are let in no more. */
  readonly lost: readonly number[];
  readonly isDone: boolean;
}

/** One opened directory. */
interface Opened {
  readonly directory: NodeDirectory;
  readonly node: NodeId;
  readonly cluster: string;
  readonly cached: CatalogUpdate;
  readonly store: StoppedStore;
  readonly storeId: StoreId;
  readonly replica: StoppedReplica | undefined;
}

/** Throws DirectoryLockedError for a node that runs. */
export async function recoverMeta(options: MetaRecoveryOptions): Promise<MetaRecovery> {
  const {directories, log} = options;
  const clock = new NodeClock();
  const opened: Opened[] = [];
  try {
    for (const directory of new Set(directories.map((each) => path.resolve(each))))
      opened.push(await openStopped(directory, clock, log));
    return await recoverFrom(opened, options, clock);
  } finally {
    for (const {store, directory} of opened) {
      await store.close();
      directory.close();
    }
  }
}

async function recoverFrom(
  opened: readonly Opened[],
  {surviving, isDryRun, log}: MetaRecoveryOptions,
  clock: Clock,
): Promise<MetaRecovery> {
  const cluster = oneCluster(opened);
  const copies = opened.flatMap(copiesOf).sort(compareCopies);
  const chosen = choose(copies);
  if (chosen === undefined)
    throw new Error('no copy of the catalog is left in these directories, and there is no backup');
  const from = opened.find(({directory}) => directory.path === chosen.directory)!;
  const state = await stateOf(from, chosen);
  const here = new Set<number>([...surviving, ...opened.map(({node}) => node)]);
  const members = Catalog.fromSnapshot(state.catalog).metaSet()?.replicas ?? [];
  const lost = members.map(({node}) => node).filter((node) => !here.has(node));
  const recovery = {cluster, copies, chosen, lost};
  if (isDryRun) return {...recovery, isDone: false};
  const term = from.replica?.term ?? 0;
  const next = recoverMetaState(state, {node: from.node, lost, term, atMs: clock.wallMs()});
  await carryOut(from, opened, next);
  await audit(from, {lost, chosen}, {clock, log});
  return {...recovery, isDone: true};
}

async function carryOut(
  from: Opened,
  opened: readonly Opened[],
  {replica, snapshot, catalog}: RecoveredMeta,
): Promise<void> {
  await from.store.goOnAs(META_SET, replica, snapshot);
  for (const other of opened) {
    if (other !== from) await other.store.end(META_SET);
    await writeCatalogCache(other.directory.path, catalog);
  }
}

async function audit(
  {directory}: Opened,
  how: Pick<MetaRecovery, 'lost' | 'chosen'>,
  {clock, log}: {readonly clock: Clock; readonly log: Log},
): Promise<void> {
  const files = new AuditFiles(directory.path, log);
  const who = 'the command line';
  new AuditTrail(files, clock).add({who, what: 'recover-meta', how, result: 'ok'});
  await files.close();
}

async function openStopped(given: string, clock: Clock, log: Log): Promise<Opened> {
  if (!existsSync(path.join(given, 'node.json')))
    throw new Error(`${given} is no data directory of a node: it has no node.json`);
  const directory = await openNodeDirectory({path: given, stores: 1});
  try {
    if (directory.identity === undefined)
      throw new Error(`the node of ${given} belongs to no cluster yet`);
    const cached = await readCatalogCache(given, log);
    return {directory, ...directory.identity, cached, ...(await openStore(directory, clock, log))};
  } catch (error) {
    directory.close();
    throw error;
  }
}

/** The store that holds the meta group's replica; where there is none, the first. */
async function openStore(
  {disk, bootEpoch, stores}: NodeDirectory,
  clock: Clock,
  log: Log,
): Promise<Pick<Opened, 'store' | 'storeId' | 'replica'>> {
  const ports = {random: createNodeRandom(), clock, bootEpoch, log};
  const open = (storeId: StoreId): Promise<StoppedStore> =>
    StoppedStore.open({store: storeId, disk, path: storePath(storeId)}, ports);
  for (let number = 0; number < stores; number++) {
    const storeId = number as StoreId;
    const store = await open(storeId);
    const replica = store.replica(META_SET);
    if (replica !== undefined) return {store, storeId, replica};
    await store.close();
  }
  const storeId = 0 as StoreId;
  return {store: await open(storeId), storeId, replica: undefined};
}

function oneCluster(opened: readonly Opened[]): string {
  const [first, ...others] = opened;
  if (first === undefined) throw new Error('name the data directories of the nodes that are left');
  for (const other of others) {
    const {cluster, node, directory} = other;
    if (cluster !== first.cluster)
      throw new Error(`${directory.path} is of cluster ${cluster}, not of ${first.cluster}`);
    const same = opened.find((one) => one !== other && one.node === node);
    if (same !== undefined)
      throw new Error(`${same.directory.path} and ${directory.path} are both of node ${node}`);
  }
  return first.cluster;
}

function copiesOf({directory, node, cached, replica}: Opened): MetaCopy[] {
  const copies: MetaCopy[] = [];
  const place = {directory: directory.path, node};
  if (replica !== undefined) {
    const {lastTerm, lastIndex, isDamaged} = replica;
    const source = isDamaged ? 'damaged member' : 'member';
    copies.push({...place, source, lastTerm, lastIndex});
  }
  if (cached.changes.length > 0)
    copies.push({...place, source: 'copy', lastTerm: undefined, lastIndex: cached.version});
  return copies;
}

/** A node's copy only where it has seen entries that no member has any more; the copies are sorted. */
function choose(copies: readonly MetaCopy[]): MetaCopy | undefined {
  const member = copies.find(({source}) => source === 'member');
  const copy = copies.find(({source}) => source === 'copy');
  return (copy?.lastIndex ?? 0) > (member?.lastIndex ?? 0) ? copy : member;
}

/** Members first; of them the later term counts. */
function compareCopies(a: MetaCopy, b: MetaCopy): number {
  return (b.lastTerm ?? 0) - (a.lastTerm ?? 0) || b.lastIndex - a.lastIndex;
}

async function stateOf(from: Opened, {source}: MetaCopy): Promise<MachineSnapshot> {
  const {directory, cached, store, storeId, replica} = from;
  if (source === 'copy') return machineOfCopy(cached);
  const machine = await MetaStateMachine.open({
    disk: directory.disk,
    directory: replicaDirectory(storeId, META_SET, replica!.replica),
    founding: replica!.founding,
    onFatal: (error) => {
      throw error;
    },
  });
  await store.applyAll(META_SET, machine);
  const snapshot = await machine.snapshot();
  await machine.close();
  return machineOf(snapshot);
}
