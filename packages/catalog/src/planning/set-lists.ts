// The replica sets that a plan has to look at, by what may be to do with them. A list holds at least the sets
// of which its name is true, in ascending order of ids; whoever plans asks each of them again, so that more
// sets in a list make a plan slower and no other. Lists with all sets in them (every-set.ts) are the law;
// those that are kept as things change (set-index.ts) must lead to the same plans.

import type {NodeId, OperationId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {GroupView} from './group-view.ts';
import type {LeadEdges} from './lead-edges.ts';
import type {OperationFacts} from './operation-facts.ts';
import type {PlannedMove} from './planned-move.ts';
import type {ReplicaReport, Reports} from './reports.ts';

export type ListName =
  /** Being made, or dropped. */
  | 'unopened'
  /** A live node has not made a replica that it should hold. */
  | 'missing'
  /** What is placed and what the group counts as its members differ. */
  | 'unsettled'
  /** A learner is on its way. */
  | 'healing'
  /** Has more replicas than wanted, or an even number of voters. */
  | 'surplus'
  /** Has fewer replicas than wanted. */
  | 'lacking';

export interface SetLists {
  readonly catalog: Catalog;
  readonly reports: Reports;
  /** Undefined of a set that is not there. */
  view(set: ReplicaSetId): GroupView | undefined;
  list(name: ListName): Iterable<GroupView>;
  /** Replicas that the node reports and that are not placed: on that node, or of a set that is dropped. */
  strays(node: NodeId): Iterable<ReplicaReport>;
  /** Those with a replica on it. */
  on(node: NodeId): Iterable<GroupView>;
  /** Open ones that one of the nodes leads, the meta group's too. */
  ledBy(nodes: readonly NodeId[]): Iterable<GroupView>;
  /** Those with a damaged replica, one of these, or one on one of these nodes. */
  suspects(nodes: Iterable<NodeId>, replicas: Iterable<ReplicaId>): Iterable<GroupView>;
  /** Open ones without an operation, all caught up: first in their turn to be compared, `count` of them at least. */
  toCheck(count: number, nowMs: number): Iterable<GroupView>;
  /** Of all ordinary open sets. */
  readonly leads: LeadEdges;
  readonly operations: OperationFacts;
  readonly evening: Evenness;
}

/** What takes a look at every set, and so may take some rounds. */
export interface Evenness {
  /** Whether evening out would change something, as far as it is known by now. */
  isUneven(nowMs: number): boolean;
  /** What evening out would move next; undefined: the search goes on in the next round. */
  movesOf(
    operation: OperationId,
    limits: {readonly nowMs: number; readonly movesMax: number},
  ): readonly PlannedMove[] | undefined;
  /** The search is given up: what was found is of the past. */
  forgetMoves(): void;
}
