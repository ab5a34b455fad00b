// Operations that empty a node: draining, and decommissioning, which then takes it off the list for ever. They
// make moves, a few at a time, and end when nothing is left to move. A set that the node leads is not moved before
// its lead has gone (leader-evacuation.ts): the leader sends the copy, and one move at a time runs on a set.

import {META_SET, type NodeId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import {ERRORS_TAKEN_BACK_SINCE} from '../cluster-version.ts';
import type {CreateOperation} from '../commands.ts';
import type {Node, Operation, RepairCause, ReplicaPlacement, ReplicaSet} from '../model.ts';
import type {Action} from './action.ts';
import {cancelledSets, cancelledWork} from './cancelled.ts';
import {drainFault} from './drain-room.ts';
import {GroupView} from './group-view.ts';
import {LeadHeirs} from './lead-heirs.ts';
import type {Decision} from './member-operation.ts';
import {majorityFault} from './preconditions.ts';
import type {Reports} from './reports.ts';
import type {SetLists} from './set-lists.ts';
import {Targets} from './targets.ts';
import {replicasWanted} from './wanted.ts';

/** Of moves at once in the cluster; each copies a replica. */
export interface MoveBudget {
  left: number;
}

/** What a node operation does next: at most one save, and the moves that it starts. */
export interface NodePlan {
  readonly decision: Decision;
  readonly moves: readonly Action[];
}

interface Context {
  readonly nowMs: number;
  readonly budget: MoveBudget;
}

export function planEvacuation(operation: Operation, lists: SetLists, context: Context): NodePlan {
  const {catalog} = lists;
  const node = catalog.node(operation.sourceNode!);
  if (node === undefined) return ended('failed', 'no such node');
  const isEmpty = catalog.replicaCount(node.id) === 0;
  const isGone = isEmpty && node.state === 'decommissioned';
  if (operation.state === 'cancelling' && !isGone) return planReturn(node, operation);
  if (node.state === 'active') return proposed(node, 'draining', operation);
  if (!isEmpty) return planEmptying(node, operation, lists, context);
  const isDrained = node.state === 'drained' && operation.kind === 'drain-node';
  if (isDrained || isGone) return ended('done');
  const obstacle = remainsOn(node.id, lists.reports);
  if (obstacle !== undefined) return {decision: {type: 'wait', for: obstacle}, moves: []};
  return proposed(node, node.state === 'draining' ? 'drained' : 'decommissioned', operation);
}

/**
 * What a live node has not removed yet keeps it: those that stay may still have to learn for good that it is a
 * member no more, and a node that is told to be drained is stopped. A dead one removes nothing, and is not waited for.
 */
function remainsOn(node: NodeId, reports: Reports): string | undefined {
  const report = reports.get(node);
  if (report === undefined) return `node ${node} to be heard, or known to be silent`;
  const {size} = report.replicas;
  if (!report.live || size === 0) return undefined;
  return `node ${node} to remove its last ${size === 1 ? 'replica' : `${size} replicas`}`;
}

/** Who cancels wants back the node that this has emptied, even in the moment it is empty. */
function planReturn(node: Node, {kind, replicasTotal = 0, ...operation}: Operation): NodePlan {
  const isEmptiedByThis = kind === 'drain-node' || replicasTotal > 0;
  const isToReturn = node.state === 'draining' || (node.state === 'drained' && isEmptiedByThis);
  return isToReturn ? proposed(node, 'active', operation) : ended('cancelled');
}

function planEmptying(
  node: Node,
  operation: Operation,
  lists: SetLists,
  context: Context,
): NodePlan {
  const {nowMs, budget} = context;
  const {moves, isPlaceless} = planMovesFrom(node, operation, lists, context);
  const isMoving = moves.length > 0 || isWorkedOn(operation, lists.catalog);
  if (isPlaceless && !isMoving) return {decision: planExplanation(operation, lists, nowMs), moves};
  // What was said of a missing place is said no longer than it is so.
  const isOvercome =
    operation.error !== undefined && lists.catalog.clusterVersion >= ERRORS_TAKEN_BACK_SINCE;
  if (isOvercome && (isMoving || budget.left > 0)) {
    return {decision: explained(operation, null, nowMs), moves};
  }
  const obstacle = isMoving ? undefined : obstacleOn(node, operation, lists, context);
  return {decision: obstacle === undefined ? WAIT : {type: 'wait', for: obstacle}, moves};
}

/** Moves that it has begun go on. */
function isWorkedOn({id}: Operation, catalog: Catalog): boolean {
  const startedBy = `operation ${id}`;
  return [...catalog.unfinishedOperations()].some((other) => other.startedBy === startedBy);
}

/** Once: the operation goes on as soon as a node can take what is left. */
function planExplanation(operation: Operation, lists: SetLists, atMs: number): Decision {
  const node = operation.sourceNode!;
  const sets = [...lists.on(node)].map(({set}) => set).filter(({id}) => id !== META_SET);
  const general = 'no live node with room can take the replicas that are left: add 1 node';
  const error = drainFault(lists.catalog, node, {sets, reports: lists.reports}) ?? general;
  if (operation.error === error) return {type: 'wait', for: 'a live node with room'};
  return explained(operation, error, atMs);
}

function explained(operation: Operation, error: string | null, atMs: number): Decision {
  const command = {
    type: 'update-operation',
    operation: operation.id,
    expectedStep: operation.step,
    error,
    errorCode: error === null ? undefined : 'NO_PLACE',
    atMs,
  } as const;
  return {type: 'act', action: {type: 'propose', command}};
}

/** `isPlaceless`: some replica could go now, and no node can take it. */
function planMovesFrom(
  node: Node,
  operation: Operation,
  lists: SetLists,
  {nowMs, budget}: Context,
): {readonly moves: readonly Action[]; readonly isPlaceless: boolean} {
  const {catalog, reports} = lists;
  const moves: Action[] = [];
  let isPlaceless = false;
  if (budget.left <= 0) return {moves, isPlaceless};
  const targets = new Targets(catalog, reports, nowMs);
  const cancelled = cancelledIn(operation, catalog, nowMs);
  const heirs = new LeadHeirs(lists, nowMs);
  for (const group of movableOn(node, lists)) {
    const {set} = group;
    if (cancelled.has(set.id) || isLeadToGo(group, node, heirs)) continue;
    const placed = set.replicas.find((replica) => replica.node === node.id)!;
    const {node: target, paused} = targets.successor(set, placed.node);
    // Where there are more replicas than wanted now, one less is better than a wait for a place.
    const isRemovable = hasSpare(set, catalog) && hasHeir(group, placed);
    if (target === undefined && !isRemovable) {
      isPlaceless ||= paused === undefined && !hasSpare(set, catalog);
      continue;
    }
    const kind = target === undefined ? 'remove-replica' : 'move-replica';
    if (isAtRisk(group, placed, kind)) continue;
    const startedBy = `operation ${operation.id}`;
    moves.push(move(kind, set, placed, {target, startedBy, atMs: nowMs}));
    budget.left--;
    if (budget.left <= 0) break;
  }
  return {moves, isPlaceless};
}

/** The node leads it, and another can. */
function isLeadToGo(group: GroupView, {id}: Node, heirs: LeadHeirs): boolean {
  return group.leaderNode === id && heirs.of(group).length > 0;
}

/** Its change of members would wait for voters that do not answer, and keep them from being made anew. */
function isAtRisk(
  group: GroupView,
  {replica}: ReplicaPlacement,
  kind: 'move-replica' | 'remove-replica',
): boolean {
  if (group.voters.length === 1) return false;
  const added = kind === 'move-replica' ? 1 : 0;
  return majorityFault(group, {without: replica, added}) !== undefined;
}

/** Moves that it began and somebody cancelled. */
function cancelledIn(
  {id}: Operation,
  catalog: Catalog,
  nowMs: number,
): ReturnType<typeof cancelledSets> {
  const begun = {kinds: ['move-replica', 'remove-replica'], startedBy: `operation ${id}`} as const;
  return cancelledSets(cancelledWork(catalog, nowMs), begun, catalog);
}

/** Sets with a replica on the node that an operation may begin on. */
function* movableOn(node: Node, lists: SetLists): Generator<GroupView> {
  for (const group of lists.on(node.id)) {
    const {set, leader} = group;
    const isFree = set.state === 'open' && lists.catalog.operationOf(set.id) === undefined;
    if (isFree && leader !== undefined) yield group;
  }
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

/** What the first replica on the node that is in the way waits for. */
function obstacleOn(
  node: Node,
  operation: Operation,
  lists: SetLists,
  {nowMs, budget}: Context,
): string | undefined {
  const {catalog} = lists;
  const cancelled = cancelledIn(operation, catalog, nowMs);
  const heirs = new LeadHeirs(lists, nowMs);
  for (const group of lists.on(node.id)) {
    const {set, leader} = group;
    if (set.state === 'dropping') return `the dropped replica set ${set.id} to be gone`;
    if (set.state === 'creating') return `replica set ${set.id} to open`;
    const other = catalog.operationOf(set.id);
    if (other !== undefined) return `operation ${other.id} (${other.kind}) to end`;
    if (leader === undefined) return `a leader of replica set ${set.id}`;
    const stopped = cancelled.get(set.id)?.operation;
    if (stopped !== undefined) return `operation ${stopped.id}, which was cancelled, to be retried`;
    if (isLeadToGo(group, node, heirs)) return `the lead of replica set ${set.id} to leave`;
    const placed = set.replicas.find((replica) => replica.node === node.id)!;
    const kind = hasSpare(set, catalog) ? 'remove-replica' : 'move-replica';
    if (isAtRisk(group, placed, kind)) return `the other voters of replica set ${set.id} to answer`;
    // As many as may go on at once are begun.
    if (budget.left <= 0) return undefined;
    const {paused} = new Targets(catalog, lists.reports, nowMs).successor(set, node.id);
    if (paused !== undefined) return `another try of node ${paused.id}, which did not keep a copy`;
    return `a member of replica set ${set.id} on another node`;
  }
  return undefined;
}

/** The last replica has to be moved, however few are wanted. */
function hasSpare(set: ReplicaSet, catalog: Catalog): boolean {
  return set.replicas.length > Math.max(1, replicasWanted(catalog, set));
}

/** A replica that is placed may not be a member yet: without another one there is nobody to go on with. */
function hasHeir({voters, learners}: GroupView, {replica}: ReplicaPlacement): boolean {
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

interface MoveOrder {
  /** Absent of a removal, and of a repair in place. */
  readonly target?: Node | undefined;
  readonly startedBy: string;
  readonly atMs: number;
  readonly cause?: RepairCause | undefined;
}

/** The order to begin one operation that takes `source` away from where it is. */
export function move(
  kind: 'move-replica' | 'remove-replica' | 'repair',
  set: ReplicaSet,
  source: ReplicaPlacement,
  {target, startedBy, atMs, cause}: MoveOrder,
): Action {
  const command: CreateOperation = {
    type: 'create-operation',
    kind,
    replicaSet: set.id,
    source: source.replica,
    sourceNode: source.node,
    targetNode: target?.id,
    allowFewerVoters: kind === 'remove-replica' ? true : undefined,
    cause,
    startedBy,
    atMs,
  };
  return {type: 'propose', command};
}

/** Late it changes nothing: neither where the node has another state, nor where the operation has ended. */
function proposed(
  node: Node,
  state: Node['state'],
  {id: operation}: Pick<Operation, 'id'>,
): NodePlan {
  const subject = {node: node.id, expectedState: node.state, operation};
  const command = {type: 'set-node-state', state, ...subject} as const;
  return {decision: {type: 'act', action: {type: 'propose', command}}, moves: []};
}

export function ended(state: 'done' | 'failed' | 'cancelled', error?: string): NodePlan {
  return {decision: {type: 'finish', state, error}, moves: []};
}
