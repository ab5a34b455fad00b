// Where all nodes lead as many sets, one may still lead those that are written to most. Two nodes then
// exchange a lead each, the one that leads the most writes and one that leads few, as long as that brings them
// nearer by much. The numbers of leads stay as they are.

import type {NodeId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import {takesLeads} from './fitness.ts';
import type {GroupView} from './group-view.ts';
import {isMovable, type LeadTransfer} from './leader-spread.ts';
import {WRITE_RATE_MIN} from './node-loads.ts';
import type {Reports} from './reports.ts';

/** A swap has to close this part of the gap: what is measured changes by as much in a minute. */
const CLOSED_MIN = 0.2;

interface Lead {
  readonly group: GroupView;
  /** Bytes a second. */
  readonly rate: number;
}

interface Swap {
  readonly from: Lead;
  readonly to: Lead;
}

/** Each swap is two transfers. */
export function planLeadSwaps(
  groups: readonly GroupView[],
  catalog: Catalog,
  reports: Reports,
  {nowMs, swapsMax}: {readonly nowMs: number; readonly swapsMax: number},
): LeadTransfer[] {
  const rates = new Map<NodeId, number>();
  const leads = new Map<NodeId, Lead[]>();
  for (const group of groups) {
    const node = group.leaderNode;
    if (node === undefined || !takesLeads(node, catalog, reports, nowMs)) continue;
    const rate = reports.get(node)?.writes?.byReplica.get(group.leader!.replica) ?? 0;
    rates.set(node, (rates.get(node) ?? 0) + rate);
    if (!isMovable(group, catalog)) continue;
    const present = leads.get(node);
    if (present === undefined) leads.set(node, [{group, rate}]);
    else present.push({group, rate});
  }
  const transfers: LeadTransfer[] = [];
  while (transfers.length < 2 * swapsMax) {
    const swap = chooseSwap(rates, leads);
    if (swap === undefined) break;
    const [hot, cool] = [swap.from.group.leaderNode!, swap.to.group.leaderNode!];
    transfers.push(transferTo(swap.from, cool), transferTo(swap.to, hot));
    const moved = swap.from.rate - swap.to.rate;
    rates.set(hot, rates.get(hot)! - moved);
    rates.set(cool, rates.get(cool)! + moved);
    // Each moves once: where it went it is looked at when it is there.
    leads.set(
      hot,
      leads.get(hot)!.filter((lead) => lead !== swap.from),
    );
    leads.set(
      cool,
      leads.get(cool)!.filter((lead) => lead !== swap.to),
    );
  }
  return transfers;
}

/** Of the node that leads the most writes, with the one that leads the fewest of those it can exchange with. */
function chooseSwap(
  rates: ReadonlyMap<NodeId, number>,
  leads: ReadonlyMap<NodeId, readonly Lead[]>,
): Swap | undefined {
  const nodes = [...rates.keys()].sort((a, b) => rates.get(a)! - rates.get(b)!);
  const hot = nodes.pop();
  if (hot === undefined) return undefined;
  for (const cool of nodes) {
    const gap = rates.get(hot)! - rates.get(cool)!;
    if (gap < WRITE_RATE_MIN) return undefined;
    const swap = bestSwap(leadsFor(leads.get(hot), cool), leadsFor(leads.get(cool), hot), gap);
    if (swap !== undefined) return swap;
  }
  return undefined;
}

/** The one that comes nearest to an exchange of half the gap. */
function bestSwap(hot: readonly Lead[], cool: readonly Lead[], gap: number): Swap | undefined {
  const byRate = [...cool].sort((a, b) => a.rate - b.rate);
  let best: Swap | undefined;
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

/** Those that may go to the node. */
function leadsFor(leads: readonly Lead[] = [], to: NodeId): Lead[] {
  return leads.filter(({group}) => group.heirs().some(({node}) => node === to));
}

function transferTo({group}: Lead, to: NodeId): LeadTransfer {
  const {replica} = group.set.replicas.find(({node}) => node === to)!;
  return {type: 'transfer-leader', node: group.leaderNode!, set: group.set.id, to: replica};
}
