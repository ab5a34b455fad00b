// Where each replica set's leader was last seen. A hint, never a truth: a wrong one costs one hop,
// and the answer of the replica asked corrects it.

import type {NodeId, ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';

export class LeaderDirectory {
  readonly #leaders = new Map<ReplicaSetId, NodeId>();

  learn(set: ReplicaSetId, leader: NodeId): void {
    this.#leaders.set(set, leader);
  }

  forget(set: ReplicaSetId): void {
    this.#leaders.delete(set);
  }

  /**
   * The nodes to ask, best first: the leader last seen, then the voters by the catalog, then the
   * learners (a learner may be the only replica that knows the leader). Empty when there is no such set.
   */
  candidates(set: ReplicaSetId, catalog: Catalog): NodeId[] {
    const replicas = catalog.replicaSet(set)?.replicas ?? [];
    const voters = replicas.filter(({role}) => role === 'voter').map(({node}) => node);
    const learners = replicas.filter(({role}) => role === 'learner').map(({node}) => node);
    const leader = this.#leaders.get(set);
    const known = leader === undefined ? [] : [leader];
    return [...new Set([...known, ...voters, ...learners])];
  }
}
