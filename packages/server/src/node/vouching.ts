// When a replica that is the only voter of its set may lead. Its store may be an old image, from before the set
// got other voters or moved away, and it would elect itself without asking anybody. So it waits until each
// other node of the catalog has said what it remembers of these stores (first-greetings.ts). Not for ever: a
// cluster of two must start where one of them is dead.

import type {Clock, NodeId, Timer} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';

/** Nodes that run are connected long before. */
export const VOUCHING_MS_MAX = 10_000;

export interface VouchingPorts {
  readonly clock: Pick<Clock, 'setTimer'>;
  readonly others: () => Iterable<NodeId>;
  readonly isVetted: (node: NodeId) => boolean;
  /** Once. `unheard` said nothing in time. */
  readonly onVouched: (unheard: readonly NodeId[]) => void;
}

export class Vouching {
  readonly #ports: VouchingPorts;
  readonly #waitMs: number;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(ports: VouchingPorts, waitMs = VOUCHING_MS_MAX) {
    this.#ports = ports;
    this.#waitMs = waitMs;
  }

  start(): void {
    this.settle();
    if (this.#isOver || this.#waitMs === Infinity) return;
    this.#timer = this.#ports.clock.setTimer(this.#waitMs, () => this.#end(this.#unheard()));
  }

  stop(): void {
    this.#timer?.cancel();
    this.#isOver = true;
  }

  /** A node has said what it remembers, or the catalog has changed. */
  settle(): void {
    if (!this.#isOver && this.#unheard().length === 0) this.#end([]);
  }

  #unheard(): NodeId[] {
    const {others, isVetted} = this.#ports;
    return [...others()].filter((node) => !isVetted(node));
  }

  #end(unheard: readonly NodeId[]): void {
    this.stop();
    this.#ports.onVouched(unheard);
  }
}

/** Members but this one, as far as its copy of the catalog knows: at first as it was cached. */
export function othersOf(catalog: Catalog, self: NodeId): NodeId[] {
  const members = [...catalog.nodes()].filter(({state}) => state !== 'decommissioned');
  return members.map(({id}) => id).filter((id) => id !== self);
}
