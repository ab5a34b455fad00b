// Whether a node can be emptied: asked before a drain begins, so that it is refused with what is missing
// instead of standing still.

import type {NodeId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {ReplicaSet} from '../model.ts';
import {fitNodes} from './fitness.ts';
import type {Reports} from './reports.ts';
import {replicasWanted} from './wanted.ts';

interface DrainFacts {
  /** All with a replica on the node, and any others. */
  readonly sets?: Iterable<ReplicaSet>;
  /** By which nodes without room take nothing; one that is silent may come back. Without them all have room. */
  readonly reports?: Reports;
}

/** Why some replica on the node has no other node to go to; undefined where all have. */
export function drainFault(
  catalog: Catalog,
  node: NodeId,
  {sets = catalog.replicaSets(), reports = new Map()}: DrainFacts = {},
): string | undefined {
  const others = [...catalog.nodes()].filter(({id, state}) => id !== node && state === 'active');
  const takers = fitNodes(catalog, reports).filter(({id}) => id !== node);
  let stuck = 0;
  let missing = 0;
  for (const set of sets) {
    if (set.state === 'dropping' || !set.replicas.some((placed) => placed.node === node)) continue;
    // One less is enough where there are more than wanted.
    if (set.replicas.length > replicasWanted(catalog, set)) continue;
    const holders = new Set(set.replicas.map((placed) => placed.node));
    if (takers.some(({id}) => !holders.has(id))) continue;
    stuck += 1;
    const kept = others.filter(({id}) => holders.has(id)).length;
    missing = Math.max(missing, set.replicas.length - kept);
  }
  if (stuck === 0) return others.length === 0 ? metaFault(catalog, node) : undefined;
  const stuckSets = stuck === 1 ? '1 replica set' : `${stuck} replica sets`;
  const nodes = missing === 1 ? '1 node' : `${missing} nodes`;
  return `node ${node} cannot be drained: ${stuckSets} on it have no other node to go to; add ${nodes}, or lower the replicas of their databases`;
}

/** Its members become fewer with the nodes, and somebody has to be the last. */
function metaFault(catalog: Catalog, node: NodeId): string | undefined {
  const holds = catalog.metaSet()?.replicas.some((placed) => placed.node === node) === true;
  if (!holds) return undefined;
  return `node ${node} cannot be drained: no other node takes replicas, and it holds the meta group; add 1 node`;
}
