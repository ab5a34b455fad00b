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

/** Items of which as many are looked at as are wanted, the last first. */
interface Descending<Item> {
  readonly size: number;
  descending(): Iterable<Item>;
}

/** What one node may pass on to another. */
class Edge<Item> {
  readonly #items: Item[] = [];
  /** Below those. */
  readonly #all: Descending<Item> | undefined;
  #rest: Iterator<Item> | undefined;
  #restCount: number;

  constructor(all?: Descending<Item>) {
    this.#all = all;
    this.#restCount = all?.size ?? 0;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  /** Each item that was moved is dropped here once, so looking for one costs nothing in the end. */
  hasBut(moved: ReadonlySet<Item>): boolean {
    while (this.#items.length > 0 && moved.has(this.#items.at(-1)!)) this.#items.pop();
    if (this.#items.length > 0) return true;
    // As many cannot all have moved: mostly so, and then none has to be looked at.
    if (this.#restCount > moved.size) return true;
    while (this.#restCount > 0) {
      const item = this.#take();
      if (moved.has(item)) continue;
      this.#items.push(item);
      return true;
    }
    return false;
  }

  /** Requires that it has one. */
  popBut(moved: ReadonlySet<Item>): Item {
    for (;;) {
      const item = this.#items.pop() ?? this.#take();
      if (!moved.has(item)) return item;
    }
  }

  #take(): Item {
    this.#rest ??= this.#all!.descending()[Symbol.iterator]();
    this.#restCount -= 1;
    return this.#rest.next().value as Item;
  }
}

/** Who else may hold an item that `from` holds now. An item is passed on once at most. */
export class LeadBalance<Item> {
  readonly #counts: Map<NodeId, number>;
  readonly #edges = new Map<NodeId, Map<NodeId, Edge<Item>>>();
  /** That something may be passed on to. */
  readonly #takers = new Set<NodeId>();
  readonly #moved = new Set<Item>();

  constructor(counts: ReadonlyMap<NodeId, number>) {
    this.#counts = new Map(counts);
  }

  allow(item: Item, from: NodeId, to: NodeId): void {
    const edges = this.#edgesFrom(from);
    const edge = edges.get(to) ?? new Edge<Item>();
    edge.push(item);
    edges.set(to, edge);
    this.#takers.add(to);
  }

  /** As if each was allowed in its order. Requires that none was before, and that they stay as they are. */
  allowAll(items: Descending<Item>, from: NodeId, to: NodeId): void {
    this.#edgesFrom(from).set(to, new Edge(items));
    this.#takers.add(to);
  }

  /** A chain that takes one from the node that holds the most of those that can be helped; empty: none. */
  next(): LeadMove<Item>[] {
    const hopeless = new Set<NodeId>();
    const lowest = Math.min(...[...this.#takers].map((node) => this.#count(node)));
    const sources = [...this.#edges.keys()].sort((a, b) => this.#count(b) - this.#count(a));
    for (const source of sources) {
      if (hopeless.has(source)) continue;
      const reached = this.#reachFrom(source, lowest);
      const target = this.#least(reached.keys(), this.#count(source) - 2);
      if (target !== undefined) return this.#pass(reached, source, target);
      // Whoever it reaches holds as much as it, less one at most: among them there is nothing to gain.
      for (const node of reached.keys()) hopeless.add(node);
      hopeless.add(source);
    }
    return [];
  }

  /**
   * Breadth first, so that chains are short: each node and the one before it. Up to the first that holds no more
   * than `lowest`: none that comes later can hold less.
   */
  #reachFrom(source: NodeId, lowest: number): Map<NodeId, NodeId> {
    const reached = new Map<NodeId, NodeId>();
    const queue = [source];
    for (const from of queue) {
      for (const to of this.#direct(from)) {
        if (to === source || reached.has(to)) continue;
        reached.set(to, from);
        if (this.#count(to) <= lowest) return reached;
        queue.push(to);
      }
    }
    return reached;
  }

  *#direct(from: NodeId): Generator<NodeId> {
    for (const [to, edge] of this.#edges.get(from) ?? []) if (edge.hasBut(this.#moved)) yield to;
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
      const item = this.#edges.get(from)!.get(to)!.popBut(this.#moved);
      this.#moved.add(item);
      moves.unshift({item, from, to});
      to = from;
    }
    this.#counts.set(source, this.#count(source) - 1);
    this.#counts.set(target, this.#count(target) + 1);
    return moves;
  }

  #edgesFrom(from: NodeId): Map<NodeId, Edge<Item>> {
    const present = this.#edges.get(from);
    if (present !== undefined) return present;
    const edges = new Map<NodeId, Edge<Item>>();
    this.#edges.set(from, edges);
    return edges;
  }

  #count(node: NodeId): number {
    return this.#counts.get(node) ?? 0;
  }
}
