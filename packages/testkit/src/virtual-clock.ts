// Time that passes only when a test says so. Timers fire in order of due time, then of creation;
// deferred callbacks run before any timer. Between two steps all promise reactions run to their end,
// so one seed gives one run as long as nothing under test waits for a real device.

import type {Clock, Timer} from '@flotilla/base';
import {type Due, DueQueue} from './due-queue.ts';

interface Pending extends Due {
  readonly callback: () => void;
  cancelled: boolean;
}

export class VirtualClock implements Clock {
  #nowMs = 0;
  readonly #wallStartMs: number;
  #order = 0;
  readonly #timers = new DueQueue<Pending>();
  #deferred: (() => void)[] = [];

  constructor(wallStartMs = Date.UTC(2026, 0, 1)) {
    this.#wallStartMs = wallStartMs;
  }

  wallMs(): number {
    return this.#wallStartMs + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const dueMs = this.#nowMs + Math.max(0, delayMs);
    const timer: Pending = {dueMs, order: this.#order++, callback, cancelled: false};
    this.#timers.push(timer);
    return {
      cancel: () => {
        timer.cancelled = true;
      },
    };
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  /** Lets `ms` pass, running all that falls due. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    while (await this.#step(endMs));
    this.#nowMs = endMs;
  }

  /** Lets time pass until `condition` holds, at most `limitMs`; false if it never did. */
  async until(condition: () => boolean, limitMs = 60_000): Promise<boolean> {
    const endMs = this.#nowMs + limitMs;
    for (;;) {
      await drainReactions();
      if (condition()) return true;
      if (!(await this.#step(endMs))) break;
    }
    this.#nowMs = endMs;
    return condition();
  }

  /** Lets time pass until `promise` is settled, at most `limitMs`, and gives its outcome. */
  async resolve<Value>(promise: Promise<Value>, limitMs = 60_000): Promise<Value> {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    promise.then(mark, mark);
    if (!(await this.until(() => settled, limitMs)))
      throw new Error(`promise not settled after ${limitMs} ms of virtual time`);
    return promise;
  }

  /** Lets the whole process sleep: time passes, nothing runs; what fell due runs late afterwards. */
  stall(ms: number): void {
    this.#nowMs += ms;
  }

  async #step(endMs: number): Promise<boolean> {
    await drainReactions();
    if (this.#deferred.length > 0) {
      const batch = this.#deferred;
      this.#deferred = [];
      for (const callback of batch) callback();
      return true;
    }
    while (this.#timers.first?.cancelled) this.#timers.pop();
    const next = this.#timers.first;
    if (next === undefined || next.dueMs > endMs) return false;
    this.#timers.pop();
    this.#nowMs = Math.max(this.#nowMs, next.dueMs);
    next.callback();
    return true;
  }
}

/** A macrotask: every promise reaction that can run has run when it comes back. */
export function drainReactions(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
