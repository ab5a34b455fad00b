// Leaders do the work of writes, so each node should lead as many sets as the others. A lead moves only
// to a live, caught-up voter, and only where that makes the nodes more even in the end: a node may have to
// pass one on that it gets. Nodes that are to lead nothing are leader-evacuation.ts's.

import {META_SET, type NodeId, type ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {Action} from './action.ts';
import {sharesLeads} from './fitness.ts';
import type {GroupView} from './group-view.ts';
import {LeadBalance, type LeadMove} from './lead-balance.ts';
import type {Lead, LeadEdges} from './lead-edges.ts';
import type {Reports} from './reports.ts';

/** A transfer pauses the set's writes for a round trip: few at a time. */
const TRANSFERS_MAX = 4;

export type LeadTransfer = Extract<Action, {type: 'transfer-leader'}>;

/** @param transfersMax of all that are wanted, the first; a chain is never cut. */
export function planLeaderSpread(
  leads: LeadEdges,
  catalog: Catalog,
  reports: Reports,
  nowMs: number,
  transfersMax = TRANSFERS_MAX,
): LeadTransfer[] {
  const transfers: LeadTransfer[] = [];
  for (const chain of leadChains(leads, catalog, reports, nowMs)) {
    transfers.push(...chain);
    if (transfers.length >= transfersMax) break;
  }
  return transfers;
}

/** One chain after the other, as if those before were carried out. */
export function* leadChains(
  leads: LeadEdges,
  catalog: Catalog,
  reports: Reports,
  nowMs: number,
): Generator<LeadTransfer[]> {
  const fit = new Set([...reports.keys()].filter((id) => sharesLeads(id, catalog, reports, nowMs)));
  const counts = new Map<NodeId, number>([...fit].map((node) => [node, 0]));
  for (const [node, count] of leads.counts()) counts.set(node, count);
  // Asked first, since it is mostly so: who may take which lead is much to look at.
  if (Math.max(...counts.values()) - Math.min(...counts.values()) < 2) return;
  const balance = new LeadBalance<ReplicaSetId>(counts);
  for (const {from, to, sets} of leads.edges()) if (fit.has(to)) balance.allowAll(sets, from, to);
  for (let moves = balance.next(); moves.length > 0; moves = balance.next())
    yield moves.flatMap((move) => transferOf(move, catalog) ?? []);
}

/** Undefined of the meta group, of a set that is not open, and where nobody leads. */
export function leadOf(group: GroupView, catalog: Catalog): Lead | undefined {
  const {set, leaderNode: node} = group;
  if (set.id === META_SET || set.state !== 'open' || node === undefined) return undefined;
  return {node, heirs: isMovable(group, catalog) ? group.heirs().map((heir) => heir.node) : NONE};
}

const NONE: readonly NodeId[] = [];

function isMovable(group: GroupView, catalog: Catalog): boolean {
  const {set} = group;
  if (set.pinned === true || group.joint || catalog.operationOf(set.id)) return false;
  return catalog.failoverOf(set.id) !== 'manual';
}

/** Undefined: the set has changed since. */
function transferOf(
  {item: set, from, to}: LeadMove<ReplicaSetId>,
  catalog: Catalog,
): LeadTransfer | undefined {
  const heir = catalog.replicaSet(set)?.replicas.find(({node}) => node === to);
  return heir && {type: 'transfer-leader', node: from, set, to: heir.replica};
}
