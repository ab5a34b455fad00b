// Evening out the nodes: leads first, as a transfer costs a round trip and a move copies a replica; then
// replicas, by what each node carries (evening.ts). What looks at every set gives way after each some thousand.

import type {Catalog} from '../catalog.ts';
import {MOVES_PLANNED_SINCE} from '../cluster-version.ts';
import type {Node, Operation} from '../model.ts';
import {failedCopies} from './cancelled.ts';
import {
  ended,
  isSetLed,
  type MoveBudget,
  move,
  type NodePlan,
  setsWithMeta,
  WAIT,
} from './evacuation.ts';
import {Evening} from './evening.ts';
import {liveNodes} from './fitness.ts';
import {GroupView} from './group-view.ts';
import {LeadEdges} from './lead-edges.ts';
import {leadSwaps, planLeadSwaps} from './lead-swaps.ts';
import {type LeadTransfer, leadChains, leadOf, planLeaderSpread} from './leader-spread.ts';
import type {Decision} from './member-operation.ts';
import type {PlannedMove} from './planned-move.ts';
import type {Reports} from './reports.ts';
import type {SetLists} from './set-lists.ts';

/** Nodes this much apart in their number of replicas are even enough. */
const IMBALANCE_MIN = 2;
/** Who begins the moves of a rebalance. */
export const REBALANCER = 'rebalance';
/** Leads that do not go where they should hold up no replicas for longer. */
const LEADS_MS_MAX = 60_000;
/** Looks at sets in one turn: each takes some microseconds, and a turn 5 ms at most. */
const LOOKS_PER_TURN = 500;
/** A look that finds a move takes as long as so many that find none. */
export const LOOKS_PER_MOVE = 5;

/** One wave after the other: what the nodes carry is known again when the moves of one are done. */
export function planRebalance(
  operation: Operation,
  lists: SetLists,
  {nowMs, budget}: {readonly nowMs: number; readonly budget: MoveBudget},
): NodePlan {
  const {catalog, reports, evening} = lists;
  if (operation.state === 'cancelling') return ended('cancelled');
  const moving = [...catalog.unfinishedOperations()].some(
    (other) =>
      other.kind === 'move-replica' &&
      other.state === 'running' &&
      isSetLed(other, catalog, reports),
  );
  // Repairs may take all turns, too: then it waits for one.
  if (moving || budget.left <= 0) {
    evening.forgetMoves();
    return {decision: WAIT, moves: []};
  }
  if (nowMs - operation.createdAtMs < LEADS_MS_MAX) {
    const transfers = planTransfers(lists, nowMs);
    if (transfers.length > 0) {
      evening.forgetMoves();
      return {decision: WAIT, moves: transfers};
    }
  }
  // Before the first wave all are looked for: how far it is counts from there.
  const isFirst =
    operation.movesPlanned === undefined && catalog.clusterVersion >= MOVES_PLANNED_SINCE;
  const movesMax = isFirst ? Infinity : budget.left;
  const planned = evening.movesOf(operation.id, {nowMs, movesMax});
  if (planned === undefined) return {decision: WAIT, moves: []};
  if (planned.length === 0) return ended('done');
  const moves = planned.slice(0, budget.left);
  budget.left -= moves.length;
  const begun = moves.map(({set, source, target}) =>
    move('move-replica', set, source, {target, startedBy: REBALANCER, atMs: nowMs}),
  );
  return {decision: isFirst ? counted(operation, planned.length, nowMs) : WAIT, moves: begun};
}

function counted({id, step}: Operation, movesPlanned: number, atMs: number): Decision {
  const subject = {operation: id, expectedStep: step, atMs};
  const command = {type: 'update-operation', ...subject, movesPlanned} as const;
  return {type: 'act', action: {type: 'propose', command}};
}

/** Even numbers first; then those that are written to much are exchanged for others. */
function planTransfers({catalog, reports, leads}: SetLists, nowMs: number): LeadTransfer[] {
  const spread = planLeaderSpread(leads, catalog, reports, nowMs);
  if (spread.length > 0) return spread;
  return planLeadSwaps(leads, catalog, reports, {nowMs, swapsMax: 1});
}

/** What kind of unevenness there may be: of zones alone, or of what nodes carry, too. */
export interface Doubt {
  readonly evening: Evening;
  readonly isCountUneven: boolean;
}

