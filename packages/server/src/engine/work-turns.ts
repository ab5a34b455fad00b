// Work that takes long, such as parsing a body, one piece a turn of the thread. Messages of the main
// thread are handled a thousand at a time before timers and disks get their say: without this, bodies
// that came together would be parsed back to back, and the thread's groups stand still for seconds.

import type {Clock} from '@flotilla/base';

/** Pieces that fit into this share a turn, so that small writes need few. */
const TURN_MS = 5;

export class WorkTurns {
  readonly #clock: Clock;
  #waiting: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs `work` in its turn: in the order of calls, and never in the turn of the call. */
  run<Result>(work: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      });
      if (this.#waiting.length === 1) this.#clock.defer(() => this.#turn());
    });
  }

  #turn(): void {
    const begunMs = this.#clock.monotonicMs();
    let done = 0;
    do this.#waiting[done++]!();
    while (done < this.#waiting.length && this.#clock.monotonicMs() - begunMs < TURN_MS);
    this.#waiting = this.#waiting.slice(done);
    if (this.#waiting.length > 0) this.#clock.defer(() => this.#turn());
  }
}
