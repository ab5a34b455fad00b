// The lists for one plan, from the index that is kept.

import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import {GroupView} from './group-view.ts';
import type {LeadEdges} from './lead-edges.ts';
import type {OperationFacts} from './operation-facts.ts';
import type {ReplicaReport, Reports} from './reports.ts';
import type {SetIndex} from './set-index.ts';
import type {Evenness, ListName, SetLists} from './set-lists.ts';

export class IndexedSets implements SetLists {
  readonly catalog: Catalog;
  readonly reports: Reports;
  readonly leads: LeadEdges;
  readonly operations: OperationFacts;
  readonly evening: Evenness;
  readonly #index: SetIndex;

  /** Requires that the index has looked at all that changed. */
  constructor(index: SetIndex, reports: Reports, evening: Evenness) {
    this.catalog = index.catalog;
    this.reports = reports;
    this.leads = index.leads;
    this.operations = index.operations;
    this.evening = evening;
    this.#index = index;
  }

  view(id: ReplicaSetId): GroupView | undefined {
    const set = this.catalog.replicaSet(id);
    return set && new GroupView(set, this.reports);
  }

  list(name: ListName): Generator<GroupView> {
    return this.#views(this.#index.ids(name));
  }

  *strays(node: NodeId): Generator<ReplicaReport> {
    const replicas = this.reports.get(node)?.replicas;
    for (const replica of this.#index.strays(node)) {
      const report = replicas?.get(replica);
      if (report !== undefined) yield report;
    }
  }

  on(node: NodeId): Generator<GroupView> {
    return this.#views(this.#index.on(node));
  }

  ledBy(nodes: readonly NodeId[]): Generator<GroupView> {
    return this.#views(this.#index.ledBy(nodes, this.reports));
  }

  suspects(nodes: Iterable<NodeId>, replicas: Iterable<ReplicaId>): Generator<GroupView> {
    return this.#views(this.#index.suspects(nodes, replicas));
  }

  toCheck(count: number, nowMs: number): Generator<GroupView> {
    return this.#views(this.#index.turns.first(count, nowMs));
  }

  *#views(ids: Iterable<ReplicaSetId>): Generator<GroupView> {
    for (const id of ids) {
      const view = this.view(id);
      if (view !== undefined) yield view;
    }
  }
}
