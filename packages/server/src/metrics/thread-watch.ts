// How a thread of this process runs: how late its timers come, how long its garbage collections take.
// The timer also tells what a turn that took too long cost everyone else. Where the thread ticks anyway
// its ticks tell how late they come, and no timer wakes it for this alone.

import {PerformanceObserver} from 'node:perf_hooks';
import v8 from 'node:v8';
import {type Clock, DurationHistogram, type Timer} from '@flotilla/base';
import type {Sample} from './sample.ts';

/** 20 looks a second: 2 us each. */
const LOOK_MS = 50;

export class ThreadWatch {
  readonly #clock: Clock;
  readonly #thread: string;
  readonly #delay = new DurationHistogram();
  readonly #pauses = new DurationHistogram();
  readonly #collections: PerformanceObserver;
  #timer: Timer | undefined;

  /** @param thread `main`, or the number of an engine thread. */
  constructor(clock: Clock, thread: string) {
    this.#clock = clock;
    this.#thread = thread;
    this.#collections = new PerformanceObserver((list) => {
      for (const {duration} of list.getEntries()) this.#pauses.observeMs(duration);
    });
  }

  start(): void {
    this.watchCollections();
    this.#look();
  }

  /** Instead of `start`, where `ticked` is called. */
  watchCollections(): void {
    this.#collections.observe({entryTypes: ['gc']});
  }

  /** A timer came that the thread has anyway, and will have from now on. */
  ticked(lateMs: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#delay.observeMs(Math.max(0, lateMs));
  }

  stop(): void {
    this.#collections.disconnect();
    this.#timer?.cancel();
  }

  samples(): Sample[] {
    const labels = {thread: this.#thread};
    const heapBytes = v8.getHeapStatistics().used_heap_size;
    return [
      {metric: 'flotilla_event_loop_delay_seconds', labels, value: this.#delay.copy()},
      {metric: 'flotilla_gc_pause_seconds', labels, value: this.#pauses.copy()},
      {metric: 'flotilla_heap_used_bytes', labels, value: heapBytes},
    ];
  }

  #look(): void {
    const dueMs = this.#clock.monotonicMs() + LOOK_MS;
    this.#timer = this.#clock.setTimer(LOOK_MS, () => {
      this.#delay.observeMs(Math.max(0, this.#clock.monotonicMs() - dueMs));
      this.#look();
    });
  }
}
