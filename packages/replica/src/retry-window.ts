// At most once for the routers' own retries: each write carries (router incarnation, sequence), and
// apply skips what it has seen. Bounded per router and in routers; what falls out of the window is
// refused as unknown, never applied twice. A write that was refused had no effect and is not
// remembered: sent again it is judged anew. Part of the replicated state: the same on every replica.

/** Sequences remembered per router. A router has at most this many writes in flight to one set. */
export const SEQUENCES_PER_ROUTER = 1024;
/** Routers remembered. One per engine thread and boot; the one silent for longest (in log order) goes. */
export const ROUTERS_MAX = 1024;

export type Seen = 'new' | 'duplicate' | 'forgotten';

/**
 * The last sequences of one router, in order of application: a ring of doubles, an eighth of what a Set
 * of them takes, since a replica has one for each router that ever wrote to it. Most sequences are
 * higher than all before, which one comparison tells; for the rest the ring is looked through.
 */
class RouterWindow {
  /** Highest sequence ever evicted; what is at or below it and not in the ring may have been applied. */
  #floor: number;
  #highest: number;
  #ring = new Float64Array(8);
  /** The oldest. */
  #start = 0;
  #count = 0;

  constructor(floor = -1, sequences: readonly number[] = []) {
    this.#floor = floor;
    this.#highest = floor;
    for (const sequence of sequences) this.add(sequence);
  }

  look(sequence: number): Seen {
    if (sequence > this.#highest) return 'new';
    if (this.#has(sequence)) return 'duplicate';
    return sequence <= this.#floor ? 'forgotten' : 'new';
  }

  add(sequence: number): void {
    if (this.#count === SEQUENCES_PER_ROUTER) this.#evict();
    else if (this.#count === this.#ring.length) this.#grow();
    this.#ring[(this.#start + this.#count) % this.#ring.length] = sequence;
    this.#count += 1;
    this.#highest = Math.max(this.#highest, sequence);
  }

  record(): [floor: number, sequences: number[]] {
    const {length} = this.#ring;
    const at = (i: number): number => this.#ring[(this.#start + i) % length]!;
    return [this.#floor, Array.from({length: this.#count}, (_, i) => at(i))];
  }

  #has(sequence: number): boolean {
    // Slots fill from the first one on, and only a full ring turns: what is filled comes first.
    return this.#ring.subarray(0, this.#count).includes(sequence);
  }

  #evict(): void {
    this.#floor = Math.max(this.#floor, this.#ring[this.#start]!);
    this.#start = (this.#start + 1) % this.#ring.length;
    this.#count -= 1;
  }

  /** Requires a ring that never turned: it turns at its largest only. */
  #grow(): void {
    const grown = new Float64Array(Math.min(this.#ring.length * 2, SEQUENCES_PER_ROUTER));
    grown.set(this.#ring);
    this.#ring = grown;
  }
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
        new RouterWindow(floor, sequences),
      ]),
    );
  }

  /** Whether (incarnation, sequence) was applied. Changes nothing. */
  look(incarnation: number, sequence: number): Seen {
    return this.#routers.get(incarnation)?.look(sequence) ?? 'new';
  }

  /** The write was applied. Requires that `look` called it new. Deterministic in the order of calls. */
  remember(incarnation: number, sequence: number): void {
    const window = this.#routers.get(incarnation) ?? new RouterWindow();
    this.#routers.delete(incarnation);
    this.#routers.set(incarnation, window);
    window.add(sequence);
    if (this.#routers.size > ROUTERS_MAX) this.#routers.delete(this.#routers.keys().next().value!);
  }

  record(): RetryWindowRecord {
    return [...this.#routers].map(([incarnation, window]) => [incarnation, ...window.record()]);
  }
}
