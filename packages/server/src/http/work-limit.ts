// How many bytes of writes are worked on at once, learned from how long work takes: additive up,
// multiplicative down, as TCP's window. No clock of its own.

import {LIMITS} from '@flotilla/base';

/** Work that takes longer shrinks the limit; a quarter of a write's deadline. */
const SLOW_MS = 1_000;
/** Work that takes less lets it grow. */
const QUICK_MS = 500;
const SHRINK = 0.7;
/** Of the bytes that were quick. */
const GROW = 0.1;
/** One body of 4 MiB: what is left when all is slow. */
export const WORK_BYTES_MIN = 4 * 1024 * 1024;
const WORK_BYTES_FIRST = 8 * 1024 * 1024;
/** Weight of the youngest piece of work in what work takes. */
const YOUNGEST = 0.2;
const WORK_MS_FIRST = 200;

export class WorkLimit {
  #bytesMax = WORK_BYTES_FIRST;
  #workMs = WORK_MS_FIRST;
  #shrunkMs = -Infinity;
  #lastInTimeMs = -Infinity;

  get bytesMax(): number {
    return this.#bytesMax;
  }

  /** When work last came to its end within a second. */
  get lastInTimeMs(): number {
    return this.#lastInTimeMs;
  }

  /** What work took of late. */
  get workMs(): number {
    return this.#workMs;
  }

  /** @param done a piece of work that came to its end, not to that of its time; `isWanted`: others waited. */
  learn(done: {
    readonly nowMs: number;
    readonly workMs: number;
    readonly bytes: number;
    readonly isWanted: boolean;
  }): void {
    const {nowMs, workMs, bytes, isWanted} = done;
    this.#workMs += YOUNGEST * (workMs - this.#workMs);
    if (workMs > SLOW_MS) return this.shrink(nowMs);
    this.#lastInTimeMs = nowMs;
    if (workMs < QUICK_MS && isWanted) {
      const most = LIMITS.writes_at_work_bytes_max.value;
      this.#bytesMax = Math.min(most, this.#bytesMax + GROW * bytes);
    }
  }

  /** Bytes at work and on their way to it: as much again, but nothing while work takes half the deadline. */
  get heldBytesMax(): number {
    const ahead = (LIMITS.write_deadline_ms.value / 2 - this.#workMs) / SLOW_MS;
    return this.#bytesMax * (1 + Math.min(1, Math.max(0, ahead)));
  }

  /** Work is slow now; once for all that is under way together. */
  shrink(nowMs: number): void {
    if (nowMs - this.#shrunkMs < SLOW_MS) return;
    this.#shrunkMs = nowMs;
    this.#bytesMax = Math.max(WORK_BYTES_MIN, this.#bytesMax * SHRINK);
  }
}
