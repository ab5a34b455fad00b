// Writes at fixed times, whatever becomes of those before them, and the longest silence between two
// acknowledgements around a fault.

import {setTimeout as sleep} from 'node:timers/promises';
import type {Writer} from './faulty-system.ts';

export interface GapOptions {
  readonly intervalMs: number;
  readonly beforeMs: number;
  readonly waitMsMax: number;
}

/** One write per 10 ms. */
export const GAP: GapOptions = {intervalMs: 10, beforeMs: 500, waitMsMax: 30_000};
/** Writes that were under way at the fault may still be acknowledged by the old leader until then. */
const AFTER_FAULT_MS = 100;
/** So many acknowledgements of writes begun later than that end the round. */
const RESUMED_WRITES = 50;

/** The longest time without an acknowledgement from the last one before `fault` on. */
export async function measureGap(
  writer: Writer,
  fault: () => void | Promise<void>,
  options: GapOptions = GAP,
): Promise<number> {
  const load = new SteadyWrites(writer, options.intervalMs);
  try {
    await sleep(options.beforeMs);
    if (load.acksMs.length === 0) throw new Error('no write was acknowledged before the fault');
    const faultMs = performance.now();
    await fault();
    const deadlineMs = faultMs + options.waitMsMax;
    while (load.ackedSince(faultMs + AFTER_FAULT_MS) < RESUMED_WRITES) {
      if (performance.now() > deadlineMs) throw new Error('writes did not resume');
      await sleep(options.intervalMs);
    }
    return longestGapMs(load.acksMs, faultMs);
  } finally {
    load.stop();
  }
}

/** Requires times in order, one of them before the fault and one after it. */
export function longestGapMs(acksMs: readonly number[], faultMs: number): number {
  let longest = 0;
  for (let i = 1; i < acksMs.length; i++)
    if (acksMs[i]! > faultMs) longest = Math.max(longest, acksMs[i]! - acksMs[i - 1]!);
  return longest;
}

class SteadyWrites {
  /** In order of acknowledgement. */
  readonly acksMs: number[] = [];
  readonly #sentMs: number[] = [];
  readonly #writer: Writer;
  readonly #startMs = performance.now();
  readonly #intervalMs: number;
  readonly #timer: NodeJS.Timeout;
  #next = 0;

  constructor(writer: Writer, intervalMs: number) {
    this.#writer = writer;
    this.#intervalMs = intervalMs;
    this.#timer = setInterval(() => this.#sendDue(), intervalMs);
  }

  /** Acknowledged writes among those begun at or after a time. */
  ackedSince(sinceMs: number): number {
    return this.#sentMs.filter((sentMs) => sentMs >= sinceMs).length;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A timer that was late makes up for it, so that the rate stays what was said. */
  #sendDue(): void {
    const due = (performance.now() - this.#startMs) / this.#intervalMs;
    while (this.#next < due) this.#send(this.#next++);
  }

  #send(n: number): void {
    const sentMs = performance.now();
    this.#writer.write(n).then(
      () => {
        this.acksMs.push(performance.now());
        this.#sentMs.push(sentMs);
      },
      () => {
        // Not acknowledged, which is what a gap is made of.
      },
    );
  }
}
