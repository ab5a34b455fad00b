// Arrays that decoding fills again and again, for whoever looks at one column at a time.

export class ColumnBuffers {
  #numbers = new Float64Array(0);
  #flags = new Uint8Array(0);

  /** At least `count` elements; what they held before is lost. */
  numbers(count: number): Float64Array {
    if (this.#numbers.length < count) {
      this.#numbers = new Float64Array(Math.max(count, this.#numbers.length * 2));
    }
    return this.#numbers;
  }

  flags(count: number): Uint8Array {
    if (this.#flags.length < count) {
      this.#flags = new Uint8Array(Math.max(count, this.#flags.length * 2));
    }
    return this.#flags;
  }
}
