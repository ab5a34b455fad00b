// Leaders do the work of writes, so each node should lead as many sets as the others. A lead moves
// only to a live, caught-up voter, and only where that makes the two nodes more even.

import type {NodeId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {Action} from './action.ts';
import type {GroupView} from './group-view.ts';
import {leadsNothing} from './pauses.ts';
import type {NodeReport, Reports} from './reports.ts';

/** A transfer pauses the set's writes for a round trip: few at a time. */
const TRANSFERS_MAX = 4;

/** Below it a node takes no writes, and gives away what it leads. */
const DISK_FREE_MIN = 0.05;

export function planLeaderSpread(
  groups: Iterable<GroupView>,
  catalog: Catalog,
  reports: Reports,
  nowMs: number,
): Action[] {
  const led = new Map<NodeId, number>();
  const movable: GroupView[] = [];
  for (const group of groups) {
    const node = group.leaderNode;
    if (node === undefined) continue;
    led.set(node, (led.get(node) ?? 0) + 1);
    const {set} = group;
    const manual = catalog.failoverOf(set.id) === 'manual';
    if (set.pinned !== true && !manual && !group.joint && !catalog.operationOf(set.id)) {
      movable.push(group);
    }
  }
  const load = (node: NodeId) =>
    !leadsNothing(catalog.node(node), nowMs) && canLead(reports.get(node))
      ? (led.get(node) ?? 0)
      : Infinity;
  const actions: Action[] = [];
  for (const group of movable) {
    if (actions.length >= TRANSFERS_MAX) break;
    const from = group.leaderNode!;
    const to = group.successor(group.leader!.replica, load);
    if (to === undefined || load(to.node) === Infinity) continue;
    const leaving = catalog.node(from)?.state !== 'active';
    if (!leaving && (led.get(from) ?? 0) - load(to.node) < 2) continue;
    led.set(from, (led.get(from) ?? 0) - 1);
    led.set(to.node, load(to.node) + 1);
    actions.push({type: 'transfer-leader', node: from, set: group.set.id, to: to.replica});
  }
  return actions;
}

export function canLead(report: NodeReport | undefined): boolean {
  return report?.live === true && report.diskFree >= DISK_FREE_MIN;
}
