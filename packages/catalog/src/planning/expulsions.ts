// Nodes that were declared lost have no place in any set that has a majority without them. Most lose theirs by
// that command; a set may show its majority later: where a change of members was under way, where it was still
// to open, or where the stores of the nodes that are left told of it. Then the same is said again of them.

import type {NodeId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {Command} from '../commands.ts';
import type {ReplicaSet} from '../model.ts';
import type {SetLists} from './set-lists.ts';

export function planExpulsions(lists: SetLists, atMs: number): Command[] {
  const {catalog} = lists;
  const nodes: NodeId[] = [];
  for (const {id, state} of catalog.nodes()) {
    // Whoever left by itself holds nothing.
    if (state !== 'decommissioned' || catalog.replicaCount(id) === 0) continue;
    const isOwed = [...lists.on(id)].some(({set}) => isExpelling(set, catalog));
    if (isOwed) nodes.push(id);
  }
  return nodes.length === 0 ? [] : [{type: 'declare-lost', nodes, atMs}];
}

/** Its own work ends first: it would be given up half done. */
function isExpelling(set: ReplicaSet, catalog: Catalog): boolean {
  if (set.state !== 'open' || catalog.operationOf(set.id) !== undefined) return false;
  const voters = set.replicas.filter(({role}) => role === 'voter');
  const kept = voters.filter(({node}) => catalog.node(node)?.state !== 'decommissioned');
  return 2 * kept.length > voters.length;
}
