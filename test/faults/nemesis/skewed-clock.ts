// Preloaded into a node's process and its threads (NODE_OPTIONS=--import): its wall clock is off by
// as many milliseconds as a file says, which may change at any time. Node reads the wall clock by
// Date.now alone; what measures waits is another clock, and goes on.

import {readFileSync} from 'node:fs';

const LOOK_MS = 200;

const file = process.env['FLOTILLA_TEST_SKEW_FILE'];
if (file !== undefined) skewClock(file);

function skewClock(path: string): void {
  const now = Date.now.bind(Date);
  let skewMs = 0;
  let lookedMs = Number.NEGATIVE_INFINITY;
  Date.now = () => {
    const realMs = now();
    if (realMs - lookedMs >= LOOK_MS) {
      lookedMs = realMs;
      skewMs = Number(readFileSync(path, 'utf8'));
    }
    return realMs + skewMs;
  };
}
