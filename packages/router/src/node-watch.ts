// Which nodes have stopped answering, as the node's liveness tells every thread. A call to a node that
// froze is given up as soon as that is known, not when its own time is up; a node that is away is
// asked only where nobody else can be.

import type {NodeId} from '@flotilla/base';

export class NodeWatch {
  readonly #away = new Set<NodeId>();
  readonly #waiting = new Map<NodeId, Set<() => void>>();

  /** Those who wait for an away node are called once, and forgotten. */
  changed(node: NodeId, isAlive: boolean): void {
    if (isAlive) {
      this.#away.delete(node);
      return;
    }
    this.#away.add(node);
    const waiting = this.#waiting.get(node) ?? [];
    this.#waiting.delete(node);
    for (const callback of waiting) callback();
  }

  isAway(node: NodeId): boolean {
    return this.#away.has(node);
  }

  /** Calls back when the node goes away from now on. Returns what ends that. */
  onAway(node: NodeId, callback: () => void): () => void {
    const waiting = this.#waiting.get(node) ?? new Set();
    this.#waiting.set(node, waiting.add(callback));
    return () => {
      waiting.delete(callback);
      if (waiting.size === 0 && this.#waiting.get(node) === waiting) this.#waiting.delete(node);
    };
  }

  /** In their order, without those that are away; all of them when all are. */
  present(nodes: readonly NodeId[]): NodeId[] {
    const here = nodes.filter((node) => !this.#away.has(node));
    return here.length > 0 ? here : [...nodes];
  }
}
