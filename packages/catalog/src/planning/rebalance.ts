// Evening out the nodes: leads first, as a transfer costs a round trip and a move copies a replica; then
// replicas, by what each node carries (node-loads.ts). A move is made where it puts zones apart that another
// zone could relieve, or where it lowers the sum of the squares of what the nodes carry and brings no two
// replicas into one zone: both sums only fall, so that it ends.

import {META_SET, type NodeId, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {Node, Operation, ReplicaPlacement, ReplicaSet} from '../model.ts';
import {ended, isLed, isSetLed, type MoveBudget, move, type NodePlan, WAIT} from './evacuation.ts';
import {liveNodes} from './fitness.ts';
import {GroupView} from './group-view.ts';
import {planLeadSwaps} from './lead-swaps.ts';
import {type LeadTransfer, planLeaderSpread} from './leader-spread.ts';
import {NodeLoads} from './node-loads.ts';
import {zoneOf} from './placement.ts';
import type {Reports} from './reports.ts';

/** Nodes this much apart in their number of replicas are even enough. */
const IMBALANCE_MIN = 2;
/** Of what a node carries on average: below it a move costs more than it gives. */
const GAIN_MIN = 0.01;
/** Leads that do not go where they should hold up no replicas for longer. */
const LEADS_MS_MAX = 60_000;

export interface PlannedMove {
  readonly set: ReplicaSet;
  readonly source: ReplicaPlacement;
  readonly target: Node;
}

/** One wave after the other: what the nodes carry is known again when the moves of one are done. */
export function planRebalance(
  operation: Operation,
  catalog: Catalog,
  reports: Reports,
  {nowMs, budget}: {readonly nowMs: number; readonly budget: MoveBudget},
): NodePlan {
  if (operation.state === 'cancelling') return ended('cancelled');
  const moving = [...catalog.operations()].some(
    (other) =>
      other.kind === 'move-replica' &&
      other.state === 'running' &&
      isSetLed(other, catalog, reports),
  );
  if (moving) return {decision: WAIT, moves: []};
  if (nowMs - operation.createdAtMs < LEADS_MS_MAX) {
    const transfers = planTransfers(catalog, reports, {nowMs, all: false});
    if (transfers.length > 0) return {decision: WAIT, moves: transfers};
  }
  const moves = planMoves(catalog, reports, {nowMs, movesMax: budget.left});
  budget.left -= moves.length;
  if (moves.length === 0) return ended('done');
  const begun = moves.map(({set, source, target}) =>
    move('move-replica', set, source, target, 'rebalance', nowMs),
  );
  return {decision: WAIT, moves: begun};
}

/** Fullest and emptiest fit node differ by more than moving costs, and a move would make it better. */
export function isUneven(catalog: Catalog, reports: Reports, nowMs: number): boolean {
  const nodes = liveNodes(catalog, reports, nowMs);
  // A leader that has just begun knows numbers alone: by them it would move back what writes had put apart.
  if (nodes.some(({id}) => reports.get(id)?.writes === undefined)) return false;
  const counts = nodes.map(({id}) => catalog.replicaCount(id));
  const max = Math.max(0, ...counts);
  // A tenth of the fullest: below that moving costs more than it gives.
  const isCountUneven = max - Math.min(...counts) > Math.max(IMBALANCE_MIN, max / 10);
  if (isCountUneven) return planMoves(catalog, reports, {nowMs, movesMax: 1}).length > 0;
  return new Evening(catalog, reports, nodes).isZoneCrowded();
}

export interface RebalancePlan {
  readonly transfers: readonly LeadTransfer[];
  readonly moves: readonly PlannedMove[];
}

/** All that a rebalance would do now, if nothing else happened. */
export function planWholeRebalance(
  catalog: Catalog,
  reports: Reports,
  nowMs: number,
): RebalancePlan {
  return {
    transfers: planTransfers(catalog, reports, {nowMs, all: true}),
    moves: planMoves(catalog, reports, {nowMs, movesMax: Infinity}),
  };
}

/** Even numbers first; then those that are written to much are exchanged for others. */
function planTransfers(
  catalog: Catalog,
  reports: Reports,
  {nowMs, all}: {readonly nowMs: number; readonly all: boolean},
): LeadTransfer[] {
  const groups = ordinaryGroups(catalog, reports);
  const spread = planLeaderSpread(groups, catalog, reports, nowMs, all ? Infinity : undefined);
  if (spread.length > 0) return spread;
  return planLeadSwaps(groups, catalog, reports, {nowMs, swapsMax: all ? Infinity : 1});
}

export function planMoves(
  catalog: Catalog,
  reports: Reports,
  {nowMs, movesMax}: {readonly nowMs: number; readonly movesMax: number},
): PlannedMove[] {
  const nodes = liveNodes(catalog, reports, nowMs);
  if (nodes.length === 0 || movesMax <= 0) return [];
  return new Evening(catalog, reports, nodes).moves(movesMax);
}

function ordinaryGroups(catalog: Catalog, reports: Reports): GroupView[] {
  return [...catalog.replicaSets()]
    .filter(({id, state}) => id !== META_SET && state === 'open')
    .map((set) => new GroupView(set, reports));
}

/** Where a set's replicas are once what is planned is done; those that move are not moved again. */
interface Holding {
  readonly node: NodeId;
  readonly replica: ReplicaId | undefined;
}

class Evening {
  readonly #catalog: Catalog;
  readonly #reports: Reports;
  readonly #targets: readonly Node[];
  readonly #loads: NodeLoads;
  /** By node. */
  readonly #zones: ReadonlyMap<NodeId, string>;
  readonly #planned = new Map<ReplicaSetId, readonly Holding[]>();
  #lowest = 0;

  constructor(catalog: Catalog, reports: Reports, targets: readonly Node[]) {
    this.#catalog = catalog;
    this.#reports = reports;
    this.#targets = targets;
    this.#loads = new NodeLoads(targets, catalog, reports);
    this.#zones = new Map([...catalog.nodes()].map((node) => [node.id, zoneOf(node)]));
    this.#findLowest();
  }

  moves(movesMax: number): PlannedMove[] {
    const moves: PlannedMove[] = [];
    const ways = [this.#unCrowding, this.#lightening].map((way) => way.bind(this));
    for (const choose of ways) {
      for (let isBetter = true; isBetter; ) {
        isBetter = false;
        for (const set of this.#catalog.replicaSets()) {
          if (moves.length >= movesMax) return moves;
          const found = this.#mayMove(set) ? choose(set) : undefined;
          if (found === undefined) continue;
          moves.push(found);
          isBetter = true;
        }
      }
    }
    return moves;
  }

  /** Some set has two replicas in a zone of which another could take one. */
  isZoneCrowded(): boolean {
    for (const set of this.#catalog.replicaSets()) {
      if (this.#mayMove(set) && this.#unCrowding(set) !== undefined) return true;
    }
    return false;
  }

  #mayMove(set: ReplicaSet): boolean {
    return set.state === 'open' && set.pinned !== true && !this.#catalog.operationOf(set.id);
  }

  /** The move that takes a replica out of a crowded zone of the set. */
  #unCrowding(set: ReplicaSet): PlannedMove | undefined {
    const holdings = this.#holdings(set);
    for (const {node, replica} of holdings) {
      const crowd = this.#crowd(holdings, this.#zones.get(node));
      if (crowd < 2 || replica === undefined) continue;
      const target = this.#lightest(holdings, (zone) => this.#crowd(holdings, zone) + 1 < crowd);
      if (target !== undefined && isLed(set, this.#reports))
        return this.#plan(set, {node, replica}, target);
    }
    return undefined;
  }

  /** The move that makes two nodes more even. */
  #lightening(set: ReplicaSet): PlannedMove | undefined {
    const holdings = this.#holdings(set);
    // Mostly so: then nothing more is looked at.
    if (!holdings.some((holding) => this.#isHeavy(holding))) return undefined;
    for (const {node, replica} of this.#heaviestFirst(holdings)) {
      if (!this.#isHeavy({node, replica}) || replica === undefined) continue;
      const own = this.#zones.get(node);
      const crowd = this.#crowd(holdings, own);
      const target = this.#lightest(
        holdings,
        (zone) => zone === own || this.#crowd(holdings, zone) < crowd,
      );
      if (target === undefined || !this.#isGain(node, target.id, replica)) continue;
      if (isLed(set, this.#reports)) return this.#plan(set, {node, replica}, target);
    }
    return undefined;
  }

  /** Some node is so much lighter that a replica could move there. What is on a full or silent one stays. */
  #isHeavy({node, replica}: Holding): boolean {
    const score = this.#loads.scores.get(node);
    if (replica === undefined || score === undefined) return false;
    return score - this.#lowest - this.#loads.perReplica >= GAIN_MIN;
  }

  #isGain(from: NodeId, to: NodeId, replica: ReplicaId): boolean {
    const {scores} = this.#loads;
    const report = this.#reports.get(from)?.replicas.get(replica);
    const freed = this.#loads.weight(report, from);
    const taken = this.#loads.weight(report, to);
    const gap = scores.get(from)! - scores.get(to)!;
    // a² + b² falls where the gap is wider than what moves.
    return gap - Math.max(freed, taken) >= GAIN_MIN;
  }

  #plan(set: ReplicaSet, {node, replica}: Holding, target: Node): PlannedMove {
    const report = this.#reports.get(node)?.replicas.get(replica!);
    if (this.#loads.scores.has(node)) this.#loads.change(node, -this.#loads.weight(report, node));
    this.#loads.change(target.id, this.#loads.weight(report, target.id));
    this.#findLowest();
    const kept = this.#holdings(set).filter((holding) => holding.replica !== replica);
    this.#planned.set(set.id, [...kept, {node: target.id, replica: undefined}]);
    return {set, source: set.replicas.find((placed) => placed.replica === replica)!, target};
  }

  #holdings(set: ReplicaSet): readonly Holding[] {
    return this.#planned.get(set.id) ?? set.replicas;
  }

  #heaviestFirst(holdings: readonly Holding[]): Holding[] {
    const score = ({node}: Holding) => this.#loads.scores.get(node) ?? 0;
    return [...holdings].sort((a, b) => score(b) - score(a));
  }

  #lightest(
    holdings: readonly Holding[],
    isAllowed: (zone: string | undefined) => boolean,
  ): Node | undefined {
    const {scores} = this.#loads;
    let lightest: Node | undefined;
    for (const candidate of this.#targets) {
      if (lightest && scores.get(candidate.id)! >= scores.get(lightest.id)!) continue;
      if (holdings.some(({node}) => node === candidate.id)) continue;
      if (isAllowed(this.#zones.get(candidate.id))) lightest = candidate;
    }
    return lightest;
  }

  #crowd(holdings: readonly Holding[], zone: string | undefined): number {
    let count = 0;
    for (const {node} of holdings) if (this.#zones.get(node) === zone) count++;
    return count;
  }

  #findLowest(): void {
    this.#lowest = Math.min(...this.#loads.scores.values());
  }
}
