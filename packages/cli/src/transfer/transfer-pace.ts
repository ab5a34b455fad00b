// How fast rows move, and how long the rest will take, for the label of a progress bar.

import {formatBytes} from '../progress-bar.ts';

export class TransferPace {
  readonly #startMs = performance.now();
  #rows = 0;

  get rows(): number {
    return this.#rows;
  }

  add(rows: number): void {
    this.#rows += rows;
  }

  /** What of it did not last. */
  takeBack(rows: number): void {
    this.#rows -= rows;
  }

  /** @param fraction of the whole, where that is known */
  label(what: string, {bytes, fraction}: {bytes?: number; fraction?: number | undefined}): string {
    const seconds = (performance.now() - this.#startMs) / 1_000;
    const parts = [what, `${this.#rows} rows`];
    if (bytes !== undefined) parts.push(formatBytes(bytes));
    if (seconds >= 1) parts.push(`${Math.round(this.#rows / seconds)} rows/s`);
    const isKnown = fraction !== undefined && fraction > 0.01 && fraction <= 1 && seconds >= 1;
    if (isKnown) parts.push(`${duration((seconds / fraction) * (1 - fraction))} left`);
    return parts.join(', ');
  }
}

/** 45s, 3m10s, 2h05m. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const padded = (value: number): string => String(value).padStart(2, '0');
  if (whole < 60) return `${whole}s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)}m${padded(whole % 60)}s`;
  return `${Math.floor(whole / 3_600)}h${padded(Math.floor((whole % 3_600) / 60))}m`;
}
