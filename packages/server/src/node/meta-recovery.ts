// What `recover meta` does, over whatever holds the stores of stopped nodes: looks at every copy of the
// catalog, takes the most advanced one, brings it up to what the stores tell, and makes of it a meta group
// of one. Without files and clocks, so that a simulated cluster is recovered by the same code.

import {type Disk, META_SET, type NodeId, type StoreId} from '@flotilla/base';
import {
  Catalog,
  type CatalogUpdate,
  type MachineSnapshot,
  type NodeEvidence,
} from '@flotilla/catalog';
import {
  ALL_AT_ONCE,
  MetaStateMachine,
  machineOf,
  machineOfCopy,
  type RecoveredMeta,
  recoverMetaState,
} from '@flotilla/meta';
import type {StoppedStore} from '@flotilla/multiraft';
import {replicaDirectory} from '../engine/replica-factory.ts';

/** A node that does not run, as long as it is held. */
export interface Stopped {
  /** Its data directory, to be named to people. */
  readonly path: string;
  readonly node: NodeId;
  readonly cluster: string;
  readonly disk: Disk;
  /** What it remembers of the catalog. */
  readonly cached: CatalogUpdate;
  /** The store that holds a replica of the meta group; where there is none, the first. */
  readonly metaStore: {readonly storeId: StoreId; readonly store: StoppedStore};
  remember(catalog: CatalogUpdate): Promise<void>;
}

export interface GivenCatalog {
  readonly file: string;
  readonly update: CatalogUpdate;
}

/** What there is to recover from. */
interface Given {
  /** One at least. */
  readonly nodes: readonly Stopped[];
  /** Of these nodes, and of others that live. */
  readonly evidence: readonly NodeEvidence[];
  readonly file?: GivenCatalog | undefined;
  /** Nodes that live, and of which there is neither. */
  readonly surviving: readonly number[];
}

/** What one directory or file holds of the catalog. */
export interface MetaCopy {
  /** A file's own path. */
  readonly directory: string;
  /** Absent of a file. */
  readonly node?: number | undefined;
  /** 'member': a replica of the meta group; 'copy': what a node remembers of the catalog; 'file': --catalog. */
  readonly source: 'member' | 'copy' | 'file' | 'damaged member';
  readonly lastTerm: number | undefined;
  /** Of its log; of a copy, its version. */
  readonly lastIndex: number;
}

interface MetaPlan {
  /** The most advanced first. */
  readonly copies: readonly MetaCopy[];
  readonly chosen: MetaCopy;
  /** Whose store is to hold the new group. */
  readonly from: Stopped;
  /** Members of the group that are neither here nor named as living: they are let in no more. */
  readonly lost: readonly NodeId[];
  readonly next: RecoveredMeta;
}

/** Changes nothing but how far the chosen member's machine has applied its log. */
export async function planMetaRecovery(given: Given, atMs: number): Promise<MetaPlan> {
  const {nodes, evidence, file, surviving} = given;
  const copies = copiesOf(given).sort(compareCopies);
  const chosen = choose(copies);
  if (chosen === undefined)
    throw new Error(
      'no copy of the catalog is left in these directories: name more of them, or give an exported one by --catalog',
    );
  const from = nodes.find(({path}) => path === chosen.directory) ?? holderOf(nodes);
  const state = await stateOf(from, chosen, file);
  const here = new Set<number>([...surviving, ...evidence.map(({node}) => node)]);
  const members = Catalog.fromSnapshot(state.catalog).metaSet()?.replicas ?? [];
  const lost = members.map(({node}) => node).filter((node) => !here.has(node));
  // Of all: stopped in the middle, what is done must count for more than what was there before.
  const terms = nodes.map(({metaStore}) => metaStore.store.replica(META_SET)?.term ?? 0);
  const term = Math.max(...terms);
  const version = Math.max(...copies.map(({lastIndex}) => lastIndex));
  const order = {node: from.node, lost, evidence, term, version, atMs};
  return {copies, chosen, from, lost, next: recoverMetaState(state, order)};
}

/** The new replica is durable first: from then on it counts as the most advanced copy. */
export async function carryOutMetaRecovery(
  {from, next: {replica, snapshot, catalog}}: MetaPlan,
  nodes: readonly Stopped[],
): Promise<void> {
  await from.metaStore.store.goOnAs(META_SET, replica, snapshot);
  for (const other of nodes) {
    if (other !== from) await other.metaStore.store.end(META_SET);
    await other.remember(catalog);
  }
}

function copiesOf({nodes, file}: Given): MetaCopy[] {
  const copies: MetaCopy[] = [];
  for (const {path: directory, node, cached, metaStore} of nodes) {
    const place = {directory, node};
    const replica = metaStore.store.replica(META_SET);
    if (replica !== undefined) {
      const {lastTerm, lastIndex, isDamaged} = replica;
      const source = isDamaged ? 'damaged member' : 'member';
      copies.push({...place, source, lastTerm, lastIndex});
    }
    if (cached.changes.length > 0)
      copies.push({...place, source: 'copy', lastTerm: undefined, lastIndex: cached.version});
  }
  if (file === undefined) return copies;
  const lastIndex = file.update.version;
  return [...copies, {directory: file.file, source: 'file', lastTerm: undefined, lastIndex}];
}

/** A copy or a file only where it has seen entries that no member has any more; the copies are sorted. */
function choose(copies: readonly MetaCopy[]): MetaCopy | undefined {
  const member = copies.find(({source}) => source === 'member');
  const copy = copies.find(({source}) => source === 'copy' || source === 'file');
  return (copy?.lastIndex ?? 0) > (member?.lastIndex ?? 0) ? copy : member;
}

/** Members first; of them the later term counts. */
function compareCopies(a: MetaCopy, b: MetaCopy): number {
  return (b.lastTerm ?? 0) - (a.lastTerm ?? 0) || b.lastIndex - a.lastIndex;
}

/** The node that has a replica of the group already, or any. */
function holderOf(nodes: readonly Stopped[]): Stopped {
  const holder = nodes.find(({metaStore}) => metaStore.store.replica(META_SET) !== undefined);
  return holder ?? nodes[0]!;
}

async function stateOf(
  from: Stopped,
  {source}: MetaCopy,
  file: GivenCatalog | undefined,
): Promise<MachineSnapshot> {
  if (source === 'copy') return machineOfCopy(from.cached);
  if (source === 'file') return machineOfCopy(file!.update);
  const {storeId, store} = from.metaStore;
  const {replica, founding} = store.replica(META_SET)!;
  const machine = await MetaStateMachine.open({
    disk: from.disk,
    directory: replicaDirectory(storeId, META_SET, replica),
    slices: ALL_AT_ONCE,
    founding,
    onFatal: (error) => {
      throw error;
    },
  });
  await store.applyAll(META_SET, machine);
  const snapshot = await machine.snapshot();
  await machine.close();
  return machineOf(snapshot);
}
