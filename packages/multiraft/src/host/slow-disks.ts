// Disks that were slow a short while ago. A device that several nodes share stands still under all of them,
// though not from the same moment on: one node's write has just ended when the next one's takes its half
// second. Who moves leadership then moves it to a disk that is no better, at the cost of an election.

import type {NodeId} from '@flotilla/base';
import type {Store} from './store.ts';
import type {Timing} from './timing.ts';

/** A write of the own disk that takes this part of a stall is slow: far above any disk that works. */
const SLOW_SHARE = 1 / 4;
/** In stalls: measured on a shared device, those that follow each other come within seconds. */
const REMEMBERED_STALLS = 4;

export class SlowDisks {
  readonly #slowMs: number;
  readonly #rememberedMs: number;
  readonly #own = new Map<Store, number>();
  /** By node and thread: when it was last told as slow. */
  readonly #others = new Map<NodeId, Map<number, number>>();

  constructor({stallMs}: Pick<Timing, 'stallMs'>) {
    this.#slowMs = stallMs * SLOW_SHARE;
    this.#rememberedMs = stallMs * REMEMBERED_STALLS;
  }

  /** Called at each tick. @param seenUptoMs up to when this loop has seen which writes ended */
  look(stores: readonly Store[], nowMs: number, seenUptoMs: number): void {
    for (const store of stores) {
      const since = store.writingSinceMs;
      if (since !== undefined && seenUptoMs - since >= this.#slowMs) this.#own.set(store, nowMs);
    }
  }

  /** What a node says of its threads' disks, whenever that changes. */
  told(node: NodeId, before: readonly number[], now: readonly number[], nowMs: number): void {
    const threads = this.#others.get(node) ?? new Map<number, number>();
    this.#others.set(node, threads);
    for (const thread of [...before, ...now]) threads.set(thread, nowMs);
  }

  wasSlow(store: Store, nowMs: number): boolean {
    return nowMs - (this.#own.get(store) ?? -Infinity) < this.#rememberedMs;
  }

  wasToldSlow(node: NodeId, thread: number, nowMs: number): boolean {
    return nowMs - (this.#others.get(node)?.get(thread) ?? -Infinity) < this.#rememberedMs;
  }

  /** So long a leader whose disk stands still is borne by who was slow himself. */
  get patienceMs(): number {
    return this.#rememberedMs;
  }
}
