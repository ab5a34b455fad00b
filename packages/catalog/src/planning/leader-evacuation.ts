// The leads of a node that is to lead nothing: one in maintenance, or one that is being emptied. They
// leave whatever else is paused, pinned or left to people, since a person has asked for it. So do those of a
// node whose disk is full, which refuses their writes; but for sets whose leads a person moves (manual
// failover). Where nobody can take one (lead-heirs.ts) it stays. Those that were told to leave and are still there
// come last, so that some that never go keep nobody waiting. Source of the order (leaders first): design section 9.

import {META_SET, type NodeId, type ReplicaSetId} from '@flotilla/base';
import type {Action} from './action.ts';
import {isFull} from './fitness.ts';
import type {GroupView} from './group-view.ts';
import {LeadHeirs} from './lead-heirs.ts';
import {leadsNothing} from './pauses.ts';
import type {RoundSettings} from './plan-settings.ts';
import type {SetLists} from './set-lists.ts';

/** As many orders as the reconciler has under way at one node: a round takes some tens of milliseconds. */
const TRANSFERS_MAX = 16;

export function planLeaderEvacuation(
  lists: SetLists,
  nowMs: number,
  {leadsTried = new Set()}: Pick<RoundSettings, 'leadsTried'> = {},
): Action[] {
  const {catalog, reports} = lists;
  const led = lists.leads.counts();
  const metaNode = lists.view(META_SET)?.leaderNode;
  if (metaNode !== undefined) led.set(metaNode, (led.get(metaNode) ?? 0) + 1);
  const isEmptied = (node: NodeId): boolean => leadsNothing(catalog.node(node), nowMs);
  const leaving = [...led.keys()].filter((node) => isEmptied(node) || isFull(node, reports));
  if (leaving.length === 0) return [];
  const heirs = new LeadHeirs(lists, nowMs);
  const load = ({node}: {readonly node: NodeId}): number => led.get(node) ?? 0;
  const actions: Action[] = [];
  for (const group of inTurn(lists.ledBy(leaving), leadsTried)) {
    if (actions.length >= TRANSFERS_MAX) break;
    const {leaderNode: from, set} = group;
    if (from === undefined) continue;
    if (!isEmptied(from) && catalog.failoverOf(set.id) === 'manual') continue;
    const [to] = heirs.of(group).sort((a, b) => load(a) - load(b));
    if (to === undefined) continue;
    led.set(to.node, load(to) + 1);
    actions.push({type: 'transfer-leader', node: from, set: set.id, to: to.replica});
  }
  return actions;
}

function* inTurn(
  groups: Iterable<GroupView>,
  tried: ReadonlySet<ReplicaSetId>,
): Generator<GroupView> {
  const again = new Map<ReplicaSetId, GroupView>();
  for (const group of groups) {
    if (tried.has(group.set.id)) again.set(group.set.id, group);
    else yield group;
  }
  for (const id of tried) {
    const group = again.get(id);
    if (group !== undefined) yield group;
  }
}
