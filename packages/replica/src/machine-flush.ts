// What a machine's flush is for beside the size of its memtable, and what becomes of one that the disk refuses:
// nothing is lost, since its rows stay in memory and in the log, and it is begun again. Where the disk wants room the
// next apply asks; what else passes, as a want of descriptors, is left to the machine's owner, who has a clock.

import {isDiskFull, isPassing} from '@flotilla/base';

export class MachineFlush {
  readonly #onPutOff: ((error: unknown) => void) | undefined;
  /** A purge waits for a flush to become durable, and then for a compaction that frees its bytes. */
  #isPurgePending = false;
  #isRefused = false;

  /** @param onPutOff it was refused for what passes, and not for want of room */
  constructor(onPutOff: ((error: unknown) => void) | undefined) {
    this.#onPutOff = onPutOff;
  }

  /** Until it is asked for again no apply begins one, however much is due. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  isDue(isOfSize: () => boolean): boolean {
    return !this.#isRefused && (this.#isPurgePending || isOfSize());
  }

  purged(): void {
    this.#isPurgePending = true;
  }

  askAgain(): void {
    this.#isRefused = false;
  }

  async run(flush: () => Promise<void>): Promise<void> {
    const isPurge = this.#isPurgePending;
    this.#isPurgePending = false;
    this.#isRefused = false;
    try {
      await flush();
    } catch (error) {
      // Else nobody would ask for the flush that lets the purge free its bytes.
      this.#isPurgePending ||= isPurge;
      this.#isRefused = isPassing(error) && !isDiskFull(error);
      if (this.#isRefused) this.#onPutOff?.(error);
      throw error;
    }
  }
}
