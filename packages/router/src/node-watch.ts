// Which nodes have stopped answering, as the node's liveness tells every thread. A call to a node that
// froze is given up as soon as that is known, not when its own time is up; a node that is away is
// asked only where nobody else can be.

import {type CallSignal, Chain, type NodeId} from '@flotilla/base';

export class NodeWatch {
  readonly #self: NodeId | undefined;
  /** Of the nodes that were told of. */
  readonly #isAlive = new Map<NodeId, boolean>();
  readonly #waiting = new Map<NodeId, Chain<() => void>>();

  /**
   * @param self  of whoever watches from a node: the others are away until they are met, whenever the catalog
   *   names them. What a cut link has kept from it all along is so asked through another node from the first call
   *   on, and not only once it was met and lost. Without it, each is there until it is told to be away.
   */
  constructor(self?: NodeId) {
    this.#self = self;
  }

  /** Those who wait for an away node are called once, and forgotten. */
  changed(node: NodeId, isAlive: boolean): void {
    this.#isAlive.set(node, isAlive);
    if (isAlive) return;
    const waiting = this.#waiting.get(node);
    this.#waiting.delete(node);
    for (let link = waiting?.first; link !== undefined; link = waiting!.first) {
      waiting!.delete(link);
      link.value();
    }
  }

  isAway(node: NodeId): boolean {
    const isMet = this.#self === undefined || node === this.#self;
    return !(this.#isAlive.get(node) ?? isMet);
  }

  /** Those that were told to be there. */
  met(): NodeId[] {
    return [...this.#isAlive].flatMap(([node, isAlive]) => (isAlive ? [node] : []));
  }

  /** Calls back when the node goes away from now on. Returns what ends that. */
  onAway(node: NodeId, callback: () => void): () => void {
    let waiting = this.#waiting.get(node);
    if (waiting === undefined) {
      waiting = new Chain();
      this.#waiting.set(node, waiting);
    }
    const link = waiting.add(callback);
    return () => link.chain?.delete(link);
  }

  /** In their order, without those that are away; all of them when all are. */
  present(nodes: readonly NodeId[]): NodeId[] {
    const here = nodes.filter((node) => !this.isAway(node));
    return here.length > 0 ? here : [...nodes];
  }
}

/** Aborted when the node goes away before `release`, for one call. */
export class AwaySignal implements CallSignal {
  aborted = false;
  readonly release: () => void;
  #listener: (() => void) | undefined;

  constructor(nodes: Pick<NodeWatch, 'onAway'>, node: NodeId) {
    this.release = nodes.onAway(node, () => {
      this.aborted = true;
      this.#listener?.();
    });
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listener = listener;
  }

  removeEventListener(): void {
    this.#listener = undefined;
  }
}
