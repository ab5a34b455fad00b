// Sets that have fewer voters than the cluster's members allow because no node is left that takes a replica:
// the others are drained, nearly full, or have a clock that is not trusted. One whose replicas are all placed is
// on its way, and is none of them.

import type {ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import {votersOf} from './placement.ts';
import {replicasWanted} from './wanted.ts';

export interface ScantVoters {
  /** What they acknowledge is on one disk. */
  readonly sole: readonly ReplicaSetId[];
  /** The others. */
  readonly fewer: readonly ReplicaSetId[];
}

/** Open ones. */
export function scantVoters(catalog: Catalog): ScantVoters {
  const members = [...catalog.nodes()].filter(({state}) => state !== 'decommissioned').length;
  const sole: ReplicaSetId[] = [];
  const fewer: ReplicaSetId[] = [];
  for (const set of catalog.replicaSets()) {
    const possible = Math.min(replicasWanted(catalog, set), members);
    if (set.state !== 'open' || set.replicas.length >= possible) continue;
    const voters = set.replicas.filter(({role}) => role === 'voter').length;
    if (voters < votersOf(possible)) (voters === 1 ? sole : fewer).push(set.id);
  }
  return {sole, fewer};
}
