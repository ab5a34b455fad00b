// Who can take the lead of a set from a node that is to lead nothing. The meta group's goes to no node whose clock
// is wrong, which would give it back at once (clocks.ts); and no lead goes to a replica whose rows are known to be
// wrong, which repairs take the lead from (repairs.ts).

import {META_SET, type NodeId, type ReplicaId} from '@flotilla/base';
import type {ReplicaPlacement} from '../model.ts';
import {distrustedClocks} from './clocks.ts';
import {takesLeads} from './fitness.ts';
import type {GroupView} from './group-view.ts';
import type {SetLists} from './set-lists.ts';

/** For one plan. */
export class LeadHeirs {
  readonly #lists: SetLists;
  readonly #nowMs: number;
  readonly #distrusted: ReadonlySet<NodeId>;
  readonly #differing: ReadonlySet<ReplicaId>;

  constructor(lists: SetLists, nowMs: number) {
    this.#lists = lists;
    this.#nowMs = nowMs;
    this.#distrusted = distrustedClocks(lists.reports);
    this.#differing = lists.operations.differing();
  }

  /** Caught-up voters on nodes that take leads; nobody as long as the members are being changed. */
  of(group: GroupView): ReplicaPlacement[] {
    if (group.joint) return [];
    const {catalog, reports} = this.#lists;
    const isMeta = group.set.id === META_SET;
    return group
      .heirsBeside(catalog.operationOf(group.set.id))
      .filter(
        ({node, replica}) =>
          takesLeads(node, catalog, reports, this.#nowMs) &&
          !this.#differing.has(replica) &&
          !(isMeta && this.#distrusted.has(node)),
      );
  }
}
