// How many replicas a set should have.

import {META_SET} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {ReplicaSet} from '../model.ts';

/**
 * What was asked for this set by hand while that holds, which is as long as it is pinned; else its database's
 * option. Nodes that can hold them may be fewer.
 */
export function replicasWanted(catalog: Catalog, set: ReplicaSet): number {
  if (set.id === META_SET) return metaReplicasWanted(catalog);
  return (set.pinned ? set.replicasWanted : undefined) ?? replicasOfDatabase(catalog, set);
}

export function replicasOfDatabase(catalog: Catalog, set: ReplicaSet): number {
  return catalog.database(set.database)?.options.replicas ?? 0;
}

/** Three from three nodes on, five from five. */
export function metaReplicasWanted(catalog: Catalog): number {
  const active = [...catalog.nodes()].filter(({state}) => state === 'active').length;
  return active >= 5 ? 5 : Math.min(active, 3);
}
