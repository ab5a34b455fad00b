// Waits for a version of a catalog copy: a read at an index, a write that needs what was just made.

import {type Clock, DbError, type Timer} from '@flotilla/base';

interface Wait {
  readonly version: number;
  readonly sinceMs: number;
  readonly resolve: () => void;
  readonly timer: Timer;
}

export class VersionWaits {
  readonly #clock: Clock;
  readonly #waits = new Set<Wait>();
  #version = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** When the longest of those under way began. */
  get oldestMs(): number | undefined {
    const [oldest] = this.#waits;
    return oldest?.sinceMs;
  }

  /** To be told of every version the copy reaches. */
  reached(version: number): void {
    if (version <= this.#version) return;
    this.#version = version;
    for (const wait of this.#waits) {
      if (wait.version > version) continue;
      this.#waits.delete(wait);
      wait.timer.cancel();
      wait.resolve();
    }
  }

  /** Rejects with DEADLINE_EXCEEDED past the deadline, on the monotonic clock. */
  wait(version: number, deadlineMs: number): Promise<void> {
    if (version <= this.#version) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const delayMs = Math.max(0, deadlineMs - this.#clock.monotonicMs());
      const timer = this.#clock.setTimer(delayMs, () => {
        this.#waits.delete(wait);
        reject(
          new DbError(
            'DEADLINE_EXCEEDED',
            `the catalog here is at version ${this.#version} and did not reach ${version}`,
          ),
        );
      });
      const wait: Wait = {version, sinceMs: this.#clock.monotonicMs(), resolve, timer};
      this.#waits.add(wait);
    });
  }
}
