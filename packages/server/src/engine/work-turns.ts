// Work that takes long, such as parsing a body, some milliseconds a turn of the thread. Messages of the
// main thread are handled a thousand at a time before timers and disks get their say: without this,
// bodies that came together would be parsed back to back, and the thread's groups stand still for
// seconds: long enough for others to be elected in their place.

import type {Clock} from '@flotilla/base';

/** Pieces that fit into this share a turn, so that small writes need few. */
const TURN_MS = 5;

/** A piece of work; undefined while there is more to do. */
export type Step<Result> = () => Result | undefined;

export class WorkTurns {
  readonly #clock: Clock;
  /** Each true once it is done. */
  #waiting: (() => boolean)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Steps until there is a result: in the order of calls, and never in the turn of the call. */
  run<Result>(step: Step<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          const result = step();
          if (result === undefined) return false;
          resolve(result);
        } catch (error) {
          reject(error);
        }
        return true;
      });
      if (this.#waiting.length === 1) this.#clock.defer(() => this.#turn());
    });
  }

  #turn(): void {
    const begunMs = this.#clock.monotonicMs();
    let done = 0;
    do if (this.#waiting[done]!()) done++;
    while (done < this.#waiting.length && this.#clock.monotonicMs() - begunMs < TURN_MS);
    this.#waiting = this.#waiting.slice(done);
    if (this.#waiting.length > 0) this.#clock.defer(() => this.#turn());
  }
}
