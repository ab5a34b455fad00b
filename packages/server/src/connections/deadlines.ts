// The deadlines of many calls that seldom reach theirs, by one timer: a timer of its own for each costs
// more to set and to cancel than all else that is kept of a small call.
//
// Invariant: while any waits, the timer stands at the earliest deadline or before it.

import type {Clock, Timer} from '@flotilla/base';

export class Deadlines<Waiter> {
  readonly #clock: Clock;
  readonly #onDue: (waiter: Waiter) => void;
  readonly #dueMs = new Map<Waiter, number>();
  #timer: Timer | undefined;
  /** When it goes off. */
  #timerMs = Infinity;

  constructor(clock: Clock, onDue: (waiter: Waiter) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  add(waiter: Waiter, delayMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    const dueMs = nowMs + delayMs;
    this.#dueMs.set(waiter, dueMs);
    if (dueMs < this.#timerMs) this.#setTimer(dueMs, nowMs);
  }

  /** Idempotent. */
  delete(waiter: Waiter): void {
    this.#dueMs.delete(waiter);
    // A process, or a test's clock, must not be kept going by a timer that nobody waits for.
    if (this.#dueMs.size === 0 && this.#timer !== undefined) this.#stopTimer();
  }

  #setTimer(dueMs: number, nowMs: number): void {
    this.#timer?.cancel();
    this.#timerMs = dueMs;
    this.#timer = this.#clock.setTimer(dueMs - nowMs, () => this.#look());
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerMs = Infinity;
  }

  #look(): void {
    this.#stopTimer();
    const nowMs = this.#clock.monotonicMs();
    let nextMs = Infinity;
    for (const [waiter, dueMs] of this.#dueMs) {
      if (dueMs > nowMs) {
        nextMs = Math.min(nextMs, dueMs);
        continue;
      }
      this.#dueMs.delete(waiter);
      this.#onDue(waiter);
    }
    // What was called may have added some, and set the timer.
    if (this.#dueMs.size > 0 && nextMs < this.#timerMs) this.#setTimer(nextMs, nowMs);
  }
}
