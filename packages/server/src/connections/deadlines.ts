// The deadlines of many calls that seldom reach theirs, by one timer: a timer of its own for each costs
// more to set and to cancel than all else that is kept of a small call.
//
// Invariant: while any waits, the timer stands at the earliest deadline or before it.

import {Chain, type Clock, type Link, type Timer} from '@flotilla/base';

interface Due<Waiter> {
  readonly waiter: Waiter;
  readonly dueMs: number;
}

/** What ends a wait before its time. */
export type DeadlineOf<Waiter> = Link<Due<Waiter>>;

export class Deadlines<Waiter> {
  readonly #clock: Clock;
  readonly #onDue: (waiter: Waiter) => void;
  readonly #waiting = new Chain<Due<Waiter>>();
  #timer: Timer | undefined;
  /** When it goes off. */
  #timerMs = Infinity;

  constructor(clock: Clock, onDue: (waiter: Waiter) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  add(waiter: Waiter, delayMs: number): DeadlineOf<Waiter> {
    const nowMs = this.#clock.monotonicMs();
    const dueMs = nowMs + delayMs;
    if (dueMs < this.#timerMs) this.#setTimer(dueMs, nowMs);
    return this.#waiting.add({waiter, dueMs});
  }

  /** Idempotent. */
  delete(deadline: DeadlineOf<Waiter>): void {
    this.#waiting.delete(deadline);
    // A process, or a test's clock, must not be kept going by a timer that nobody waits for.
    if (this.#waiting.isEmpty && this.#timer !== undefined) this.#stopTimer();
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
    const late: DeadlineOf<Waiter>[] = [];
    for (let link = this.#waiting.first; link !== undefined; link = link.after) {
      if (link.value.dueMs <= nowMs) late.push(link);
      else nextMs = Math.min(nextMs, link.value.dueMs);
    }
    // One that is called may end others.
    for (const link of late) if (this.#waiting.delete(link)) this.#onDue(link.value.waiter);
    // What was called may have added some, and set the timer.
    if (!this.#waiting.isEmpty && nextMs < this.#timerMs) this.#setTimer(nextMs, nowMs);
  }
}
