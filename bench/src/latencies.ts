// Percentiles of measured milliseconds, exact: every one is kept.

export class Latencies {
  #values = new Float64Array(1024);
  #count = 0;
  #sorted: Float64Array | undefined;

  get count(): number {
    return this.#count;
  }

  add(ms: number): void {
    if (this.#count === this.#values.length) {
      const grown = new Float64Array(this.#values.length * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#count++] = ms;
    this.#sorted = undefined;
  }

  /** In the order in which they were added. */
  each(use: (ms: number) => void): void {
    for (let i = 0; i < this.#count; i++) use(this.#values[i]!);
  }

  /** The least value that `share` (0 to 1) of all do not exceed: 1 gives the greatest. NaN of none. */
  quantile(share: number): number {
    this.#sorted ??= this.#values.slice(0, this.#count).sort();
    return this.#sorted[Math.max(0, Math.ceil(share * this.#count) - 1)] ?? Number.NaN;
  }
}

/** To three digits behind the point: a clock's resolution, and short in JSON. */
export function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
