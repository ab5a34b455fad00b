// Where replicas can go now: to live nodes with room, zones kept distinct where there are enough of them,
// the least loaded first. Where a copy failed of late nothing goes while another node can take it.

import type {NodeId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {Node, ReplicaSet} from '../model.ts';
import {failedCopies} from './cancelled.ts';
import {liveNodes} from './fitness.ts';
import {NodeLoads} from './node-loads.ts';
import {holdersOf, pickNodes} from './placement.ts';
import type {Reports} from './reports.ts';

/** What was picked counts for the next pick. */
export class Targets {
  readonly #catalog: Catalog;
  readonly #reports: Reports;
  readonly #nowMs: number;
  /** Not before something is picked: mostly nothing is. */
  #found: Found | undefined;

  constructor(catalog: Catalog, reports: Reports, nowMs: number) {
    this.#catalog = catalog;
    this.#reports = reports;
    this.#nowMs = nowMs;
  }

  /** For more replicas of the set, in place of the one on `leaving` if any: distinct zones before little load. */
  pick(set: ReplicaSet, count: number, leaving?: NodeId): Node[] {
    this.#found ??= this.#find();
    const {nodes, failed, loads} = this.#found;
    const holders = holdersOf(set, this.#catalog);
    const free = nodes.filter(({id}) => !holders.some((holder) => holder.id === id));
    const sound = free.filter(({id}) => !failed.has(id));
    // A set is not left with fewer replicas for it.
    const others = sound.length < count ? free : sound;
    const kept = holders.filter(({id}) => id !== leaving);
    const picked = pickNodes(others, count, NONE, loads.scores, kept);
    for (const {id} of picked) loads.change(id, loads.weight(undefined, id));
    return picked;
  }

  #find(): Found {
    const nodes = liveNodes(this.#catalog, this.#reports, this.#nowMs);
    const {nodes: failed} = failedCopies(this.#catalog, this.#nowMs);
    return {nodes, failed, loads: new NodeLoads(nodes, this.#catalog, this.#reports)};
  }
}

interface Found {
  readonly nodes: readonly Node[];
  readonly failed: ReadonlySet<NodeId>;
  readonly loads: NodeLoads;
}

const NONE: ReadonlyMap<NodeId, number> = new Map();
