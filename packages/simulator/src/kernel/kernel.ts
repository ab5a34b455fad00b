// The one thread in which a whole cluster lives. Time jumps from event to event; between two events
// every promise reaction runs to its end, so that the order of everything follows from the order of
// events. Law: nothing under simulation may wait for a real device, thread or timer.

import type {Timer} from '@flotilla/base';
import {type Due, DueQueue} from '@flotilla/testkit';
import type {Process} from './process.ts';
import type {Trace} from './trace.ts';

/** So often the real event loop gets a turn, for signals and whoever awaits progress. */
const EVENTS_PER_LOOP_TURN = 20_000;
/** A group of callbacks that never lets time pass is a loop without end. */
const DEFERRED_MAX = 100_000;

interface SimEvent extends Due {
  /** Whose event it is: not run if that process is dead, held while it is paused. */
  readonly process: Process | undefined;
  run: (() => void) | undefined;
}

interface Deferred {
  readonly process: Process | undefined;
  readonly run: () => void;
}

export class Kernel {
  nowMs = 0;
  /** Events run. */
  steps = 0;
  /** Of all clocks; where it moves, time passed for all of them at once. */
  wallStartMs = Date.UTC(2026, 0, 1);
  readonly trace: Trace;
  readonly #queue = new DueQueue<SimEvent>();
  #deferred: Deferred[] = [];
  #order = 0;
  #deferredInARow = 0;

  constructor(trace: Trace) {
    this.trace = trace;
  }

  /** For whoever reads the trace; the text is made only if somebody does. */
  note(node: number, set: number, text: () => string): void {
    if (this.trace.isFull) this.trace.add({ms: this.nowMs, node, set, text: text()});
  }

  after(delayMs: number, run: () => void, process?: Process): Timer {
    const order = this.#order++;
    const event = {
      dueMs: this.nowMs + delayMs,
      order,
      process,
      run: run as (() => void) | undefined,
    };
    this.#queue.push(event);
    return {
      cancel: () => {
        event.run = undefined;
      },
    };
  }

  defer(run: () => void, process?: Process): void {
    this.#deferred.push({process, run});
  }

  /** Runs events until `isDone` says so after one of them, or time reaches `untilMs`. */
  async run(isDone: () => boolean, untilMs = Infinity): Promise<void> {
    await reactions();
    while (!isDone()) {
      if (this.#deferred.length > 0) {
        this.#runDeferred();
      } else {
        const event = this.#queue.first;
        if (event === undefined || event.dueMs > untilMs) {
          this.nowMs = Math.max(this.nowMs, Number.isFinite(untilMs) ? untilMs : this.nowMs);
          return;
        }
        this.#queue.pop();
        if (!this.#runEvent(event.dueMs, event.run, event.process)) continue;
      }
      await reactions();
      if (this.steps % EVENTS_PER_LOOP_TURN === 0) await loopTurn();
    }
  }

  #runEvent(dueMs: number, run: (() => void) | undefined, process: Process | undefined): boolean {
    if (run === undefined || process?.isDead === true) return false;
    this.nowMs = dueMs;
    if (process?.isPaused === true) {
      process.held.push(run);
      return false;
    }
    this.steps += 1;
    this.#deferredInARow = 0;
    this.trace.mix(dueMs);
    run();
    return true;
  }

  #runDeferred(): void {
    const batch = this.#deferred;
    this.#deferred = [];
    this.#deferredInARow += 1;
    if (this.#deferredInARow > DEFERRED_MAX) throw new Error('callbacks defer each other for ever');
    for (const {process, run} of batch) {
      if (process?.isDead === true) continue;
      if (process?.isPaused === true) process.held.push(run);
      else run();
    }
  }
}

/**
 * Every promise reaction that can run has run when it comes back. Requires to be called from a
 * reaction: Node empties the microtask queue before it looks at ticks that were queued from inside
 * one. A macrotask (setImmediate) does the same and costs a poll of the event loop.
 */
function reactions(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

function loopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
