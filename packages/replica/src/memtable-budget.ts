// What the memtables of one engine thread hold together. Each machine accounts for its own; past the
// budget none of them applies more until flushes have freed some, however many replicas share the
// growth and however slow the disk is. Before that none takes more, so that what was taken finds room:
// what waits for a flush once it is in the log outlives its writer's patience.

import {assert, LIMITS} from '@flotilla/base';

/** Flushes begin at the limit; at so many times it nothing is applied until some have ended. */
const HELD = 2;
/** Of what may be held: past it nothing is taken. The rest is for what was taken and is not applied. */
const TAKEN = 3 / 4;

export class MemtableBudget {
  readonly bytesMax: number;
  #bytes = 0;

  /** @param flushedFrom  bytes from which the largest is flushed */
  constructor(flushedFrom: number = LIMITS.memtables_bytes_max.value) {
    this.bytesMax = HELD * flushedFrom;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.#bytes >= this.bytesMax;
  }

  /** 0 while no flush must be waited for, 1 when nothing more is taken. */
  get pressure(): number {
    return pressureOf(this.#bytes, {flushedFrom: this.bytesMax / HELD, max: this.bytesMax});
  }

  change(bytes: number): void {
    this.#bytes += bytes;
    assert(this.#bytes >= 0, () => `memtables hold ${this.#bytes} bytes`);
  }
}

/** How far `bytes` are from where flushes begin (0) to where nothing more is taken (1). */
export function pressureOf(
  bytes: number,
  {flushedFrom, max}: {readonly flushedFrom: number; readonly max: number},
): number {
  const pressure = (bytes - flushedFrom) / (TAKEN * max - flushedFrom);
  return Math.min(1, Math.max(0, pressure));
}
