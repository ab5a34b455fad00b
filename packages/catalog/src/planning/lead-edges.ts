// Who leads which of the ordinary sets, and who else could take each of those leads: the graph over nodes
// that evening out walks (lead-balance.ts). A lead that changes costs itself, however many there are.

import type {NodeId, ReplicaSetId} from '@flotilla/base';
import {OrderedIds} from './ordered-ids.ts';

export interface Lead {
  readonly node: NodeId;
  /** To whom it may be passed on; none where it is to stay. */
  readonly heirs: readonly NodeId[];
}

type Sets = OrderedIds<ReplicaSetId>;

const NO_SETS: Sets = new OrderedIds();

export class LeadEdges {
  readonly #leads = new Map<ReplicaSetId, Lead>();
  readonly #led = new Map<NodeId, Sets>();
  readonly #edges = new Map<NodeId, Map<NodeId, Sets>>();

  /** Undefined where nobody leads the set. */
  put(set: ReplicaSetId, lead: Lead | undefined): void {
    const before = this.#leads.get(set);
    if (isSame(before, lead)) return;
    if (before !== undefined) {
      removeFrom(this.#led, before.node, set);
      const edges = this.#edges.get(before.node);
      if (edges !== undefined) for (const heir of before.heirs) removeFrom(edges, heir, set);
      if (edges?.size === 0) this.#edges.delete(before.node);
    }
    if (lead === undefined) {
      this.#leads.delete(set);
      return;
    }
    this.#leads.set(set, lead);
    addTo(this.#led, lead.node, set);
    if (lead.heirs.length === 0) return;
    const edges = this.#edges.get(lead.node) ?? new Map<NodeId, Sets>();
    this.#edges.set(lead.node, edges);
    for (const heir of lead.heirs) addTo(edges, heir, set);
  }

  leaderOf(set: ReplicaSetId): NodeId | undefined {
    return this.#leads.get(set)?.node;
  }

  /** Of the nodes that lead some. */
  counts(): Map<NodeId, number> {
    return new Map([...this.#led].map(([node, sets]) => [node, sets.size]));
  }

  ledBy(node: NodeId): Sets {
    return this.#led.get(node) ?? NO_SETS;
  }

  /** What `from` leads and `to` may take. */
  between(from: NodeId, to: NodeId): Sets {
    return this.#edges.get(from)?.get(to) ?? NO_SETS;
  }

  /** All pairs that have some, in ascending order, so that what is chosen does not hang on what came first. */
  *edges(): Generator<{readonly from: NodeId; readonly to: NodeId; readonly sets: Sets}> {
    for (const from of ascending(this.#edges.keys())) {
      const edges = this.#edges.get(from)!;
      for (const to of ascending(edges.keys())) yield {from, to, sets: edges.get(to)!};
    }
  }
}

export function addTo<Key, Id extends number>(
  lists: Map<Key, OrderedIds<Id>>,
  key: Key,
  id: Id,
): void {
  const ids = lists.get(key) ?? new OrderedIds<Id>();
  ids.add(id);
  lists.set(key, ids);
}

export function removeFrom<Key, Id extends number>(
  lists: Map<Key, OrderedIds<Id>>,
  key: Key,
  id: Id,
): void {
  const ids = lists.get(key);
  ids?.delete(id);
  if (ids?.size === 0) lists.delete(key);
}

function isSame(a: Lead | undefined, b: Lead | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.node === b.node &&
    a.heirs.length === b.heirs.length &&
    a.heirs.every((heir, i) => b.heirs[i] === heir)
  );
}

function ascending(nodes: Iterable<NodeId>): NodeId[] {
  return [...nodes].sort((a, b) => a - b);
}
