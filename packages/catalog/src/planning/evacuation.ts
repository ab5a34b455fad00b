// Operations that empty a node: draining and decommissioning. They make moves, a few at a time, and end when
// nothing is left to move.

import {LIMITS, type NodeId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {CreateOperation} from '../commands.ts';
import type {Node, Operation, ReplicaPlacement, ReplicaSet} from '../model.ts';
import type {Action} from './action.ts';
import {drainFault} from './drain-room.ts';
import {GroupView} from './group-view.ts';
import type {Decision} from './member-operation.ts';
import type {Reports} from './reports.ts';
import {Targets} from './targets.ts';
import {replicasWanted} from './wanted.ts';

/** Moves at once in the cluster; each copies a replica. */
export const MOVES_MAX = LIMITS.moves_per_cluster_max.value;

export interface MoveBudget {
  left: number;
}

/** What a node operation does next: at most one save, and the moves that it starts. */
export interface NodePlan {
  readonly decision: Decision;
  readonly moves: readonly Action[];
}

export function planEvacuation(
  operation: Operation,
  catalog: Catalog,
  reports: Reports,
  context: {readonly nowMs: number; readonly budget: MoveBudget},
): NodePlan {
  const node = catalog.node(operation.sourceNode!);
  if (node === undefined) return ended('failed', 'no such node');
  if (operation.state === 'cancelling') {
    // Who asked for no more than the emptying wants the node back, even in the moment it is empty.
    const isEmptied = node.state === 'drained' && operation.kind === 'drain-node';
    if (node.state === 'draining' || isEmptied) return proposed(node, 'active');
    return ended('cancelled');
  }
  if (node.state === 'active') return proposed(node, 'draining');
  if (catalog.replicaCount(node.id) > 0) {
    const moves = planMovesFrom(node, operation, catalog, reports, context);
    const isNoneBegun = moves.length === 0 && context.budget.left === MOVES_MAX;
    const sets = movableOn(node, catalog, reports);
    const stuck = isNoneBegun && sets.some((set) => !hasSpare(set, catalog));
    if (stuck) return {decision: planExplanation(operation, catalog, context.nowMs), moves};
    const obstacle = isNoneBegun ? obstacleOn(node, catalog, reports) : undefined;
    return {decision: obstacle === undefined ? WAIT : {type: 'wait', for: obstacle}, moves};
  }
  if (node.state === 'draining') return proposed(node, 'drained');
  if (operation.kind === 'decommission-node' && node.state !== 'decommissioned') {
    return proposed(node, 'decommissioned');
  }
  return ended('done');
}

/** Once: the operation goes on as soon as a node can take what is left. */
function planExplanation(operation: Operation, catalog: Catalog, atMs: number): Decision {
  const general = 'no live node with room can take the replicas that are left: add 1 node';
  const error = drainFault(catalog, operation.sourceNode!) ?? general;
  if (operation.error === error) return {type: 'wait', for: 'a live node with room'};
  const command = {
    type: 'update-operation',
    operation: operation.id,
    expectedStep: operation.step,
    error,
    errorCode: 'NO_PLACE',
    atMs,
  } as const;
  return {type: 'act', action: {type: 'propose', command}};
}

function planMovesFrom(
  node: Node,
  operation: Operation,
  catalog: Catalog,
  reports: Reports,
  context: {readonly nowMs: number; readonly budget: MoveBudget},
): Action[] {
  const moves: Action[] = [];
  const targets = new Targets(catalog, reports, context.nowMs);
  for (const set of movableOn(node, catalog, reports)) {
    if (context.budget.left <= 0) break;
    const placed = set.replicas.find((replica) => replica.node === node.id)!;
    const [target] = targets.pick(set, 1, placed.node);
    // Where there are more replicas than wanted now, one less is better than a wait for a place.
    const isRemovable = hasSpare(set, catalog) && hasHeir(set, placed, reports);
    if (target === undefined && !isRemovable) continue;
    const kind = target === undefined ? 'remove-replica' : 'move-replica';
    const startedBy = `operation ${operation.id}`;
    moves.push(move(kind, set, placed, target, startedBy, context.nowMs));
    context.budget.left--;
  }
  return moves;
}

/** Sets with a replica on the node that an operation may begin on. */
function movableOn(node: Node, catalog: Catalog, reports: Reports): ReplicaSet[] {
  return [...setsWithMeta(catalog)].filter(
    (set) =>
      isPlacedOn(set, node.id) &&
      set.state === 'open' &&
      catalog.operationOf(set.id) === undefined &&
      isLed(set, reports),
  );
}

/**
 * Without a leader no member can be changed: an operation would wait for one, perhaps for ever, and there
 * are a few at a time.
 */
export function isLed(set: ReplicaSet, reports: Reports): boolean {
  return new GroupView(set, reports).leader !== undefined;
}

/** A move whose set nobody leads may wait for ever: others do not wait for it. */
export function isSetLed({replicaSet}: Operation, catalog: Catalog, reports: Reports): boolean {
  const set = catalog.replicaSet(replicaSet!);
  return set !== undefined && isLed(set, reports);
}

/** What the first replica on the node that no operation takes away waits for. */
function obstacleOn(node: Node, catalog: Catalog, reports: Reports): string | undefined {
  for (const set of setsWithMeta(catalog)) {
    if (!isPlacedOn(set, node.id) || set.state !== 'open') continue;
    if (catalog.operationOf(set.id) !== undefined) continue;
    if (!isLed(set, reports)) return `a leader of replica set ${set.id}`;
    return `a member of replica set ${set.id} on another node`;
  }
  return undefined;
}

/** The last replica has to be moved, however few are wanted. */
function hasSpare(set: ReplicaSet, catalog: Catalog): boolean {
  return set.replicas.length > Math.max(1, replicasWanted(catalog, set));
}

/** A replica that is placed may not be a member yet: without another one there is nobody to go on with. */
function hasHeir(set: ReplicaSet, {replica}: ReplicaPlacement, reports: Reports): boolean {
  const {voters, learners} = new GroupView(set, reports);
  return [...voters, ...learners].some((id) => id !== replica);
}

export function isPlacedOn(set: ReplicaSet, node: NodeId): boolean {
  return set.replicas.some((placed) => placed.node === node);
}

/** The meta group's set first: nothing moves without it. */
export function* setsWithMeta(catalog: Catalog): Generator<ReplicaSet> {
  const meta = catalog.metaSet();
  if (meta !== undefined) yield meta;
  yield* catalog.replicaSets();
}

export const WAIT: Decision = {type: 'wait', for: 'moves'};

export function move(
  kind: 'move-replica' | 'remove-replica' | 'repair',
  set: ReplicaSet,
  source: ReplicaPlacement,
  target: Node | undefined,
  startedBy: string,
  atMs: number,
): Action {
  const command: CreateOperation = {
    type: 'create-operation',
    kind,
    replicaSet: set.id,
    source: source.replica,
    sourceNode: source.node,
    targetNode: target?.id,
    allowFewerVoters: kind === 'remove-replica' ? true : undefined,
    startedBy,
    atMs,
  };
  return {type: 'propose', command};
}

function proposed(node: Node, state: Node['state']): NodePlan {
  const expectedState = node.state;
  const command = {type: 'set-node-state', node: node.id, state, expectedState} as const;
  return {decision: {type: 'act', action: {type: 'propose', command}}, moves: []};
}

export function ended(state: 'done' | 'failed' | 'cancelled', error?: string): NodePlan {
  return {decision: {type: 'finish', state, error}, moves: []};
}
