// Long work in short slices: after so many values the thread goes back to its queue. Counted, not
// timed, since this layer has no clock.

/** Some 2 ms of encoding or merging at 50-100 ns a value. */
const VALUES_PER_SLICE = 30_000;

export class Slices {
  /** Lets whatever waits in this thread run first. */
  readonly #pause: () => Promise<void>;
  #spent = 0;

  constructor(pause: () => Promise<void>) {
    this.#pause = pause;
  }

  async spend(values: number): Promise<void> {
    this.#spent += values;
    if (this.#spent < VALUES_PER_SLICE) return;
    this.#spent = 0;
    await this.#pause();
  }
}
