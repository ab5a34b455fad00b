// When a server has come to rest: it used less than a twentieth of a core for a whole second. What it
// does after the last acknowledgement (flush, compaction) is part of what the rows cost.

import {setTimeout as sleep} from 'node:timers/promises';

const QUIET_CORES = 0.05;
const QUIET_WINDOW_MS = 1_000;
const WAIT_MS_MAX = 60_000;

/** Waits until quiet, at most a minute; returns whether it became so. */
export async function waitUntilQuiet(
  cpuSeconds: () => number,
  windowMs = QUIET_WINDOW_MS,
): Promise<boolean> {
  const deadlineMs = performance.now() + WAIT_MS_MAX;
  while (performance.now() < deadlineMs) {
    const startMs = performance.now();
    const before = cpuSeconds();
    await sleep(windowMs);
    const cores = (cpuSeconds() - before) / ((performance.now() - startMs) / 1000);
    if (cores < QUIET_CORES) return true;
  }
  return false;
}
