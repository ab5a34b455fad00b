// Where replicas can go now: to live nodes with room, zones kept distinct where there are enough of them,
// the least loaded first. Where a copy failed of late nothing goes while another node can take it, and of
// copies none during the pause that follows (copy-pauses.ts).

import type {NodeId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {Node, ReplicaSet} from '../model.ts';
import {failedCopies} from './cancelled.ts';
import {pausedTargets} from './copy-pauses.ts';
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

  /** For more replicas of the set: distinct zones before little load. */
  pick(set: ReplicaSet, count: number): Node[] {
    return this.#pickOf(this.#free(set), set, count);
  }

  /** Where the replica on `leaving` can be copied to. */
  successor(set: ReplicaSet, leaving: NodeId): Successor {
    const free = this.#free(set);
    const {paused} = this.#now;
    const ready = free.filter(({id}) => !paused.has(id));
    const [node] = this.#pickOf(ready, set, 1, leaving);
    return {node, paused: node === undefined ? free[0] : undefined};
  }

  #pickOf(free: readonly Node[], set: ReplicaSet, count: number, leaving?: NodeId): Node[] {
    const {failed, loads} = this.#now;
    const sound = free.filter(({id}) => !failed.has(id));
    // A set is not left with fewer replicas for it.
    const others = sound.length < count ? free : sound;
    const kept = holdersOf(set, this.#catalog).filter(({id}) => id !== leaving);
    const picked = pickNodes(others, count, NONE, loads.scores, kept);
    for (const {id} of picked) loads.change(id, loads.weight(undefined, id));
    return picked;
  }

  #free(set: ReplicaSet): Node[] {
    const holders = holdersOf(set, this.#catalog);
    return this.#now.nodes.filter(({id}) => !holders.some((holder) => holder.id === id));
  }

  get #now(): Found {
    this.#found ??= this.#find();
    return this.#found;
  }

  #find(): Found {
    const nodes = liveNodes(this.#catalog, this.#reports, this.#nowMs);
    const {nodes: failed} = failedCopies(this.#catalog, this.#nowMs);
    const paused = pausedTargets(this.#catalog, this.#nowMs);
    return {nodes, failed, paused, loads: new NodeLoads(nodes, this.#catalog, this.#reports)};
  }
}

export interface Successor {
  readonly node: Node | undefined;
  /** Could take it, and is given no copy now; absent where another can. */
  readonly paused: Node | undefined;
}

interface Found {
  readonly nodes: readonly Node[];
  readonly failed: ReadonlySet<NodeId>;
  readonly paused: ReadonlySet<NodeId>;
  readonly loads: NodeLoads;
}

const NONE: ReadonlyMap<NodeId, number> = new Map();
