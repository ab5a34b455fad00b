// What a link does to the bytes that pass it one way: holds them, delays them, lets them through at a
// speed. Held bytes are never lost, as TCP would send them again: they come once the link is whole.
// Invariant: bytes of one connection leave in the order they came; connections that share the link
// share its speed, in the order of arrival.

import type {Socket} from 'node:net';

/** Held for one connection before its sender is made to wait: what kernels and routers on the way buffer. */
const HELD_BYTES_MAX = 256 * 1024;
/** Never more than so much time's worth at once, or a pause of this process would look like a fast line. */
const BURST_MS_MAX = 20;
const STEP_MS = 2;

/** One way of one connection. */
export interface Flow {
  readonly from: Socket;
  readonly to: Socket;
  heldBytes: number;
}

interface Item {
  readonly flow: Flow;
  readonly dueMs: number;
  /** Undefined: the sender has ended. */
  bytes: Buffer | undefined;
}

/** All bytes from one node to another. */
export class Direction {
  /** Nothing passes; nobody is told. */
  isHeld = false;
  delayMs = 0;
  /** Unlimited when absent. */
  bytesPerMs: number | undefined;
  /** Passed since the start. */
  passedBytes = 0;
  #items: Item[] = [];
  #allowance = 0;
  #lastMs = performance.now();
  #timer: NodeJS.Timeout | undefined;

  push(flow: Flow, bytes: Buffer | undefined): void {
    this.#items.push({flow, bytes, dueMs: performance.now() + this.delayMs});
    flow.heldBytes += bytes?.length ?? 0;
    if (flow.heldBytes > HELD_BYTES_MAX) flow.from.pause();
    this.run();
  }

  /** Lets pass what may. Call it after a fault has ended. */
  run(): void {
    this.#earn();
    while (!this.isHeld && this.#items.length > 0) {
      const item = this.#items[0]!;
      if (item.dueMs > performance.now() || !this.#pass(item)) break;
    }
    if (this.#items.length > 0 && !this.isHeld) this.#later();
  }

  /** Forgets what is on its way: its connections are gone. */
  clear(): void {
    this.#items = [];
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #earn(): void {
    const nowMs = performance.now();
    const speed = this.bytesPerMs ?? 0;
    this.#allowance = Math.min(
      this.#allowance + (nowMs - this.#lastMs) * speed,
      BURST_MS_MAX * speed,
    );
    this.#lastMs = nowMs;
  }

  /** False if only a part of it could. */
  #pass(item: Item): boolean {
    const {flow, bytes} = item;
    if (bytes === undefined) {
      flow.to.end();
      this.#items.shift();
      return true;
    }
    const room =
      this.bytesPerMs === undefined ? bytes.length : Math.min(bytes.length, this.#allowance);
    const count = Math.floor(room);
    if (count < 1) return false;
    flow.to.write(bytes.subarray(0, count));
    this.passedBytes += count;
    if (this.bytesPerMs !== undefined) this.#allowance -= count;
    flow.heldBytes -= count;
    if (flow.heldBytes <= HELD_BYTES_MAX) flow.from.resume();
    if (count < bytes.length) {
      item.bytes = bytes.subarray(count);
      return false;
    }
    this.#items.shift();
    return true;
  }

  #later(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.run();
    }, STEP_MS);
  }
}
