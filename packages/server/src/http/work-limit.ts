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
/**
 * What is left when all is slow: a few bodies, so that log and followers are shared, and of large ones no
 * more than 4 MiB. 4 MiB of small bodies would be hundreds, and all of them slow: of 20 KB each, three
 * nodes that write 100 a second held more than they could do in a write's deadline, and did none in time.
 */
const SLOW_BODIES = 8;
const SLOW_BYTES_MAX = 4 * 1024 * 1024;
const WORK_BYTES_FIRST = 8 * 1024 * 1024;
/** Weight of the youngest piece of work in what work takes. */
const YOUNGEST = 0.2;
const WORK_MS_FIRST = 200;
/** The slowest work counts for one to two of these. */
const SLOWEST_MS = 5_000;
const BODY_BYTES_FIRST = SLOW_BYTES_MAX / SLOW_BODIES;

export class WorkLimit {
  #bytesMax = WORK_BYTES_FIRST;
  #workMs = WORK_MS_FIRST;
  #slowestMs = 0;
  #slowestBeforeMs = 0;
  #slowestSinceMs = -Infinity;
  #bodyBytes = BODY_BYTES_FIRST;
  #shrunkMs = -Infinity;
  #lastInTimeMs = -Infinity;

  get bytesMax(): number {
    return this.#bytesMax;
  }

  /** When work last came to its end within a second. */
  get lastInTimeMs(): number {
    return this.#lastInTimeMs;
  }

  /**
   * What work may take that begins now: twice its mean of late, or the slowest of it. A flush or a leader
   * that is behind makes some work take many times the mean, and it comes in bursts. What took more than
   * half of the deadline waited for a set without a leader, and says nothing of other work.
   */
  get workMsMax(): number {
    const slowest = Math.max(this.#slowestMs, this.#slowestBeforeMs);
    return Math.max(2 * this.#workMs, Math.min(slowest, LIMITS.write_deadline_ms.value / 2));
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
    this.#bodyBytes += YOUNGEST * (bytes - this.#bodyBytes);
    this.#noteSlowest(nowMs, workMs);
    if (workMs > SLOW_MS) return this.shrink(nowMs);
    this.#lastInTimeMs = nowMs;
    // Of so few the way to the disks and back alone may be what they take: that does not shrink with them.
    const isSmall = this.#bytesMax < SLOW_BYTES_MAX;
    if ((workMs < QUICK_MS || isSmall) && isWanted) {
      const most = LIMITS.writes_at_work_bytes_max.value;
      this.#bytesMax = Math.min(most, this.#bytesMax + GROW * bytes);
    }
  }

  /** Bytes at work and on their way to it: as much again, but nothing while work takes half the deadline. */
  get heldBytesMax(): number {
    const ahead = (LIMITS.write_deadline_ms.value / 2 - this.#workMs) / SLOW_MS;
    return this.#bytesMax * (1 + Math.min(1, Math.max(0, ahead)));
  }

  #noteSlowest(nowMs: number, workMs: number): void {
    const agoMs = nowMs - this.#slowestSinceMs;
    if (agoMs >= SLOWEST_MS) {
      this.#slowestBeforeMs = agoMs < 2 * SLOWEST_MS ? this.#slowestMs : 0;
      this.#slowestMs = 0;
      this.#slowestSinceMs = nowMs;
    }
    this.#slowestMs = Math.max(this.#slowestMs, workMs);
  }

  /** Work is slow now; once for all that is under way together. */
  shrink(nowMs: number): void {
    if (nowMs - this.#shrunkMs < SLOW_MS) return;
    this.#shrunkMs = nowMs;
    const least = Math.min(SLOW_BYTES_MAX, SLOW_BODIES * this.#bodyBytes);
    this.#bytesMax = Math.max(least, this.#bytesMax * SHRINK);
  }
}
