// Where all nodes lead as many sets, one may still lead those that are written to most. Two nodes then
// exchange a lead each, the one that leads the most writes and one that leads few, as long as that brings them
// nearer by much. The numbers of leads stay as they are. Costs what is written to, and the leads of two nodes.

import type {NodeId, ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import {sharesLeads} from './fitness.ts';
import type {LeadEdges} from './lead-edges.ts';
import type {LeadTransfer} from './leader-spread.ts';
import {WRITE_RATE_MIN} from './node-loads.ts';
import type {Reports} from './reports.ts';

/** A swap has to close this part of the gap: what is measured changes by as much in a minute. */
const CLOSED_MIN = 0.2;

interface Lead {
  readonly set: ReplicaSetId;
  /** Bytes a second. */
  readonly rate: number;
}

interface Swap {
  readonly hot: NodeId;
  readonly cool: NodeId;
  /** Led by the hot one. */
  readonly from: Lead;
  readonly to: Lead;
}

/** Each swap is two transfers. */
export function planLeadSwaps(
  leads: LeadEdges,
  catalog: Catalog,
  reports: Reports,
  {nowMs, swapsMax}: {readonly nowMs: number; readonly swapsMax: number},
): LeadTransfer[] {
  const transfers: LeadTransfer[] = [];
  if (swapsMax <= 0) return transfers;
  for (const swap of leadSwaps(leads, catalog, reports, nowMs)) {
    transfers.push(...swap);
    if (transfers.length >= 2 * swapsMax) break;
  }
  return transfers;
}

/** One after the other, as if those before were carried out. */
export function* leadSwaps(
  leads: LeadEdges,
  catalog: Catalog,
  reports: Reports,
  nowMs: number,
): Generator<LeadTransfer[]> {
  const taking = [...leads.counts().keys()].filter((node) =>
    sharesLeads(node, catalog, reports, nowMs),
  );
  const rateOf = ratesOfLeads(taking, leads, catalog, reports);
  const rates = new Map<NodeId, number>(taking.map((node) => [node, 0]));
  for (const [set, rate] of rateOf) {
    const node = leads.leaderOf(set)!;
    rates.set(node, rates.get(node)! + rate);
  }
  const moved = new Set<ReplicaSetId>();
  const leadsFor = (from: NodeId, to: NodeId): Lead[] =>
    [...leads.between(from, to)]
      // Each moves once: where it went it is looked at when it is there.
      .filter((set) => !moved.has(set))
      .map((set) => ({set, rate: rateOf.get(set) ?? 0}));
  for (;;) {
    const swap = chooseSwap(rates, leadsFor);
    if (swap === undefined) return;
    const {hot, cool, from, to} = swap;
    yield [transferTo(from, hot, cool, catalog), transferTo(to, cool, hot, catalog)].flatMap(
      (transfer) => transfer ?? [],
    );
    const shifted = from.rate - to.rate;
    rates.set(hot, rates.get(hot)! - shifted);
    rates.set(cool, rates.get(cool)! + shifted);
    moved.add(from.set).add(to.set);
  }
}

/** By set, as its leader tells; of those that are written to. */
function ratesOfLeads(
  nodes: readonly NodeId[],
  leads: LeadEdges,
  catalog: Catalog,
  reports: Reports,
): Map<ReplicaSetId, number> {
  const rates = new Map<ReplicaSetId, number>();
  for (const node of nodes) {
    for (const [replica, rate] of reports.get(node)?.writes?.byReplica ?? []) {
      const set = catalog.replicaSetOf(replica);
      if (set === undefined || leads.leaderOf(set.id) !== node) continue;
      const isOwn = set.replicas.some(
        (placed) => placed.replica === replica && placed.node === node,
      );
      if (isOwn) rates.set(set.id, rate);
    }
  }
  return rates;
}

/** Of the node that leads the most writes, with the one that leads the fewest of those it can exchange with. */
function chooseSwap(
  rates: ReadonlyMap<NodeId, number>,
  leadsFor: (from: NodeId, to: NodeId) => Lead[],
): Swap | undefined {
  const nodes = [...rates.keys()].sort((a, b) => rates.get(a)! - rates.get(b)! || a - b);
  const hot = nodes.pop();
  if (hot === undefined) return undefined;
  for (const cool of nodes) {
    const gap = rates.get(hot)! - rates.get(cool)!;
    if (gap < WRITE_RATE_MIN) return undefined;
    const best = bestSwap(leadsFor(hot, cool), leadsFor(cool, hot), gap);
    if (best !== undefined) return {hot, cool, ...best};
  }
  return undefined;
}

/** The one that comes nearest to an exchange of half the gap. */
function bestSwap(
  hot: readonly Lead[],
  cool: readonly Lead[],
  gap: number,
): Pick<Swap, 'from' | 'to'> | undefined {
  const byRate = [...cool].sort((a, b) => a.rate - b.rate);
  let best: Pick<Swap, 'from' | 'to'> | undefined;
  // What is left between the two nodes then.
  let least = gap * (1 - CLOSED_MIN);
  for (const from of hot) {
    const wanted = from.rate - gap / 2;
    const above = byRate.findIndex(({rate}) => rate >= wanted);
    for (const to of above < 0
      ? byRate.slice(-1)
      : byRate.slice(Math.max(0, above - 1), above + 1)) {
      const left = Math.abs(gap - 2 * (from.rate - to.rate));
      if (left >= least) continue;
      best = {from, to};
      least = left;
    }
  }
  return best;
}

/** Undefined: the set has changed since. */
function transferTo(
  {set}: Lead,
  from: NodeId,
  to: NodeId,
  catalog: Catalog,
): LeadTransfer | undefined {
  const heir = catalog.replicaSet(set)?.replicas.find(({node}) => node === to);
  return heir && {type: 'transfer-leader', node: from, set, to: heir.replica};
}
