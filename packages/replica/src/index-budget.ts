// What the series indexes of one engine thread hold together. Each machine accounts for its own. They stay
// in memory as long as their replicas are here, so nothing that waits or is sent again frees any of it: past
// the budget leaders take no new series, and known ones go on. It is soft by what is under way, and by what
// followers apply: each leader asks only the node that it is on.

import {assert, LIMITS} from '@flotilla/base';

export class IndexBudget {
  readonly bytesMax: number;
  #bytes = 0;

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
}
