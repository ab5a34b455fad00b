// Leaders do the work of writes, so each node should lead as many sets as the others. A lead moves only
// to a live, caught-up voter, and only where that makes the nodes more even in the end: a node may have to
// pass one on that it gets. Nodes that are to lead nothing are leader-evacuation.ts's.

import type {Catalog} from '../catalog.ts';
import type {Action} from './action.ts';
import {takesLeads} from './fitness.ts';
import type {GroupView} from './group-view.ts';
import {LeadBalance, type LeadMove} from './lead-balance.ts';
import type {Reports} from './reports.ts';

/** A transfer pauses the set's writes for a round trip: few at a time. */
const TRANSFERS_MAX = 4;

export type LeadTransfer = Extract<Action, {type: 'transfer-leader'}>;

/** @param transfersMax of all that are wanted, the first; a chain is never cut. */
export function planLeaderSpread(
  groups: Iterable<GroupView>,
  catalog: Catalog,
  reports: Reports,
  nowMs: number,
  transfersMax = TRANSFERS_MAX,
): LeadTransfer[] {
  const fit = new Set([...reports.keys()].filter((id) => takesLeads(id, catalog, reports, nowMs)));
  const led = [...groups].filter(({leaderNode}) => leaderNode !== undefined);
  const counts = new Map([...fit].map((node) => [node, 0]));
  for (const {leaderNode} of led) counts.set(leaderNode!, (counts.get(leaderNode!) ?? 0) + 1);
  // Asked first, since it is mostly so: who may take which lead is much to look at.
  if (Math.max(...counts.values()) - Math.min(...counts.values()) < 2) return [];
  const balance = new LeadBalance<GroupView>(counts);
  for (const group of led) {
    if (!isMovable(group, catalog)) continue;
    for (const {node} of group.heirs()) {
      if (fit.has(node)) balance.allow(group, group.leaderNode!, node);
    }
  }
  const transfers: LeadTransfer[] = [];
  while (transfers.length < transfersMax) {
    const moves = balance.next();
    if (moves.length === 0) break;
    transfers.push(...moves.map(transferOf));
  }
  return transfers;
}

export function isMovable(group: GroupView, catalog: Catalog): boolean {
  const {set} = group;
  if (set.pinned === true || group.joint || catalog.operationOf(set.id)) return false;
  return catalog.failoverOf(set.id) !== 'manual';
}

function transferOf({item, from, to}: LeadMove<GroupView>): LeadTransfer {
  const {replica} = item.set.replicas.find(({node}) => node === to)!;
  return {type: 'transfer-leader', node: from, set: item.set.id, to: replica};
}
