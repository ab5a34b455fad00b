// The reconciler's decision for a cluster of many sets: the plan of reconcile.ts, at the cost of what has
// changed since the last one. It is told what changes in the catalog and in the reports, and looks only at
// the sets concerned; which nodes fell silent it sees by itself. The first time it looks at every set. It
// decides nothing by itself: what it forgot to look at would be a plan that `planNext` would not make.

import {
  type DatabaseId,
  META_SET,
  type NodeId,
  type OperationId,
  type ReplicaId,
  type ReplicaSetId,
} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {
  CatalogChange,
  CatalogUpdate,
  Database,
  FailoverMode,
  Operation,
  ReplicaSet,
} from '../model.ts';
import type {Action} from './action.ts';
import {setsWithMeta} from './evacuation.ts';
import {EvennessWatch} from './evenness-watch.ts';
import {IndexedSets} from './indexed-sets.ts';
import {OperationFacts} from './operation-facts.ts';
import type {RoundSettings} from './plan-settings.ts';
import {planFrom} from './reconcile.ts';
import type {NodeReport, ReplicaReport, Reports} from './reports.ts';
import {SetIndex} from './set-index.ts';
import type {Evenness} from './set-lists.ts';

/** To look whether a node's replica is placed costs a part of what a look at a set does. */
const REPLICAS_PER_LOOK = 8;

type Condition = Pick<NodeReport, 'live' | 'replicas' | 'writes' | 'diskTotalBytes'>;

export class Planner {
  readonly catalog: Catalog;
  readonly #looksMax: number | undefined;
  #index: SetIndex;
  #evenness: EvennessWatch;
  /** Of the catalog that it was told of. */
  #version: number;
  #failover: FailoverMode | undefined;
  readonly #options = new Map<DatabaseId, string>();
  /** As they were at the last look. */
  readonly #nodes = new Map<NodeId, Condition>();
  /** All that they report has to be looked at. */
  readonly #otherNodes = new Set<NodeId>();
  /** Counts what nodes told of their loads. */
  #loadsTold = 0;
  readonly #changed = new Set<ReplicaSetId>();
  readonly #told = new Map<NodeId, Set<ReplicaId>>();
  /** Of all sets, where all have to be looked at. */
  #sweep: Iterator<ReplicaSet> | undefined;

  /** @param looksMax that evening out may take in one plan; by default as many as fit into 5 ms. */
  constructor(catalog: Catalog, looksMax?: number) {
    this.catalog = catalog;
    this.#looksMax = looksMax;
    this.#version = catalog.version;
    this.#index = new SetIndex(catalog, OperationFacts.of(catalog));
    this.#evenness = new EvennessWatch(catalog, looksMax);
    this.#sweepAll();
    this.#noteOptions();
  }

