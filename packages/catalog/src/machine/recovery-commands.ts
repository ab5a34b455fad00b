// What a person says after a majority was lost: these nodes never come back, and of such a set this
// replica is what is left. Law: the one that goes on does so under a new id, as the only voter, and
// nodes that were declared lost are let in no more: what returns of them is counted by nobody. Each
// command is fenced by epochs and may come again; what it wants stands in the placement, so that the
// reconciler goes on with it after any crash.

import {META_SET, type NodeId, type ReplicaId} from '@flotilla/base';
import {type Catalog, isFinished} from '../catalog.ts';
import type {DeclareLost, RecoverMeta, RecoverReplicaSet} from '../commands.ts';
import type {ReplicaPlacement, ReplicaSet} from '../model.ts';
import {type Draft, type Handler, NOTHING, refuse, succeed} from './draft.ts';

const LOST = 'a majority of the replicas was lost';

export const declareLost: Handler<DeclareLost> = (draft, {nodes, atMs}) => {
  const unknown = nodes.find((node) => draft.catalog.node(node) === undefined);
  if (unknown !== undefined) return refuse('NOT_FOUND', `no node ${unknown}`);
  const meta = draft.catalog.metaSet();
  expel(draft, nodes, atMs, meta === undefined ? [] : [meta]);
  return succeed(NOTHING);
};

/** The state that is left is that of `node`, whose new replica leads alone from then on. */
export const recoverMeta: Handler<RecoverMeta> = (draft, {node, lost, atMs}) => {
  const set = draft.catalog.metaSet();
  const state = draft.catalog.node(node)?.state;
  if (set === undefined) return refuse('CONFLICT', 'no cluster is founded yet');
  if (state === undefined) return refuse('NOT_FOUND', `no node ${node}`);
  if (state === 'decommissioned' || lost.includes(node)) {
    return refuse('CONFLICT', `node ${node} is decommissioned or lost`);
  }
  expel(draft, lost, atMs, []);
  fail(draft, set, atMs);
  const replica = draft.nextId<ReplicaId>('replica');
  const replicas: ReplicaPlacement[] = [{replica, node, role: 'voter'}];
  draft.put('replica-set', META_SET, {...set, epoch: set.epoch + 1, state: 'open', replicas});
  return succeed({replica});
};

export const recoverReplicaSet: Handler<RecoverReplicaSet> = (draft, command) => {
  const {node, replica: from, lastIndex = 0, atMs} = command;
  const set = draft.catalog.replicaSet(command.set);
  if (set === undefined || set.id === META_SET) {
    return refuse('NOT_FOUND', `no replica set ${command.set}`);
  }
  if (set.state === 'dropping') return refuse('CONFLICT', `replica set ${set.id} is dropped`);
  if (set.epoch !== command.expectedEpoch) {
    const message = `replica set ${set.id} is at epoch ${set.epoch}, not ${command.expectedEpoch}`;
    return refuse('CONFLICT', message, {epoch: set.epoch});
  }
  const state = draft.catalog.node(node)?.state;
  if (state === undefined) return refuse('NOT_FOUND', `no node ${node}`);
  if (state === 'decommissioned') return refuse('CONFLICT', `node ${node} is ${state}`);
  const isThere = set.replicas.some((placed) => placed.replica === from && placed.node === node);
  if (from !== undefined && !isThere) {
    return refuse('NOT_FOUND', `no replica ${from} of replica set ${set.id} on node ${node}`);
  }
  fail(draft, set, atMs);
  const replica = draft.nextId<ReplicaId>('replica');
  const replicas: ReplicaPlacement[] = [{replica, node, role: 'voter', from}];
  const epoch = set.epoch + 1;
  // Indexes behind the end of what is left are given to other entries.
  const skippedEntries = set.skippedEntries?.filter(({index}) => index <= lastIndex);
  // Nobody is left that an open order could wait for.
  const orders = {skippedEntries, skipOrder: undefined};
  const recovered = {...set, ...orders, epoch, replicas, state: 'open'} as const;
  const empty = {founders: [replica], foundingLearners: undefined, state: 'creating'} as const;
  draft.put('replica-set', set.id, from === undefined ? {...recovered, ...empty} : recovered);
  return succeed({epoch, replica});
};

/**
 * They are members of the cluster no more. Where a majority of a set is elsewhere their replicas lose
 * their places, and the others take them out of the configuration; other sets wait for their recovery.
 */
function expel(
  draft: Draft,
  nodes: readonly NodeId[],
  atMs: number,
  meta: readonly ReplicaSet[],
): void {
  const {catalog} = draft;
  for (const id of nodes) {
    const node = catalog.node(id)!;
    if (node.state !== 'decommissioned') draft.put('node', id, {...node, state: 'decommissioned'});
  }
  for (const set of [...meta, ...catalog.replicaSets()]) {
    const kept = set.replicas.filter(({node}) => !isGone(catalog, nodes, node));
    if (kept.length === set.replicas.length || set.state !== 'open') continue;
    if (2 * votersOf(kept) <= votersOf(set.replicas)) continue;
    fail(draft, set, atMs);
    draft.put('replica-set', set.id, {...set, epoch: set.epoch + 1, replicas: kept});
  }
  for (const operation of catalog.operations()) {
    const {sourceNode} = operation;
    if (operation.replicaSet !== undefined || sourceNode === undefined) continue;
    if (!nodes.includes(sourceNode) || isFinished(operation)) continue;
    const error = `node ${sourceNode} was declared lost`;
    const history = [...operation.history, {step: 'failed', atMs}];
    draft.put('operation', operation.id, {...operation, state: 'failed', error, history});
  }
}

function isGone(catalog: Catalog, lost: readonly NodeId[], node: NodeId): boolean {
  return lost.includes(node) || catalog.node(node)?.state === 'decommissioned';
}

function votersOf(replicas: readonly ReplicaPlacement[]): number {
  return replicas.filter(({role}) => role === 'voter').length;
}

/** What an operation planned for the set holds no more. */
function fail(draft: Draft, {id}: ReplicaSet, atMs: number): void {
  const operation = draft.catalog.operationOf(id);
  if (operation === undefined) return;
  const history = [...operation.history, {step: 'failed', atMs}];
  const changed = {...operation, state: 'failed', error: LOST, errorCode: 'CONFLICT', history};
  draft.put('operation', operation.id, changed as typeof operation);
}
