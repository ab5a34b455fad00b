// Preloaded into a node's process and its threads (NODE_OPTIONS=--import): what it writes to its disk, and
// each sync, begins as many milliseconds later as a file says, which may change at any time. A crash before
// loses it, as of a disk that has not taken it yet.

import fs from 'node:fs';

const LOOK_MS = 200;
/** Those by which a node makes something durable while it runs: a durable write is one call where the system has that. */
const CALLS = ['writev', 'fdatasync', 'fsync'];

const file = process.env['FLOTILLA_TEST_SLOW_FILE'];
if (file !== undefined) slowDisk(file);

function slowDisk(path: string): void {
  let delayMs = 0;
  let lookedMs = Number.NEGATIVE_INFINITY;
  const look = (): number => {
    const nowMs = performance.now();
    if (nowMs - lookedMs < LOOK_MS) return delayMs;
    lookedMs = nowMs;
    delayMs = Number(fs.readFileSync(path, 'utf8'));
    return delayMs;
  };
  // The object that every default import of node:fs is, whatever is loaded later.
  const calls = fs as unknown as Record<string, (...args: unknown[]) => void>;
  for (const name of CALLS) {
    const real = calls[name]!;
    calls[name] = (...args) => {
      const laterMs = look();
      if (laterMs === 0) real(...args);
      else setTimeout(() => real(...args), laterMs);
    };
  }
}
