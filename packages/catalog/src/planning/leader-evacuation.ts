// The leads of a node that is to lead nothing: one in maintenance, or one that is being emptied. They
// leave whatever else is paused, pinned or left to people, since a person has asked for it. So do those of a
// node whose disk is full, which refuses their writes; but for sets whose leads a person moves (manual
// failover). Where no live, caught-up voter can take one, it stays. The meta group's goes to no node whose clock is wrong, which
// would give it back at once (clocks.ts). Source of the order (leaders first): design section 9.

import {META_SET, type NodeId} from '@flotilla/base';
import type {ReplicaSet} from '../model.ts';
import type {Action} from './action.ts';
import {distrustedClocks} from './clocks.ts';
import {isFull, takesLeads} from './fitness.ts';
import {leadsNothing} from './pauses.ts';
import type {SetLists} from './set-lists.ts';

/** As many orders as the reconciler has under way at one node: a round takes some tens of milliseconds. */
const TRANSFERS_MAX = 16;

export function planLeaderEvacuation(lists: SetLists, nowMs: number): Action[] {
  const {catalog, reports} = lists;
  const led = lists.leads.counts();
  const metaNode = lists.view(META_SET)?.leaderNode;
  if (metaNode !== undefined) led.set(metaNode, (led.get(metaNode) ?? 0) + 1);
  const isEmptied = (node: NodeId): boolean => leadsNothing(catalog.node(node), nowMs);
  const leaving = [...led.keys()].filter((node) => isEmptied(node) || isFull(node, reports));
  if (leaving.length === 0) return [];
  const distrusted = distrustedClocks(reports);
  const takes = (set: ReplicaSet['id'], node: NodeId): boolean =>
    takesLeads(node, catalog, reports, nowMs) && !(set === META_SET && distrusted.has(node));
  const actions: Action[] = [];
  for (const group of lists.ledBy(leaving)) {
    if (actions.length >= TRANSFERS_MAX) break;
    const {leader, leaderNode: from, set} = group;
    if (leader === undefined || from === undefined) continue;
    if (!isEmptied(from) && catalog.failoverOf(set.id) === 'manual') continue;
    if (group.joint || catalog.operationOf(set.id) !== undefined) continue;
    const load = (node: NodeId): number => (takes(set.id, node) ? (led.get(node) ?? 0) : Infinity);
    const to = group.successor(leader.replica, load);
    if (to === undefined || load(to.node) === Infinity) continue;
    led.set(to.node, load(to.node) + 1);
    actions.push({type: 'transfer-leader', node: from, set: set.id, to: to.replica});
  }
  return actions;
}
