// So many bytes a second, and not more in any second: what was not used is lost, but for a moment's worth.

/** Timers are late by a millisecond or two, and that is not to lower the rate. */
const MOMENT_MS = 20;

export class Rate {
  readonly #bytesPerMs: number;
  readonly #nowMs: () => number;
  /** When all that was taken is paid for. */
  #paidMs: number;

  constructor(bytesPerSecond: number, nowMs: () => number) {
    this.#bytesPerMs = bytesPerSecond / 1_000;
    this.#nowMs = nowMs;
    this.#paidMs = nowMs();
  }

  /** How long who takes them is to wait first. */
  waitMs(bytes: number): number {
    const nowMs = this.#nowMs();
    const waitMs = Math.max(0, this.#paidMs - nowMs);
    this.#paidMs = Math.max(this.#paidMs, nowMs - MOMENT_MS) + bytes / this.#bytesPerMs;
    return waitMs;
  }
}
