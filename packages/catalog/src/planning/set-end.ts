// When a replica set that is dropped can acknowledge nothing more: once the replicas that may be left of it are
// no majority, whatever its members were in the end. Ended replicas are never made again under their ids, and
// expelled nodes are let in no more. Of one on a silent node nothing is known but that it is alone when it is back.

import type {Catalog} from '../catalog.ts';
import type {ReplicaPlacement, ReplicaSet} from '../model.ts';
import type {GroupView} from './group-view.ts';

/** What keeps the dropped set from having ended, in words. What is on a live node is waited for, all of it. */
export function whatIsLeft(group: GroupView, catalog: Catalog): string | undefined {
  const left = unendedOf(group, catalog);
  const here = left.find(({node}) => group.isLive(node));
  if (here !== undefined) return `replica ${here.replica} on node ${here.node} to be removed`;
  return mayDecide(group.set, left) ? `node ${left[0]!.node} to answer` : undefined;
}

/** Its replicas that may still be somewhere. */
export function unendedOf(group: GroupView, catalog: Catalog): ReplicaPlacement[] {
  return group.set.replicas.filter((placed) => {
    if (isExpelled(placed, catalog)) return false;
    return !group.isLive(placed.node) || group.report(placed) !== undefined;
  });
}

/** One of the silent nodes because of which nobody could know that the set has ended, were it dropped now. */
export function silentMajority(group: GroupView, catalog: Catalog): ReplicaPlacement | undefined {
  const silent = group.set.replicas.filter(
    (placed) => !group.isLive(placed.node) && !isExpelled(placed, catalog),
  );
  return mayDecide(group.set, silent) ? silent[0] : undefined;
}

function isExpelled({node}: ReplicaPlacement, catalog: Catalog): boolean {
  return catalog.node(node)?.state === 'decommissioned';
}

/**
 * A majority of the voters, or half of an even number, of which one is about to vote no more; or a majority of all,
 * as learners may have become voters since the placement was told.
 */
function mayDecide({replicas}: ReplicaSet, left: readonly ReplicaPlacement[]): boolean {
  const voters = replicas.filter(({role}) => role === 'voter');
  const votersLeft = left.filter(({role}) => role === 'voter');
  return 2 * votersLeft.length >= voters.length || 2 * left.length > replicas.length;
}
