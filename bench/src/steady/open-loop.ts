// Writes at the times of a schedule, whatever became of those before. A latency counts from when the write
// was to be sent, not from when it was: what waits behind a stall, in the client or in the server, has
// waited (no coordinated omission).

import {Latencies} from '../latencies.ts';
import {type FailureKind, Failures} from './failures.ts';

/** How often the schedule is looked at; a write may be late by so much through it. */
const LOOK_MS = 2;
/** At the end, for what is still under way. */
const DRAIN_MS_MAX = 60_000;

export interface OpenLoop {
  readonly perSecond: number;
  readonly seconds: number;
  /** Resolves when write `n` is acknowledged. */
  write(n: number): Promise<void>;
}

export interface OpenLoopResult {
  readonly latencies: Latencies;
  readonly failed: number;
  readonly failures: readonly FailureKind[];
}

export async function runOpenLoop(loop: OpenLoop): Promise<OpenLoopResult> {
  const latencies = new Latencies();
  const total = Math.floor(loop.perSecond * loop.seconds);
  const startMs = performance.now();
  let next = 0;
  const failures = new Failures();
  const send = async (n: number) => {
    const dueMs = startMs + (n / loop.perSecond) * 1000;
    try {
      await loop.write(n);
      latencies.add(performance.now() - dueMs);
    } catch (error) {
      failures.add(error, (performance.now() - startMs) / 1000);
    }
  };
  const done = () => latencies.count + failures.count === total;
  await new Promise<void>((resolve) => {
    const look = () => {
      const elapsedMs = performance.now() - startMs;
      const due = Math.min(total, Math.ceil((elapsedMs / 1000) * loop.perSecond));
      while (next < due) void send(next++);
      const isLate = elapsedMs > loop.seconds * 1000 + DRAIN_MS_MAX;
      if (!done() && !isLate) return;
      clearInterval(timer);
      resolve();
    };
    const timer = setInterval(look, LOOK_MS);
  });
  // What is never answered is a failure too.
  return {latencies, failed: total - latencies.count, failures: failures.kinds()};
}
