// When a node of the cluster may lose what it acknowledged: what each set would be left with, and
// whether the others remember the node so well that it cannot come back as what it was.

import type {NodeId} from '@flotilla/base';
import {type Catalog, isFinished, type ReplicaSet, replicasWanted} from '@flotilla/catalog';
import {KnownLives} from '@flotilla/server/engine-parts';
import {type Stake, VOTERS_MIN} from '../faults/damages.ts';
import type {SimNode} from '../world/node.ts';
import type {NodeState} from './node-state.ts';
import {leaderOf} from './rest.ts';

const KEEPS_VOTERS = [
  'move-replica',
  'add-replica',
  'transfer-leader',
  'rebalance',
  'repair',
  'checksum',
  'compact',
];

export function* stakesOf(
  node: SimNode,
  nodes: readonly SimNode[],
  catalog: Catalog,
): Generator<Stake> {
  for (const set of [catalog.metaSet()!, ...catalog.replicaSets()]) {
    const here = set.replicas.filter((placed) => placed.node === node.id);
    const leader = isWhole(set, nodes) ? leaderOf(nodes, set.id) : undefined;
    yield {leader, here: here.map(({replica}) => replica)};
  }
}

/** Nothing is under way, or about to be, that leaves a set with fewer voters. */
export function isSettled(catalog: Catalog): boolean {
  const isKept = [...catalog.operations()].every(
    (operation) => isFinished(operation) || KEEPS_VOTERS.includes(operation.kind),
  );
  const sets = [...catalog.replicaSets()];
  return isKept && sets.every((set) => set.replicas.length <= replicasWanted(catalog, set));
}

/** Each set has a voter to spare for the node's, as it is placed. */
export function isSpared(node: NodeId, catalog: Catalog): boolean {
  return [catalog.metaSet()!, ...catalog.replicaSets()].every(({state, replicas}) => {
    if (state === 'dropping') return true;
    const voters = replicas.filter(({role}) => role === 'voter');
    return voters.length >= VOTERS_MIN || voters.every((placed) => placed.node !== node);
  });
}

/** Even if that node loses power now. */
export function isRemembered({id, bootEpoch, host}: SimNode, by: NodeState): boolean {
  const known = new KnownLives(by.lives).of(id);
  if (known?.bootEpoch !== bootEpoch) return false;
  return host!
    .durableRecords()
    .every(({store, durableRecord}) =>
      known.records.some((told) => told.store === store && told.record === durableRecord),
    );
}

/** One that an old image knows nothing of is as lost as a damaged one. */
function isWhole({id, replicas}: ReplicaSet, nodes: readonly SimNode[]): boolean {
  return replicas.every(
    ({node, replica}) => nodes[node - 1]?.host?.status(id)?.replica === replica,
  );
}
