// Durations as a component counts them: fixed bounds, one array of numbers, no clock of its own and no
// allocation per value. Who gathers them reads `counts` and `sum`; both only grow.

/** Seconds: 100 us (a turn of a thread) to 30 s (the deadline of a query), three steps a decade. */
export const DURATION_BOUNDS_S: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  30,
];

/** Plain data: fit for another thread. */
export interface HistogramCounts {
  /** Upper bounds, inclusive, ascending, in seconds. */
  readonly bounds: readonly number[];
  /** Values up to each bound and above the bound before; the last is of those above all. */
  readonly counts: Float64Array;
  /** Of all values, in seconds. */
  readonly sum: number;
}

export class DurationHistogram implements HistogramCounts {
  readonly bounds = DURATION_BOUNDS_S;
  readonly counts = new Float64Array(DURATION_BOUNDS_S.length + 1);
  sum = 0;

  observeMs(durationMs: number): void {
    const seconds = durationMs / 1000;
    this.sum += seconds;
    let at = 0;
    while (at < DURATION_BOUNDS_S.length && seconds > DURATION_BOUNDS_S[at]!) at++;
    this.counts[at]! += 1;
  }

  /** As it is now; later values do not change it. */
  copy(): HistogramCounts {
    return {bounds: this.bounds, counts: this.counts.slice(), sum: this.sum};
  }
}
