// A replica that is to go to another node.

import type {Node, ReplicaPlacement, ReplicaSet} from '../model.ts';

export interface PlannedMove {
  readonly set: ReplicaSet;
  readonly source: ReplicaPlacement;
  readonly target: Node;
}
