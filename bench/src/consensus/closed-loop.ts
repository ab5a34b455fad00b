// Clients that each send the next write when the last was acknowledged. Their number is what is offered;
// rate and latency are what comes back.

import {Latencies} from '../latencies.ts';

export interface ClosedLoop {
  readonly clients: number;
  /** Not counted: connections, caches and compilers settle. */
  readonly warmupSeconds: number;
  readonly seconds: number;
  /** Called when the first write of the window begins. */
  readonly onWarm?: (() => void) | undefined;
  /** Resolves when write `n` is acknowledged; a failure ends the run. */
  write(client: number, n: number): Promise<void>;
}

export interface LoopResult {
  readonly writesPerSecond: number;
  readonly latencies: Latencies;
}

/** Counts what was begun and acknowledged inside the window. */
export async function runClosedLoop(loop: ClosedLoop): Promise<LoopResult> {
  const latencies = new Latencies();
  const startMs = performance.now() + loop.warmupSeconds * 1000;
  const endMs = startMs + loop.seconds * 1000;
  let next = 0;
  let isWarm = false;
  const client = async (number: number) => {
    for (;;) {
      const sentMs = performance.now();
      if (sentMs >= endMs) return;
      if (!isWarm && sentMs >= startMs) {
        isWarm = true;
        loop.onWarm?.();
      }
      await loop.write(number, next++);
      const doneMs = performance.now();
      if (sentMs >= startMs && doneMs <= endMs) latencies.add(doneMs - sentMs);
    }
  };
  await Promise.all(Array.from({length: loop.clients}, (_, number) => client(number)));
  return {writesPerSecond: Math.round(latencies.count / loop.seconds), latencies};
}
