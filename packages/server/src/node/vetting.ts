// What another node remembers of this one's stores is held against them in every engine thread, and only
// when the last one has answered may that node hear of newer records (NodeLiveness.vetted). A thread that
// finds an old image gives no answer: the process ends.

import {assert, type NodeId} from '@flotilla/base';

export class Vetting {
  readonly #onVetted: (node: NodeId) => void;
  /** Threads that have not answered yet. */
  readonly #left = new Map<NodeId, number>();

  constructor(onVetted: (node: NodeId) => void) {
    this.#onVetted = onVetted;
  }

  /** Once for each node. Without a thread to ask there is nothing that it remembers. */
  begin(node: NodeId, threads: number): void {
    this.#left.set(node, threads);
    if (threads === 0) this.#onVetted(node);
  }

  answered(node: NodeId): void {
    const left = (this.#left.get(node) ?? 0) - 1;
    assert(left >= 0, () => `nobody was asked about node ${node}`);
    this.#left.set(node, left);
    if (left === 0) this.#onVetted(node);
  }
}
