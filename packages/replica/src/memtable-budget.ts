// What the memtables of one engine thread hold together. Each machine accounts for its own; past the
// budget none of them applies more until flushes have freed some, however many replicas share the
// growth and however slow the disk is.

import {assert, LIMITS} from '@flotilla/base';

/** Flushes begin at the limit; at so many times it nothing is applied until some have ended. */
const HELD = 2;

export class MemtableBudget {
  readonly bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number = HELD * LIMITS.memtables_bytes_max.value) {
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.#bytes >= this.bytesMax;
  }

  change(bytes: number): void {
    this.#bytes += bytes;
    assert(this.#bytes >= 0, () => `memtables hold ${this.#bytes} bytes`);
  }
}
