// Where each replica set's leader was last seen. A hint, never a truth: a wrong one costs one hop,
// and the answer of the replica asked corrects it.

import {DbError, type NodeId, type ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import type {NodeWatch} from './node-watch.ts';

export class LeaderDirectory {
  readonly #nodes: NodeWatch;
  readonly #leaders = new Map<ReplicaSetId, NodeId>();

  constructor(nodes: NodeWatch) {
    this.#nodes = nodes;
  }

  learn(set: ReplicaSetId, leader: NodeId): void {
    this.#leaders.set(set, leader);
  }

  forget(set: ReplicaSetId): void {
    this.#leaders.delete(set);
  }

  /**
   * The nodes to ask, best first: the leader last seen, then the voters by the catalog, then the
   * learners (a learner may be the only replica that knows the leader). STALE_EPOCH where the set was
   * dropped: nobody will ever answer for it again.
   */
  candidates(set: ReplicaSetId, catalog: Catalog): NodeId[] | DbError {
    const entity = catalog.replicaSet(set);
    if (entity === undefined || entity.state === 'dropping') {
      this.#leaders.delete(set);
      return droppedSet(set);
    }
    const voters = entity.replicas.filter(({role}) => role === 'voter').map(({node}) => node);
    const learners = entity.replicas.filter(({role}) => role === 'learner').map(({node}) => node);
    const leader = this.#leaders.get(set);
    const known = leader === undefined ? [] : [leader];
    return this.#nodes.present([...new Set([...known, ...voters, ...learners])]);
  }
}

function droppedSet(set: ReplicaSetId): DbError {
  const message = `replica set ${set} was dropped while the request was under way; send it again`;
  return new DbError('STALE_EPOCH', message, {replicaSet: set});
}