/** Undefined: nothing is to be begun now, whatever the sets look like. */
export function doubtOf(catalog: Catalog, reports: Reports, nowMs: number): Doubt | undefined {
  const nodes = evenedNodes(catalog, reports, nowMs);
  // A leader that has just begun knows numbers alone: by them it would move back what writes had put apart.
  if (nodes.some(({id}) => reports.get(id)?.writes === undefined)) return undefined;
  const counts = nodes.map(({id}) => catalog.replicaCount(id));
  const max = Math.max(0, ...counts);
  // A tenth of the fullest: below that moving costs more than it gives.
  const isCountUneven = max - Math.min(...counts) > Math.max(IMBALANCE_MIN, max / 10);
  return {evening: new Evening(catalog, reports, nodes, nowMs), isCountUneven};
}

/** Fullest and emptiest fit node differ by more than moving costs, and a move would make it better. */
export function isUneven(catalog: Catalog, reports: Reports, nowMs: number): boolean {
  const doubt = doubtOf(catalog, reports, nowMs);
  if (doubt === undefined) return false;
  const {evening, isCountUneven} = doubt;
  for (const set of setsWithMeta(catalog)) {
    if (isCountUneven ? evening.wouldMove(set) : evening.isCrowded(set)) return true;
  }
  return false;
}

export interface RebalancePlan {
  readonly transfers: readonly LeadTransfer[];
  readonly moves: readonly PlannedMove[];
}

/** All that a rebalance would do now, if nothing else happened. It gives way after some milliseconds each. */
export function* wholeRebalance(
  catalog: Catalog,
  reports: Reports,
  nowMs: number,
): Generator<void, RebalancePlan> {
  const leads = yield* leadsOf(catalog, reports);
  const transfers: LeadTransfer[] = [];
  for (const ways of [leadChains, leadSwaps]) {
    for (const some of ways(leads, catalog, reports, nowMs)) {
      transfers.push(...some);
      yield;
    }
    if (transfers.length > 0) break;
  }
  const moves: PlannedMove[] = [];
  let looks = 0;
  for (const found of searchMoves(catalog, reports, nowMs)) {
    if (found !== undefined) moves.push(found);
    looks += found === undefined ? 1 : LOOKS_PER_MOVE;
    if (looks < LOOKS_PER_TURN) continue;
    looks = 0;
    yield;
  }
  return {transfers, moves};
}

/** Everything at once. */
export function planWholeRebalance(
  catalog: Catalog,
  reports: Reports,
  nowMs: number,
): RebalancePlan {
  return finish(wholeRebalance(catalog, reports, nowMs));
}

export function planMoves(
  catalog: Catalog,
  reports: Reports,
  {nowMs, movesMax}: {readonly nowMs: number; readonly movesMax: number},
): PlannedMove[] {
  const moves: PlannedMove[] = [];
  if (movesMax <= 0) return moves;
  for (const found of searchMoves(catalog, reports, nowMs)) {
    if (found !== undefined) moves.push(found);
    if (moves.length >= movesMax) break;
  }
  return moves;
}

/** A look at a set each. */
export function* searchMoves(
  catalog: Catalog,
  reports: Reports,
  nowMs: number,
): Generator<PlannedMove | undefined> {
  const nodes = evenedNodes(catalog, reports, nowMs);
  if (nodes.length > 0) yield* new Evening(catalog, reports, nodes, nowMs).search();
}

/** Where a copy failed of late nothing is evened out: it would be tried there again and again. */
function evenedNodes(catalog: Catalog, reports: Reports, nowMs: number): Node[] {
  const {nodes: failed} = failedCopies(catalog, nowMs);
  return liveNodes(catalog, reports, nowMs).filter(({id}) => !failed.has(id));
}

/** Runs what gives way without giving way. */
export function finish<Result>(steps: Generator<void, Result>): Result {
  for (;;) {
    const {done, value} = steps.next();
    if (done === true) return value;
  }
}

function* leadsOf(catalog: Catalog, reports: Reports): Generator<void, LeadEdges> {
  const leads = new LeadEdges();
  let looks = 0;
  for (const set of catalog.replicaSets()) {
    leads.put(set.id, leadOf(new GroupView(set, reports), catalog));
    looks += 1;
    if (looks % LOOKS_PER_TURN === 0) yield;
  }
  return leads;
}
