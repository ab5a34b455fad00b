// What the series indexes of one engine thread hold together. Each machine accounts for its own, and has
// one in memory only while it is used (`unload-schedule.ts`). Past the budget leaders take no new series, and
// known ones go on. It is soft by what is under way, by what is read because somebody uses it, and by what
// followers apply: each leader asks only the node that it is on.

import {assert, handledElsewhere, LIMITS} from '@flotilla/base';

export class IndexBudget {
  readonly bytesMax: number;
  #bytes = 0;
  #turn: Promise<void> = Promise.resolve();

  constructor(bytesMax: number = LIMITS.series_indexes_bytes_max.value) {
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.#bytes >= this.bytesMax;
  }

  change(bytes: number): void {
    this.#bytes += bytes;
    assert(this.#bytes >= 0, () => `series indexes hold ${this.#bytes} bytes`);
  }

  /**
   * For those that are read: one after the other. Side by side all of them would hold the bytes of their
   * files until the last moment.
   */
  inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    this.#turn = handledElsewhere(result);
    return result;
  }
}
