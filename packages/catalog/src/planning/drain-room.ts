// Whether a node can be emptied: asked before a drain begins, so that it is refused with what is missing
// instead of standing still.

import type {NodeId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {ReplicaSet} from '../model.ts';
import {replicasWanted} from './wanted.ts';

/**
 * Why some replica on the node has no other node to go to; undefined where all have.
 * @param sets all with a replica on it, and any others
 */
export function drainFault(
  catalog: Catalog,
  node: NodeId,
  sets: Iterable<ReplicaSet> = catalog.replicaSets(),
): string | undefined {
  const others = [...catalog.nodes()].filter(({id, state}) => id !== node && state === 'active');
  let stuck = 0;
  let missing = 0;
  for (const set of sets) {
    if (set.state === 'dropping' || !set.replicas.some((placed) => placed.node === node)) continue;
    // One less is enough where there are more than wanted.
    if (set.replicas.length > replicasWanted(catalog, set)) continue;
    if (others.some(({id}) => !set.replicas.some((placed) => placed.node === id))) continue;
    stuck += 1;
    missing = Math.max(missing, set.replicas.length - others.length);
  }
  if (stuck === 0) return undefined;
  const stuckSets = stuck === 1 ? '1 replica set' : `${stuck} replica sets`;
  const nodes = missing === 1 ? '1 node' : `${missing} nodes`;
  return `node ${node} cannot be drained: ${stuckSets} on it have no other node to go to; add ${nodes}, or lower the replicas of their databases`;
}
