// All sets in every list: the plan that looks at everything, which is the law for the one that does not.

import {META_SET, type NodeId, type ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import {setsWithMeta} from './evacuation.ts';
import {GroupView} from './group-view.ts';
import {LeadEdges} from './lead-edges.ts';
import {leadOf} from './leader-spread.ts';
import {OperationFacts} from './operation-facts.ts';
import {isUneven, planMoves} from './rebalance.ts';
import type {ReplicaReport, Reports} from './reports.ts';
import type {Evenness, SetLists} from './set-lists.ts';

export class EverySet implements SetLists {
  readonly catalog: Catalog;
  readonly reports: Reports;
  readonly leads = new LeadEdges();
  readonly operations: OperationFacts;
  readonly evening: Evenness;
  readonly #groups: ReadonlyMap<ReplicaSetId, GroupView>;

  constructor(catalog: Catalog, reports: Reports) {
    this.catalog = catalog;
    this.reports = reports;
    this.operations = OperationFacts.of(catalog);
    const groups = [...setsWithMeta(catalog)].map((set) => new GroupView(set, reports));
    groups.sort((a, b) => a.set.id - b.set.id);
    this.#groups = new Map(groups.map((group) => [group.set.id, group]));
    for (const group of groups) this.leads.put(group.set.id, leadOf(group, catalog));
    this.evening = {
      isUneven: (nowMs) => isUneven(catalog, reports, nowMs),
      movesOf: (_operation, limits) => planMoves(catalog, reports, limits),
      forgetMoves: () => {},
    };
  }

  view(set: ReplicaSetId): GroupView | undefined {
    return this.#groups.get(set);
  }

  list(): Iterable<GroupView> {
    return this.#groups.values();
  }

  strays(node: NodeId): Iterable<ReplicaReport> {
    return this.reports.get(node)?.replicas.values() ?? [];
  }

  on(node: NodeId): GroupView[] {
    return this.#all(({set}) => set.replicas.some((placed) => placed.node === node));
  }

  ledBy(nodes: readonly NodeId[]): GroupView[] {
    return this.#all(({set, leaderNode}) => {
      const isCounted = set.id === META_SET || set.state === 'open';
      return isCounted && leaderNode !== undefined && nodes.includes(leaderNode);
    });
  }

  suspects(): Iterable<GroupView> {
    return this.#groups.values();
  }

  toCheck(): Iterable<GroupView> {
    return this.#groups.values();
  }

  #all(isWanted: (group: GroupView) => boolean): GroupView[] {
    return [...this.#groups.values()].filter(isWanted);
  }
}
