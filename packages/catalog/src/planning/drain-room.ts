// Whether a node can be emptied: asked before a drain begins, so that it is refused with what is missing
// instead of standing still.

import type {NodeId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {ReplicaSet} from '../model.ts';
import {fitNodes} from './fitness.ts';
import type {Reports} from './reports.ts';
import {replicasOfDatabase, replicasWanted} from './wanted.ts';

/** Sets that a refusal names. */
const NAMED_MAX = 5;

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
  const stuck: ReplicaSet[] = [];
  let missing = 0;
  for (const set of sets) {
    if (set.state === 'dropping' || !set.replicas.some((placed) => placed.node === node)) continue;
    // One less is enough where there are more than wanted.
    if (set.replicas.length > replicasWanted(catalog, set)) continue;
    const holders = new Set(set.replicas.map((placed) => placed.node));
    if (takers.some(({id}) => !holders.has(id))) continue;
    stuck.push(set);
    const kept = others.filter(({id}) => holders.has(id)).length;
    missing = Math.max(missing, set.replicas.length - kept);
  }
  if (stuck.length === 0) return others.length === 0 ? metaFault(catalog, node) : undefined;
  const are = stuck.length === 1 ? 'has' : 'have';
  const nodes = missing === 1 ? '1 node' : `${missing} nodes`;
  return `node ${node} cannot be drained: ${named(stuck)} on it ${are} no other node to go to; add ${nodes}, or ${fewer(catalog, stuck)}`;
}

/** `3 replica sets (4, 7, 9)`. */
function named(sets: readonly ReplicaSet[]): string {
  const ids = sets.slice(0, NAMED_MAX).map(({id}) => String(id));
  if (sets.length === 1) return `replica set ${ids[0]}`;
  const more = sets.length > ids.length ? ', ..' : '';
  return `${sets.length} replica sets (${ids.join(', ')}${more})`;
}

/** How they come to want fewer replicas. What was asked of a set by hand is not changed by its database. */
function fewer(catalog: Catalog, sets: readonly ReplicaSet[]): string {
  const ofHand = sets.filter(
    (set) => replicasWanted(catalog, set) > replicasOfDatabase(catalog, set),
  );
  const first = ofHand[0];
  if (first === undefined) return 'lower the replicas of their databases';
  const count = replicasWanted(catalog, first);
  const others =
    ofHand.length === sets.length ? '' : ', and lower the replicas of the databases of the others';
  const each = ofHand.length === 1 ? '' : ` (and the other ${ofHand.length - 1} like it)`;
  return `let replica set ${first.id}${each}, of which ${count} replicas were asked for by hand, follow its database again: flotilla replica-set unpin ${first.id}${others}`;
}

/** Its members become fewer with the nodes, and somebody has to be the last. */
function metaFault(catalog: Catalog, node: NodeId): string | undefined {
  const holds = catalog.metaSet()?.replicas.some((placed) => placed.node === node) === true;
  if (!holds) return undefined;
  return `node ${node} cannot be drained: no other node takes replicas, and it holds the meta group; add 1 node`;
}