  /** To be told of each update, after it was applied; whoever leaves one out makes it look at everything. */
  catalogChanged({version, changes}: CatalogUpdate): void {
    if (version <= this.#version) return;
    for (const change of changes) this.#note(change);
    this.#version = version;
  }

  /**
   * To be told of each report that was changed in a node's `replicas`, or taken out of it: where that map is
   * another one than at the last look, everything in it is looked at anyway.
   */
  reportChanged(node: NodeId, {replica}: ReplicaReport): void {
    const told = this.#told.get(node) ?? new Set<ReplicaId>();
    this.#told.set(node, told.add(replica));
  }

  /** Looks at some of what has changed. False: there is more, and no plan can be made before. */
  look(reports: Reports, looksMax = Infinity): boolean {
    if (this.catalog.version !== this.#version) this.#startOver();
    if (this.catalog.cluster?.failover !== this.#failover) this.#sweepAll();
    this.#compareNodes(reports);
    this.#index.look(META_SET, reports); // The number of its replicas goes by the nodes.
    let looks = 0;
    for (const node of this.#otherNodes) {
      if (looks >= looksMax) return false;
      this.#index.lookAtNode(node, reports);
      this.#otherNodes.delete(node);
      looks += Math.ceil((reports.get(node)?.replicas.size ?? 0) / REPLICAS_PER_LOOK);
    }
    for (const set of this.#changed) {
      if (looks >= looksMax) return false;
      this.#lookAt(set, reports);
      this.#changed.delete(set);
      looks += 1;
    }
    for (; this.#sweep !== undefined; looks++) {
      if (looks >= looksMax) return false;
      const {done, value} = this.#sweep.next();
      if (done === true) this.#sweep = undefined;
      else this.#lookAt(value.id, reports);
    }
    return true;
  }

  /** As `planNext`, but for what evening out has not looked at yet. */
  plan(reports: Reports, nowMs: number, settings: RoundSettings = {}): Action[] {
    this.look(reports);
    const evening: Evenness = {
      isUneven: (atMs) => this.#evenness.isUneven(reports, atMs, this.#loadsTold),
      movesOf: (operation, limits) => this.#evenness.movesOf(operation, reports, limits),
      forgetMoves: () => this.#evenness.forgetMoves(),
    };
    return planFrom(new IndexedSets(this.#index, reports, evening), nowMs, settings);
  }

  /** An operation waits for what the next plans look for: they should not be put off. */
  get isSearching(): boolean {
    return this.#evenness.isSearching;
  }

  #note(change: CatalogChange): void {
    switch (change.kind) {
      case 'replica-set':
        this.#changed.add(change.id as ReplicaSetId);
        break;
      case 'operation':
        this.#noteOperation(change.id as OperationId, change.value);
        break;
      case 'database':
        this.#noteDatabase(change.id as DatabaseId, change.value);
        break;
      default: // Asked for when a plan is made, or of no concern to any.
    }
  }

  #noteOperation(id: OperationId, operation: Operation | undefined): void {
    const {operations} = this.#index;
    const sets = [operations.setOf(id), operation?.replicaSet];
    operations.put(id, operation);
    for (const set of sets) if (set !== undefined) this.#changed.add(set);
    // It may tell of whom a replica was copied, which is written to likewise.
    this.#loadsTold += 1;
  }

  #noteDatabase(id: DatabaseId, database: Database | undefined): void {
    const options = optionsOf(database);
    if (this.#options.get(id) === options) return;
    this.#options.set(id, options);
    for (const {replicaSets} of this.catalog.buckets(id))
      for (const set of replicaSets) this.#changed.add(set);
  }

  #compareNodes(reports: Reports): void {
    for (const [node, {live, replicas, writes, diskTotalBytes}] of reports) {
      const before = this.#nodes.get(node);
      this.#nodes.set(node, {live, replicas, writes, diskTotalBytes});
      if (before?.writes !== writes || before?.diskTotalBytes !== diskTotalBytes)
        this.#loadsTold += 1;
      const isOther = before?.replicas !== replicas;
      if (isOther) this.#otherNodes.add(node);
      if (isOther || before?.live !== live) this.#noteAllOn(node);
    }
    for (const node of this.#nodes.keys()) {
      if (reports.has(node)) continue;
      this.#nodes.delete(node);
      this.#otherNodes.add(node);
      this.#noteAllOn(node);
    }
    for (const [node, replicas] of this.#told) {
      for (const replica of replicas) {
        this.#index.lookAtReplica(node, replica, reports);
        const set = this.catalog.replicaSetOf(replica);
        if (set !== undefined) this.#changed.add(set.id);
      }
    }
    this.#told.clear();
  }

  #noteAllOn(node: NodeId): void {
    for (const set of this.#index.on(node)) this.#changed.add(set);
  }

  #lookAt(set: ReplicaSetId, reports: Reports): void {
    this.#index.look(set, reports);
    this.#evenness.changed(set);
  }

  #startOver(): void {
    this.#changed.clear();
    this.#told.clear();
    this.#nodes.clear();
    this.#version = this.catalog.version;
    this.#index = new SetIndex(this.catalog, OperationFacts.of(this.catalog));
    this.#evenness = new EvennessWatch(this.catalog, this.#looksMax);
    this.#sweepAll();
    this.#noteOptions();
  }

  #noteOptions(): void {
    this.#options.clear();
    for (const database of this.catalog.databases())
      this.#options.set(database.id, optionsOf(database));
  }

  #sweepAll(): void {
    this.#failover = this.catalog.cluster?.failover;
    this.#sweep = setsWithMeta(this.catalog);
  }
}

/** What the sets of a database are looked at for. */
function optionsOf(database: Database | undefined): string {
  const {replicas, failover} = database?.options ?? {};
  return `${replicas} ${failover}`;
}
