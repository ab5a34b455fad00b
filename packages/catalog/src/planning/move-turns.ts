// How many replicas are made at once. What is begun beyond the limits stands at its first step, in the
// order in which it was begun; what is past that step has its turn until it ends.

import {LIMITS, type NodeId, type ReplicaSetId} from '@flotilla/base';
import {type Catalog, isFinished} from '../catalog.ts';
import type {Operation} from '../model.ts';
import type {GroupView} from './group-view.ts';

export class MoveTurns {
  #all = 0;
  readonly #byNode = new Map<NodeId, number>();

  constructor(catalog: Catalog, groups: ReadonlyMap<ReplicaSetId, GroupView>) {
    for (const operation of catalog.operations()) {
      if (isFinished(operation) || !isMaking(operation)) continue;
      const group = groups.get(operation.replicaSet!);
      // Without a leader it copies nothing, and may wait for ever: it takes no turn from the others.
      if (group?.leader === undefined) continue;
      const isPlaced = group.set.replicas.some(({node}) => node === operation.targetNode);
      if (operation.step !== 'create' || isPlaced) this.#count(operation.targetNode!);
    }
  }

  /** Requires that the operation makes a replica and stands before that. */
  take(node: NodeId): boolean {
    const {moves_per_cluster_max: inAll, moves_per_node_max: toOne} = LIMITS;
    if (this.#all >= inAll.value || (this.#byNode.get(node) ?? 0) >= toOne.value) return false;
    this.#count(node);
    return true;
  }

  #count(node: NodeId): void {
    this.#all += 1;
    this.#byNode.set(node, (this.#byNode.get(node) ?? 0) + 1);
  }
}

/** It makes a replica on another node. */
export function isMaking({kind, targetNode}: Operation): boolean {
  const makes = kind === 'move-replica' || kind === 'add-replica' || kind === 'repair';
  return makes && targetNode !== undefined;
}
