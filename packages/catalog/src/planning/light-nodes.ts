// Nodes, the lightest first; of equals the one that was named first. To find the lightest that may be given
// something takes a look at those that are lighter, not at all.

import type {NodeId} from '@flotilla/base';
import type {Node} from '../model.ts';

export class LightNodes {
  readonly #scores: ReadonlyMap<NodeId, number>;
  readonly #rank: ReadonlyMap<NodeId, number>;
  readonly #nodes: Node[];

  /** @param scores of each of the nodes; whoever changes one of them says so (`changed`). */
  constructor(nodes: readonly Node[], scores: ReadonlyMap<NodeId, number>) {
    this.#scores = scores;
    this.#rank = new Map(nodes.map(({id}, rank) => [id, rank]));
    this.#nodes = [...nodes].sort((a, b) => this.#compare(a, b));
  }

  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  /** Of the lightest; Infinity without one. */
  get least(): number {
    const first = this.#nodes[0];
    return first === undefined ? Infinity : this.#scores.get(first.id)!;
  }

  changed(node: NodeId): void {
    if (!this.#rank.has(node)) return;
    let at = this.#nodes.findIndex(({id}) => id === node);
    while (at > 0 && this.#compare(this.#nodes[at]!, this.#nodes[at - 1]!) < 0) {
      this.#swap(at - 1);
      at -= 1;
    }
    while (
      at + 1 < this.#nodes.length &&
      this.#compare(this.#nodes[at]!, this.#nodes[at + 1]!) > 0
    ) {
      this.#swap(at);
      at += 1;
    }
  }

  #swap(at: number): void {
    const node = this.#nodes[at]!;
    this.#nodes[at] = this.#nodes[at + 1]!;
    this.#nodes[at + 1] = node;
  }

  #compare(a: Node, b: Node): number {
    const byScore = this.#scores.get(a.id)! - this.#scores.get(b.id)!;
    return byScore || this.#rank.get(a.id)! - this.#rank.get(b.id)!;
  }
}
