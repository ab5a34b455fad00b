// The clients' own retries: what a share brings under an Idempotency-Key is skipped if the set has seen
// it. The router gives such a share a name of all its rows, and from cluster version 6 on one more for each
// table where it has several (`key NUL whole,name,name`): what shares a share with a table's rows may be
// other tables' rows when the client sends again, since a table can be dropped and made again between.
// The last ones in log order; one already forgotten is a new write.

/** With a name: its entry in a map, and the string's own head. */
const NAME_BYTES = 64;

export interface IdempotencyBounds {
  /** Shares. */
  readonly max: number;
  /** Of memory, for what they are called. */
  readonly bytesMax: number;
}

export class IdempotencyKeys {
  readonly #bounds: IdempotencyBounds;
  /** As shares carried them, in log order. */
  readonly #keys = new Set<string>();
  /** By name, with the client's key before it: the last that brought it. */
  readonly #broughtBy = new Map<string, string>();
  #bytes = 0;

  constructor(bounds: IdempotencyBounds, record: readonly string[] = []) {
    this.#bounds = bounds;
    for (const key of record) this.remember(key);
  }

  /** @returns those of a share's tables that are new, or undefined if none of the share is. */
  unseen<T>(key: string, tables: readonly T[]): readonly T[] | undefined {
    const [whole, ...names] = namesOf(key);
    if (this.#broughtBy.has(whole!)) return undefined;
    if (names.length === 0) return tables;
    const rest = tables.filter((_, i) => !this.#broughtBy.has(names[i]!));
    return rest.length === 0 ? undefined : rest;
  }

  /** What of the share that carries the key was unseen has been applied. */
  remember(key: string): void {
    this.#keys.add(key);
    this.#bytes += bytesOf(key);
    for (const name of namesOf(key)) this.#broughtBy.set(name, key);
    const {max, bytesMax} = this.#bounds;
    while (this.#keys.size > 1 && (this.#keys.size > max || this.#bytes > bytesMax))
      this.#forget(this.#keys.values().next().value!);
  }

  /** In log order. */
  record(): string[] {
    return [...this.#keys];
  }

  #forget(key: string): void {
    this.#keys.delete(key);
    this.#bytes -= bytesOf(key);
    for (const name of namesOf(key))
      if (this.#broughtBy.get(name) === key) this.#broughtBy.delete(name);
  }
}

/** The whole share's, then each table's if it has several. */
function namesOf(key: string): string[] {
  const client = key.slice(0, key.indexOf('\0') + 1);
  const names = key.slice(client.length).split(',');
  return names.length === 1 ? [key] : names.map((name) => client + name);
}

function bytesOf(key: string): number {
  return namesOf(key).reduce((sum, name) => sum + name.length + NAME_BYTES, key.length);
}
