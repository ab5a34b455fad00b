// Where replicas can go now: to live nodes with room, zones kept distinct where there are enough of them,
// the least loaded first.

import type {NodeId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {Node, ReplicaSet} from '../model.ts';
import {liveNodes} from './fitness.ts';
import {NodeLoads} from './node-loads.ts';
import {holdersOf, pickNodes} from './placement.ts';
import type {Reports} from './reports.ts';

/** What was picked counts for the next pick. */
export class Targets {
  readonly #catalog: Catalog;
  readonly #nodes: readonly Node[];
  readonly #loads: NodeLoads;

  constructor(catalog: Catalog, reports: Reports, nowMs: number) {
    this.#catalog = catalog;
    this.#nodes = liveNodes(catalog, reports, nowMs);
    this.#loads = new NodeLoads(this.#nodes, catalog, reports);
  }

  /** For more replicas of the set, in place of the one on `leaving` if any: distinct zones before little load. */
  pick(set: ReplicaSet, count: number, leaving?: NodeId): Node[] {
    const holders = holdersOf(set, this.#catalog);
    const others = this.#nodes.filter(({id}) => !holders.some((holder) => holder.id === id));
    const kept = holders.filter(({id}) => id !== leaving);
    const picked = pickNodes(others, count, NONE, this.#loads.scores, kept);
    for (const {id} of picked) this.#loads.change(id, this.#loads.weight(undefined, id));
    return picked;
  }
}

const NONE: ReadonlyMap<NodeId, number> = new Map();
