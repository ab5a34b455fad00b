// Memory for the columns of one entry, used again for the next: a small share has some twenty arrays, and
// with an ArrayBuffer for each its decoding takes two to six times as long (share-codec.bench.ts).

/** Of each type. A share of some 10,000 rows of ten fields fits; what does not gets memory of its own. */
const CAPACITY = 131_072;

export class ColumnArena {
  readonly #numbers = new Float64Array(CAPACITY);
  readonly #indexes = new Int32Array(CAPACITY);
  readonly #flags = new Uint8Array(CAPACITY);
  #numbersUsed = 0;
  #indexesUsed = 0;
  #flagsUsed = 0;

  /** What was handed out is handed out again from here on. */
  clear(): void {
    this.#numbersUsed = 0;
    this.#indexesUsed = 0;
    this.#flagsUsed = 0;
  }

  /** `count` elements, with whatever they held before; likewise the others. */
  numbers(count: number): Float64Array {
    const start = this.#numbersUsed;
    if (start + count > CAPACITY) return new Float64Array(count);
    this.#numbersUsed = start + count;
    return this.#numbers.subarray(start, start + count);
  }

  indexes(count: number): Int32Array {
    const start = this.#indexesUsed;
    if (start + count > CAPACITY) return new Int32Array(count);
    this.#indexesUsed = start + count;
    return this.#indexes.subarray(start, start + count);
  }

  flags(count: number): Uint8Array {
    const start = this.#flagsUsed;
    if (start + count > CAPACITY) return new Uint8Array(count);
    this.#flagsUsed = start + count;
    return this.#flags.subarray(start, start + count);
  }
}
