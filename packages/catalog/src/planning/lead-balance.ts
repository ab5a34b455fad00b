// Evens out things that each of several nodes may hold: the leads of replica sets over their voters. A
// node that holds two more than another passes one on, through others where no set has both: A to B and
// B to C. Where no such chain is left, nobody holds more than it must (Harvey et al., Semi-matchings for
// bipartite graphs and load balancing, 2003: optimal without a cost-reducing path).

import type {NodeId} from '@flotilla/base';

export interface LeadMove<Item> {
  readonly item: Item;
  readonly from: NodeId;
  readonly to: NodeId;
}

/** Who else may hold an item that `from` holds now. An item is passed on once at most. */
export class LeadBalance<Item> {
  readonly #counts: Map<NodeId, number>;
  readonly #edges = new Map<NodeId, Map<NodeId, Item[]>>();
  readonly #moved = new Set<Item>();

  constructor(counts: ReadonlyMap<NodeId, number>) {
    this.#counts = new Map(counts);
  }

  allow(item: Item, from: NodeId, to: NodeId): void {
    let edges = this.#edges.get(from);
    if (edges === undefined) {
      edges = new Map();
      this.#edges.set(from, edges);
    }
    const items = edges.get(to);
    if (items === undefined) edges.set(to, [item]);
    else items.push(item);
  }

  /** A chain that takes one from the node that holds the most of those that can be helped; empty: none. */
  next(): LeadMove<Item>[] {
    const hopeless = new Set<NodeId>();
    const sources = [...this.#edges.keys()].sort((a, b) => this.#count(b) - this.#count(a));
    for (const source of sources) {
      if (hopeless.has(source)) continue;
      const reached = this.#reachFrom(source);
      const target = this.#least(reached.keys(), this.#count(source) - 2);
      if (target !== undefined) return this.#pass(reached, source, target);
      // Whoever it reaches holds as much as it, less one at most: among them there is nothing to gain.
      for (const node of reached.keys()) hopeless.add(node);
      hopeless.add(source);
    }
    return [];
  }

  /** Breadth first, so that chains are short: each node and the one before it. */
  #reachFrom(source: NodeId): Map<NodeId, NodeId> {
    const reached = new Map<NodeId, NodeId>();
    const queue = [source];
    for (const from of queue) {
      for (const to of this.#direct(from)) {
        if (to === source || reached.has(to)) continue;
        reached.set(to, from);
        queue.push(to);
      }
    }
    return reached;
  }

  *#direct(from: NodeId): Generator<NodeId> {
    for (const [to, items] of this.#edges.get(from) ?? []) {
      // Each item is dropped here once, so looking for one costs nothing in the end.
      while (items.length > 0 && this.#moved.has(items.at(-1)!)) items.pop();
      if (items.length > 0) yield to;
    }
  }

  #least(nodes: Iterable<NodeId>, countMax: number): NodeId | undefined {
    let least: NodeId | undefined;
    for (const node of nodes) {
      if (this.#count(node) > countMax) continue;
      if (least === undefined || this.#count(node) < this.#count(least)) least = node;
    }
    return least;
  }

  #pass(reached: ReadonlyMap<NodeId, NodeId>, source: NodeId, target: NodeId): LeadMove<Item>[] {
    const moves: LeadMove<Item>[] = [];
    for (let to = target; to !== source; ) {
      const from = reached.get(to)!;
      const item = this.#edges.get(from)!.get(to)!.pop()!;
      this.#moved.add(item);
      moves.unshift({item, from, to});
      to = from;
    }
    this.#counts.set(source, this.#count(source) - 1);
    this.#counts.set(target, this.#count(target) + 1);
    return moves;
  }

  #count(node: NodeId): number {
    return this.#counts.get(node) ?? 0;
  }
}
