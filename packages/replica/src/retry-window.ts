// At most once for the routers' own retries: each write carries (router incarnation, sequence), and
// apply skips what it has seen. Bounded per router and in routers; what falls out of the window is
// refused as unknown, never applied twice. Part of the replicated state: the same on every replica.

/** Sequences remembered per router. A router has at most this many writes in flight to one set. */
export const SEQUENCES_PER_ROUTER = 1024;
/** Routers remembered. One per engine thread and boot; the one silent for longest (in log order) goes. */
export const ROUTERS_MAX = 1024;

export type Seen = 'new' | 'duplicate' | 'forgotten';

interface RouterWindow {
  /** Highest sequence ever evicted; what is at or below it and not in `seen` may have been applied. */
  floor: number;
  /** In order of application. */
  readonly seen: Set<number>;
}

/** JSON form, for flushes and snapshots: [incarnation, floor, sequences in order of application][]. */
export type RetryWindowRecord = [number, number, number[]][];

export class RetryWindow {
  /** In order of last use: Map keeps insertion order, and each use inserts again. */
  readonly #routers: Map<number, RouterWindow>;

  constructor(record: RetryWindowRecord = []) {
    this.#routers = new Map(
      record.map(([incarnation, floor, sequences]) => [
        incarnation,
        {floor, seen: new Set(sequences)},
      ]),
    );
  }

  /** Whether (incarnation, sequence) was seen; remembers it if not. Deterministic in the order of calls. */
  check(incarnation: number, sequence: number): Seen {
    const window = this.#routers.get(incarnation) ?? {floor: -1, seen: new Set<number>()};
    this.#routers.delete(incarnation);
    this.#routers.set(incarnation, window);
    if (window.seen.has(sequence)) return 'duplicate';
    if (sequence <= window.floor) return 'forgotten';
    window.seen.add(sequence);
    if (window.seen.size > SEQUENCES_PER_ROUTER) evictOldest(window);
    if (this.#routers.size > ROUTERS_MAX) this.#routers.delete(this.#routers.keys().next().value!);
    return 'new';
  }

  record(): RetryWindowRecord {
    return [...this.#routers].map(([incarnation, {floor, seen}]) => [
      incarnation,
      floor,
      [...seen],
    ]);
  }
}

function evictOldest(window: RouterWindow): void {
  const oldest = window.seen.values().next().value!;
  window.seen.delete(oldest);
  window.floor = Math.max(window.floor, oldest);
}
