// How far behind a replica may be, by what it knows itself. It is as of an instant if it has applied an
// index that a leader gave, confirmed by a majority, for a read begun at that instant: then it holds
// every write acknowledged before. Only such reads count: a beat or an append may come from a leader
// that was replaced meanwhile, and may have been long on its way. Instants are on the own monotonic
// clock, so that no two clocks are compared; a replica that was just opened knows nothing.

/** Of a replica to which entries come. */
const CONFIRM_EVERY_MS = 5_000;
/** Of a replica to which none came since. */
const CONFIRM_IDLE_EVERY_MS = 60_000;

export class Freshness {
  #asOfMs: number | undefined;
  /** Applied when it was last confirmed. */
  #index = 0;
  #triedAtMs = Number.NEGATIVE_INFINITY;

  /** @param asOfMs when the read began, not when its answer came. */
  confirmed(asOfMs: number, appliedIndex: number): void {
    this.#asOfMs = Math.max(asOfMs, this.#asOfMs ?? asOfMs);
    this.#index = Math.max(appliedIndex, this.#index);
  }

  /** Everything acknowledged so long ago is here; undefined: nothing is known. */
  ageMs(nowMs: number): number | undefined {
    return this.#asOfMs === undefined ? undefined : nowMs - this.#asOfMs;
  }

  isDue(appliedIndex: number, nowMs: number): boolean {
    const everyMs = appliedIndex > this.#index ? CONFIRM_EVERY_MS : CONFIRM_IDLE_EVERY_MS;
    return nowMs - Math.max(this.#triedAtMs, this.#asOfMs ?? this.#triedAtMs) >= everyMs;
  }

  tried(nowMs: number): void {
    this.#triedAtMs = nowMs;
  }
}
