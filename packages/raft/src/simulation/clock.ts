// The monotonic clock of one node, which runs a little fast or slow and never stops, and its ticks,
// which a process that stands still does not see.

import type {SeededRandom} from '@flotilla/base';

export class Clock {
  now = 0;
  readonly #rate: number;
  #dueAt: number;

  constructor(random: SeededRandom) {
    this.#rate = 0.9 + 0.2 * random.next();
    this.#dueAt = random.next();
  }

  /** One tick's time passes. True if a tick of this clock falls into it. */
  advance(): boolean {
    this.now += this.#rate;
    if (this.now < this.#dueAt) return false;
    this.#dueAt += 1;
    return true;
  }
}
