// How many replicas are made at once. What is begun beyond the limits stands at its first step, in the
// order in which it was begun; what is past that step has its turn until it ends. What is made anew where it
// was takes its turn before it goes from there: it is not to wait while its set lacks it.

import {LIMITS, type NodeId} from '@flotilla/base';
import type {Operation} from '../model.ts';
import type {GroupView} from './group-view.ts';
import type {PlanSettings} from './plan-settings.ts';
import type {SetLists} from './set-lists.ts';

export class MoveTurns {
  readonly #inAllMax: number;
  readonly #toOneMax: number;
  #all = 0;
  readonly #byNode = new Map<NodeId, number>();

  constructor(lists: SetLists, {movesPerClusterMax, movesPerNodeMax}: PlanSettings) {
    this.#inAllMax = movesPerClusterMax ?? LIMITS.moves_per_cluster_max.value;
    this.#toOneMax = movesPerNodeMax ?? LIMITS.moves_per_node_max.value;
    for (const operation of lists.catalog.unfinishedOperations()) {
      const node = makingNode(operation);
      if (node === undefined) continue;
      const group = lists.view(operation.replicaSet!);
      // Without a leader it copies nothing, and may wait for ever: it takes no turn from the others.
      if (group?.leader !== undefined && hasTurn(operation, group)) this.#count(node);
    }
  }

  /** Requires that the operation makes a replica and stands before that. */
  take(node: NodeId): boolean {
    if (this.#all >= this.#inAllMax) return false;
    if ((this.#byNode.get(node) ?? 0) >= this.#toOneMax) return false;
    this.#count(node);
    return true;
  }

  #count(node: NodeId): void {
    this.#all += 1;
    this.#byNode.set(node, (this.#byNode.get(node) ?? 0) + 1);
  }
}

/** It is past the step at which it waits for its turn. */
export function hasTurn(operation: Operation, group: GroupView): boolean {
  const {step, source, targetNode} = operation;
  if (!isInPlace(operation)) {
    return step !== 'create' || group.set.replicas.some(({node}) => node === targetNode);
  }
  return step !== 'change' || group.joint || !group.isMember(source!);
}

/** It makes a replica anew on the node that it goes from. */
function isInPlace({kind, sourceNode, targetNode}: Operation): boolean {
  return kind === 'repair' && (targetNode === undefined || targetNode === sourceNode);
}

/** Where it makes a replica; undefined of one that makes none. */
export function makingNode(operation: Operation): NodeId | undefined {
  const {kind, sourceNode, targetNode} = operation;
  const makes = kind === 'move-replica' || kind === 'add-replica' || kind === 'repair';
  if (!makes) return undefined;
  return isInPlace(operation) ? sourceNode : targetNode;
}
