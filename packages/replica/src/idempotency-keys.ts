// The clients' own retries: a share that carries an Idempotency-Key is skipped if the set has seen
// the key. The last `max` keys in log order; a key already forgotten is a new write.

export class IdempotencyKeys {
  readonly #max: number;
  readonly #keys: Set<string>;

  constructor(max: number, record: readonly string[] = []) {
    this.#max = max;
    this.#keys = new Set(record);
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** The share that carries the key was applied. Requires that the key is new. */
  remember(key: string): void {
    this.#keys.add(key);
    if (this.#keys.size > this.#max) this.#keys.delete(this.#keys.values().next().value!);
  }

  /** In log order. */
  record(): string[] {
    return [...this.#keys];
  }
}
