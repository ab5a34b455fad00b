// Long work in short slices: after so many values the thread goes back to its queue. Counted, not
// timed, since this layer has no clock.

import {DbError} from '@flotilla/base';

/** Some 1 ms of encoding or merging at 50-100 ns a value. */
const VALUES_PER_SLICE = 10_000;

/** However wide the table: below it a block could not be seen whole. */
const ROWS_PER_SLICE_MIN = 1_000;

/** How many rows of that many columns, and their times, are worked on in one go. */
export function rowsPerSlice(columns: number): number {
  return Math.max(ROWS_PER_SLICE_MIN, Math.floor(VALUES_PER_SLICE / (columns + 1)));
}

export class Slices {
  /** Lets whatever waits in this thread run first. */
  readonly #pause: () => Promise<void>;
  /** How many times the usual slice the next one is; asked before each pause. */
  readonly #urgency: () => number;
  #spent = 0;
  #isStopped = false;

  constructor(pause: () => Promise<void>, urgency: () => number = () => 1) {
    this.#pause = pause;
    this.#urgency = urgency;
  }

  /** The work under way ends with CANCELLED at its next slice. */
  stop(): void {
    this.#isStopped = true;
  }

  /** A promise to wait for when the slice is used up, else undefined. */
  spend(values: number): Promise<void> | undefined {
    this.#spent += values;
    if (this.#spent < VALUES_PER_SLICE) return undefined;
    if (this.#spent < VALUES_PER_SLICE * this.#urgency()) return undefined;
    this.#spent = 0;
    return this.#rest();
  }

  async #rest(): Promise<void> {
    await this.#pause();
    if (this.#isStopped) throw new DbError('CANCELLED', 'the replica is closing');
  }
}
