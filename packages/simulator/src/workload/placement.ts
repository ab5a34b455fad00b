// Which replicas each set has and where: what the meta group would know. Orders follow it, and are
// given again until they are done. Ids are never used again.

import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';
import type {FailoverMode} from '@flotilla/raft';

export interface PlacedReplica {
  readonly id: ReplicaId;
  readonly node: NodeId;
  readonly placedMs: number;
  role: 'voter' | 'learner';
  /** The group's configuration held it at some time. */
  hasJoined: boolean;
  isCreated: boolean;
  /** It is to be destroyed. */
  isCondemned: boolean;
}

export interface PlacedSet {
  readonly id: ReplicaSetId;
  state: 'open' | 'dropping';
  readonly founders: readonly ReplicaId[];
  readonly replicas: Map<ReplicaId, PlacedReplica>;
  /** Of the newest configuration seen. */
  configIndex: number;
  readonly registers: number;
  failover: FailoverMode;
}

export class Placement {
  readonly sets = new Map<ReplicaSetId, PlacedSet>();
  readonly #homes = new Map<ReplicaId, NodeId>();
  #lastSet = 0;
  #lastReplica = 0;

  found(nodes: readonly NodeId[], registers: number): PlacedSet {
    this.#lastSet += 1;
    const id = this.#lastSet as ReplicaSetId;
    const replicas = new Map<ReplicaId, PlacedReplica>();
    const set: PlacedSet = {
      id,
      state: 'open',
      founders: [],
      replicas,
      configIndex: 0,
      registers,
      failover: 'automatic',
    };
    for (const node of nodes) this.place(set, node, 'voter').hasJoined = true;
    (set.founders as ReplicaId[]).push(...replicas.keys());
    this.sets.set(id, set);
    return set;
  }

  place(set: PlacedSet, node: NodeId, role: 'voter' | 'learner', placedMs = 0): PlacedReplica {
    this.#lastReplica += 1;
    const id = this.#lastReplica as ReplicaId;
    const replica = {
      id,
      node,
      placedMs,
      role,
      hasJoined: false,
      isCreated: false,
      isCondemned: false,
    };
    set.replicas.set(id, replica);
    this.#homes.set(id, node);
    return replica;
  }

  /** Also of replicas that are gone. */
  nodeOf(replica: ReplicaId): NodeId | undefined {
    return this.#homes.get(replica);
  }

  openSets(): PlacedSet[] {
    return [...this.sets.values()].filter(({state}) => state === 'open');
  }

  /** What routers ask of it. */
  asCatalog(): Catalog {
    const replicaSet = (id: ReplicaSetId) => {
      const set = this.sets.get(id);
      return set && {state: set.state, replicas: [...set.replicas.values()]};
    };
    return {replicaSet} as unknown as Catalog;
  }
}
