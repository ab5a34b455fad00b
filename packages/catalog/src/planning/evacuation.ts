// Operations over many sets: draining and decommissioning a node, rebalancing, and the replacement of
// replicas that are lost. They make moves, a few at a time, and end when nothing is left to move.

import {LIMITS, type NodeId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {CreateOperation} from '../commands.ts';
import type {Node, Operation, ReplicaPlacement, ReplicaSet} from '../model.ts';
import type {Action} from './action.ts';
import {drainFault} from './drain-room.ts';
import {GroupView} from './group-view.ts';
import type {Decision} from './member-operation.ts';
import {silenceFromMs} from './pauses.ts';
import {fitNodes, pickNodes} from './placement.ts';
import {differingReplicas} from './replica-work.ts';
import type {Reports} from './reports.ts';
import {replicasWanted} from './wanted.ts';

/** Moves at once in the cluster; each copies a replica. */
export const MOVES_MAX = LIMITS.moves_per_cluster_max.value;
/** A node that was silent for so long is not coming back soon: its replicas are made anew elsewhere. */
export const REPAIR_AFTER_MS = 15 * 60_000;
/** Nodes this much apart in their number of replicas are even enough. */
const IMBALANCE_MIN = 2;

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

/** Moves replicas from the fullest node to the emptiest until they are nearly even. */
export function planRebalance(
  operation: Operation,
  catalog: Catalog,
  reports: Reports,
  context: {readonly nowMs: number; readonly budget: MoveBudget},
): NodePlan {
  if (operation.state === 'cancelling') return ended('cancelled');
  const moving = [...catalog.operations()].some(
    (other) =>
      other.kind === 'move-replica' &&
      other.state === 'running' &&
      isSetLed(other, catalog, reports),
  );
  // One wave after the other: counts are right again when the moves are done.
  if (moving) return {decision: WAIT, moves: []};
  const moves = planEvening(catalog, reports, context);
  return moves.length === 0 ? ended('done') : {decision: WAIT, moves};
}

/** Fullest and emptiest fit node differ by more than moving costs, and a move would make it better. */
export function isUneven(catalog: Catalog, reports: Reports, nowMs: number): boolean {
  const counts = liveNodes(catalog, reports).map(({id}) => catalog.replicaCount(id));
  const max = Math.max(0, ...counts);
  // A tenth of the fullest: below that moving costs more than it gives.
  if (max - Math.min(...counts) <= Math.max(IMBALANCE_MIN, max / 10)) return false;
  return planEvening(catalog, reports, {nowMs, budget: {left: 1}}).length > 0;
}

/** Replicas on nodes that are gone for long, and damaged ones, get a successor. */
export function planRepairs(
  catalog: Catalog,
  reports: Reports,
  context: {
    readonly nowMs: number;
    readonly budget: MoveBudget;
    readonly repairAfterMs?: number | undefined;
  },
): Action[] {
  const {repairAfterMs = REPAIR_AFTER_MS} = context;
  const lost = new Set<NodeId>();
  for (const report of reports.values()) {
    const {nowMs} = context;
    const node = catalog.node(report.node);
    const silentMs = nowMs - silenceFromMs(node, report.silentSinceMs ?? nowMs);
    if (!report.live && silentMs >= repairAfterMs) lost.add(report.node);
  }
  const differing = differingReplicas(catalog);
  const actions: Action[] = [];
  for (const set of setsWithMeta(catalog)) {
    if (context.budget.left <= 0) break;
    if (set.state !== 'open' || catalog.operationOf(set.id)) continue;
    for (const placed of set.replicas) {
      const report = reports.get(placed.node)?.replicas.get(placed.replica);
      const damaged = report?.damaged === true || differing.has(placed.replica);
      if (!damaged && !lost.has(placed.node)) continue;
      if (!isLed(set, reports)) break;
      const target = pickTarget(set, placed, catalog, reports);
      // In place only where the node lives: a dead one's replica keeps its seat till then.
      const isInPlace = damaged && reports.get(placed.node)?.live === true;
      if (target === undefined && !isInPlace) continue;
      actions.push(move('repair', set, placed, target, 'reconciler', context.nowMs));
      context.budget.left--;
      break;
    }
  }
  return actions;
}

function planMovesFrom(
  node: Node,
  operation: Operation,
  catalog: Catalog,
  reports: Reports,
  context: {readonly nowMs: number; readonly budget: MoveBudget},
): Action[] {
  const moves: Action[] = [];
  for (const set of movableOn(node, catalog, reports)) {
    if (context.budget.left <= 0) break;
    const placed = set.replicas.find((replica) => replica.node === node.id)!;
    const target = pickTarget(set, placed, catalog, reports);
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

function planEvening(
  catalog: Catalog,
  reports: Reports,
  context: {readonly nowMs: number; readonly budget: MoveBudget},
): Action[] {
  const nodes = liveNodes(catalog, reports);
  const counts = new Map(nodes.map(({id}) => [id, catalog.replicaCount(id)]));
  const moves: Action[] = [];
  for (const set of catalog.replicaSets()) {
    if (context.budget.left <= 0) break;
    if (set.state !== 'open' || set.pinned === true || catalog.operationOf(set.id)) continue;
    const source = [...set.replicas].sort(
      (a, b) => (counts.get(b.node) ?? 0) - (counts.get(a.node) ?? 0),
    )[0]!;
    const others = nodes.filter(({id}) => !set.replicas.some((placed) => placed.node === id));
    const kept = nodes.filter(({id}) => id !== source.node && isPlacedOn(set, id));
    const target = pickNodes(others, 1, NONE, counts, kept)[0];
    const from = counts.get(source.node) ?? 0;
    if (target === undefined || from - (counts.get(target.id) ?? 0) < IMBALANCE_MIN) continue;
    if (!isLed(set, reports)) continue;
    counts.set(source.node, from - 1);
    counts.set(target.id, (counts.get(target.id) ?? 0) + 1);
    moves.push(move('move-replica', set, source, target, 'rebalance', context.nowMs));
    context.budget.left--;
  }
  return moves;
}

function pickTarget(
  set: ReplicaSet,
  source: ReplicaPlacement,
  catalog: Catalog,
  reports: Reports,
): Node | undefined {
  const nodes = liveNodes(catalog, reports);
  const loads = new Map(nodes.map(({id}) => [id, catalog.replicaCount(id)]));
  const kept = nodes.filter(({id}) => id !== source.node && isPlacedOn(set, id));
  const others = nodes.filter(({id}) => !isPlacedOn(set, id));
  return pickNodes(others, 1, NONE, loads, kept)[0];
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
function isLed(set: ReplicaSet, reports: Reports): boolean {
  return new GroupView(set, reports).leader !== undefined;
}

/** A move whose set nobody leads may wait for ever: others do not wait for it. */
function isSetLed({replicaSet}: Operation, catalog: Catalog, reports: Reports): boolean {
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

export function liveNodes(catalog: Catalog, reports: Reports): Node[] {
  return fitNodes(catalog, reports).filter(({id}) => reports.get(id)?.live === true);
}

/** The meta group's set first: nothing moves without it. */
export function* setsWithMeta(catalog: Catalog): Generator<ReplicaSet> {
  const meta = catalog.metaSet();
  if (meta !== undefined) yield meta;
  yield* catalog.replicaSets();
}

const NONE: ReadonlyMap<NodeId, number> = new Map();
const WAIT: Decision = {type: 'wait', for: 'moves'};

function move(
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

function ended(state: 'done' | 'failed' | 'cancelled', error?: string): NodePlan {
  return {decision: {type: 'finish', state, error}, moves: []};
}
