// One life of one node: what it scheduled dies with it, and waits while it is paused. Its clocks are
// its own: the monotonic one runs at its own rate from an arbitrary start, the wall clock is off by a
// skew and may jump.

import type {Clock, Timer} from '@flotilla/base';
import type {Kernel} from './kernel.ts';

/** Less than that is lost in the digits of the time itself: who waits for it would wait again, for ever. */
const WAIT_MS_MIN = 0.001;

export class Process implements Clock {
  readonly name: string;
  isDead = false;
  isPaused = false;
  /** What fell due while it was paused, in order. */
  held: (() => void)[] = [];
  readonly #kernel: Kernel;
  readonly #wall: {readonly skewMs: number};
  readonly #rate: number;
  readonly #bornMs: number;
  readonly #startMs: number;

  /** @param wall shared by all lives of the node: the clock is the machine's. */
  constructor(
    kernel: Kernel,
    options: {name: string; wall: {readonly skewMs: number}; rate: number; startMs: number},
  ) {
    this.#kernel = kernel;
    this.name = options.name;
    this.#wall = options.wall;
    this.#rate = options.rate;
    this.#startMs = options.startMs;
    this.#bornMs = kernel.nowMs;
  }

  /** Whole milliseconds, as a machine's clock gives them. */
  wallMs(): number {
    return Math.floor(this.#kernel.wallStartMs + this.#kernel.nowMs + this.#wall.skewMs);
  }

  monotonicMs(): number {
    return this.#startMs + (this.#kernel.nowMs - this.#bornMs) * this.#rate;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const waitMs = delayMs > 0 ? Math.max(WAIT_MS_MIN, delayMs) : 0;
    return this.#kernel.after(waitMs / this.#rate, callback, this);
  }

  defer(callback: () => void): void {
    this.#kernel.defer(callback, this);
  }

  pause(): void {
    this.isPaused = true;
  }

  /** What fell due meanwhile runs now, late and in a burst. */
  resume(): void {
    this.isPaused = false;
    const {held} = this;
    this.held = [];
    for (const run of held) this.#kernel.after(0, run, this);
  }

  die(): void {
    this.isDead = true;
    this.held = [];
  }
}
