// Sets with more voters than their database wants, since its number of replicas was lowered: an operation
// takes one away after the other. Learners above the number go without one (membership.ts).

import type {Catalog} from '../catalog.ts';
import type {ReplicaPlacement} from '../model.ts';
import type {Action} from './action.ts';
import {move} from './evacuation.ts';
import type {GroupView} from './group-view.ts';
import {zoneOf} from './placement.ts';

/** Requires that no operation runs on the set. */
export function planSurplus(
  group: GroupView,
  wanted: number,
  catalog: Catalog,
  nowMs: number,
): Action | undefined {
  const {set} = group;
  if (group.leader === undefined || group.joint || set.replicas.length <= wanted) return undefined;
  // One on its way in or out is not a voter yet: what the members become is seen first.
  if (set.replicas.some(({replica}) => !group.isVoter(replica))) return undefined;
  const least = leastWanted(group, catalog);
  return least && move('remove-replica', set, least, {startedBy: 'reconciler', atMs: nowMs});
}

/** One that is dead or behind, else one whose zone holds another, else that of the fullest node; never the leader. */
function leastWanted(group: GroupView, catalog: Catalog): ReplicaPlacement | undefined {
  const {replicas} = group.set;
  const zone = ({node}: ReplicaPlacement) => {
    const found = catalog.node(node);
    return found && zoneOf(found);
  };
  const crowd = (placed: ReplicaPlacement) =>
    replicas.filter((other) => zone(other) === zone(placed)).length;
  const isUseful = ({replica}: ReplicaPlacement) => group.isCaughtUp(replica);
  return replicas
    .filter(({replica}) => replica !== group.leader?.replica)
    .sort(
      (a, b) =>
        Number(isUseful(a)) - Number(isUseful(b)) ||
        crowd(b) - crowd(a) ||
        catalog.replicaCount(b.node) - catalog.replicaCount(a.node),
    )[0];
}
