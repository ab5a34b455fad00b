// Where each replica set's leader was last seen. A hint, never a truth: a wrong one costs one hop,
// and the answer of the replica asked corrects it.

import {DbError, type NodeId, type ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import type {NodeWatch} from './node-watch.ts';

export class LeaderDirectory {
  readonly #nodes: NodeWatch;
  readonly #leaders = new Map<ReplicaSetId, NodeId>();
  readonly #waiting = new Map<ReplicaSetId, Set<() => void>>();
  readonly #sought = new Set<ReplicaSetId>();

  constructor(nodes: NodeWatch) {
    this.#nodes = nodes;
  }

  learn(set: ReplicaSetId, leader: NodeId): void {
    const isNews = this.#leaders.get(set) !== leader;
    this.#leaders.set(set, leader);
    // A leader that refuses for now is known: who waits for it waits its time.
    if (isNews) this.#wake(set);
  }

  /** True if nobody looks for the set's leader: the caller does from now on, until `endSeeking`. */
  seek(set: ReplicaSetId): boolean {
    if (this.#sought.has(set)) return false;
    this.#sought.add(set);
    return true;
  }

  isSought(set: ReplicaSetId): boolean {
    return this.#sought.has(set);
  }

  /** Found or not, those who waited see for themselves; one of them may look on. */
  endSeeking(set: ReplicaSetId): void {
    this.#sought.delete(set);
    this.#wake(set);
  }

  /** Calls back once, when the set's leader is next seen, or nobody looks for it any more. Returns what ends that. */
  onLearned(set: ReplicaSetId, callback: () => void): () => void {
    const waiting = this.#waiting.get(set) ?? new Set();
    this.#waiting.set(set, waiting.add(callback));
    return () => {
      waiting.delete(callback);
      if (waiting.size === 0 && this.#waiting.get(set) === waiting) this.#waiting.delete(set);
    };
  }

  #wake(set: ReplicaSetId): void {
    const waiting = this.#waiting.get(set) ?? [];
    this.#waiting.delete(set);
    for (const callback of waiting) callback();
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
