// The lists of set-lists.ts, kept as things change. A set is put into its lists anew (`look`) when its record,
// its operation, a report of one of its replicas or the liveness of one of its nodes has changed; what else a
// plan goes by (time, pauses, states of nodes, loads) is asked for when it is made.
// Law: a replica is reported by one node alone, as no two have the same replica.

import {META_SET, type NodeId, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {ReplicaSet} from '../model.ts';
import {ChecksumTurns} from './checksum-turns.ts';
import {GroupView} from './group-view.ts';
import {addTo, LeadEdges, removeFrom} from './lead-edges.ts';
import {leadOf} from './leader-spread.ts';
import {isHealing, planMembership, planOddVoters} from './membership.ts';
import type {OperationFacts} from './operation-facts.ts';
import {mergeAscending, OrderedIds} from './ordered-ids.ts';
import type {ReplicaReport, Reports} from './reports.ts';
import {isComparable} from './routine-checksums.ts';
import type {ListName} from './set-lists.ts';
import {replicasWanted} from './wanted.ts';

/** One bit each; `damaged` is asked for by its own name. */
const LISTS = [
  'unopened',
  'missing',
  'unsettled',
  'healing',
  'surplus',
  'lacking',
  'damaged',
] as const satisfies readonly (ListName | 'damaged')[];
type IndexedList = (typeof LISTS)[number];
const BIT = Object.fromEntries(LISTS.map((name, i) => [name, 1 << i])) as Record<
  IndexedList,
  number
>;

interface Entry {
  /** As it was when it was looked at. */
  readonly set: ReplicaSet;
  /** The bits of the lists that it is in. */
  readonly lists: number;
}

type Sets = OrderedIds<ReplicaSetId>;

export class SetIndex {
  readonly catalog: Catalog;
  readonly operations: OperationFacts;
  readonly leads = new LeadEdges();
  readonly turns = new ChecksumTurns();
  readonly #entries = new Map<ReplicaSetId, Entry>();
  readonly #lists: readonly Sets[] = LISTS.map(() => new OrderedIds());
  readonly #on = new Map<NodeId, Sets>();
  readonly #strays = new Map<NodeId, Set<ReplicaId>>();

  constructor(catalog: Catalog, operations: OperationFacts) {
    this.catalog = catalog;
    this.operations = operations;
  }

  ids(name: IndexedList): Sets {
    return this.#lists[LISTS.indexOf(name)]!;
  }

  /** As the sets were when they were looked at. */
  on(node: NodeId): Iterable<ReplicaSetId> {
    return this.#on.get(node) ?? [];
  }

  strays(node: NodeId): Iterable<ReplicaId> {
    return this.#strays.get(node) ?? [];
  }

  ledBy(nodes: readonly NodeId[], reports: Reports): Generator<ReplicaSetId> {
    const meta = this.#viewOf(META_SET, reports)?.leaderNode;
    const isMetaLed = meta !== undefined && nodes.includes(meta);
    return mergeAscending(
      isMetaLed ? [META_SET] : [],
      ...nodes.map((node) => this.leads.ledBy(node)),
    );
  }

  suspects(nodes: Iterable<NodeId>, replicas: Iterable<ReplicaId>): Generator<ReplicaSetId> {
    const held = [...replicas].flatMap((replica) => this.catalog.replicaSetOf(replica)?.id ?? []);
    return mergeAscending(
      this.ids('damaged'),
      [...new Set(held)].sort((a, b) => a - b),
      ...[...nodes].map((node) => this.on(node)),
    );
  }

  /** Puts the set where it belongs now. */
  look(id: ReplicaSetId, reports: Reports): void {
    const before = this.#entries.get(id);
    const group = this.#viewOf(id, reports);
    const lists = group === undefined ? 0 : listsOf(group, this.catalog);
    this.#list(id, before?.lists ?? 0, lists);
    if (before?.set !== group?.set) this.#place(id, before?.set, group?.set, reports);
    this.leads.put(id, group && leadOf(group, this.catalog));
    this.turns.put(id, group && this.#timesOf(group));
    if (group === undefined) this.#entries.delete(id);
    else if (before?.set !== group.set || before.lists !== lists)
      this.#entries.set(id, {set: group.set, lists});
  }

  /** What the node reports of the replica has changed. */
  lookAtReplica(node: NodeId, replica: ReplicaId, reports: Reports): void {
    const report = reports.get(node)?.replicas.get(replica);
    if (report !== undefined && this.#isStray(report)) {
      const strays = this.#strays.get(node) ?? new Set<ReplicaId>();
      this.#strays.set(node, strays.add(replica));
      return;
    }
    const strays = this.#strays.get(node);
    strays?.delete(replica);
    if (strays?.size === 0) this.#strays.delete(node);
  }

  /** All that the node reports may be others. */
  lookAtNode(node: NodeId, reports: Reports): void {
    this.#strays.delete(node);
    for (const replica of reports.get(node)?.replicas.keys() ?? [])
      this.lookAtReplica(node, replica, reports);
  }

  #viewOf(id: ReplicaSetId, reports: Reports): GroupView | undefined {
    const set = this.catalog.replicaSet(id);
    return set && new GroupView(set, reports);
  }

  #list(id: ReplicaSetId, before: number, now: number): void {
    if (before === now) return;
    for (let i = 0; i < this.#lists.length; i++) {
      const bit = 1 << i;
      if ((now & bit) === (before & bit)) continue;
      if ((now & bit) !== 0) this.#lists[i]!.add(id);
      else this.#lists[i]!.delete(id);
    }
  }

  #place(
    id: ReplicaSetId,
    before: ReplicaSet | undefined,
    now: ReplicaSet | undefined,
    reports: Reports,
  ): void {
    for (const {node} of before?.replicas ?? []) removeFrom(this.#on, node, id);
    for (const {node} of now?.replicas ?? []) addTo(this.#on, node, id);
    for (const {node, replica} of [...(before?.replicas ?? []), ...(now?.replicas ?? [])])
      this.lookAtReplica(node, replica, reports);
  }

  #isStray({set: id, replica}: ReplicaReport): boolean {
    const set = this.catalog.replicaSet(id);
    if (set === undefined || set.state === 'dropping') return true;
    return !set.replicas.some((placed) => placed.replica === replica);
  }

  #timesOf(group: GroupView): number[] | undefined {
    const {id, state, checksumAtMs} = group.set;
    if (state !== 'open' || this.catalog.operationOf(id) !== undefined) return undefined;
    if (!isComparable(group)) return undefined;
    return [checksumAtMs, this.operations.cancelledChecksumMs(id)].filter(
      (atMs) => atMs !== undefined,
    );
  }
}

function listsOf(group: GroupView, catalog: Catalog): number {
  const {set} = group;
  let lists = 0;
  if (set.state !== 'open') lists |= BIT.unopened;
  if (isMissing(group)) lists |= BIT.missing;
  if (isHealing(group)) lists |= BIT.healing;
  if (set.state !== 'open') return lists;
  if (set.replicas.some(({replica}) => group.isDamaged(replica))) lists |= BIT.damaged;
  if (group.leader === undefined) return lists;
  if (planMembership(group) !== undefined) lists |= BIT.unsettled;
  if (group.joint) return lists;
  const wanted = replicasWanted(catalog, set);
  if (set.replicas.length > wanted || planOddVoters(group) !== undefined) lists |= BIT.surplus;
  if (set.replicas.length < wanted) lists |= BIT.lacking;
  return lists;
}

function isMissing(group: GroupView): boolean {
  return group.set.replicas.some(
    (placed) => group.isLive(placed.node) && group.report(placed) === undefined,
  );
}
