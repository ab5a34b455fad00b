// At most once for the routers' own retries: each write carries (router incarnation, sequence), and
// apply skips what it has seen. Bounded per router and in routers; what falls out of the window is
// refused as unknown, never applied twice. A write that was refused had no effect and is not
// remembered: sent again it is judged anew. Part of the replicated state: the same on every replica.

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
  /** In order of the last write: Map keeps insertion order, and each write inserts again. */
  readonly #routers: Map<number, RouterWindow>;

  constructor(record: RetryWindowRecord = []) {
    this.#routers = new Map(
      record.map(([incarnation, floor, sequences]) => [
        incarnation,
        {floor, seen: new Set(sequences)},
      ]),
    );
  }

  /** Whether (incarnation, sequence) was applied. Changes nothing. */
  look(incarnation: number, sequence: number): Seen {
    const window = this.#routers.get(incarnation);
    if (window === undefined) return 'new';
    if (window.seen.has(sequence)) return 'duplicate';
    return sequence <= window.floor ? 'forgotten' : 'new';
  }

  /** The write was applied. Requires that `look` called it new. Deterministic in the order of calls. */
  remember(incarnation: number, sequence: number): void {
    const window = this.#routers.get(incarnation) ?? {floor: -1, seen: new Set<number>()};
    this.#routers.delete(incarnation);
    this.#routers.set(incarnation, window);
    window.seen.add(sequence);
    if (window.seen.size > SEQUENCES_PER_ROUTER) evictOldest(window);
    if (this.#routers.size > ROUTERS_MAX) this.#routers.delete(this.#routers.keys().next().value!);
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
