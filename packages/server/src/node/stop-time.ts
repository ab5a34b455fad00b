// The time that a clean stop may take. What is acknowledged is on disk already: a stop that takes longer
// is cut off, and the next start replays more. Law: the parts of a stop that wait for something have
// limits of their own, which together are below this one.

import type {Clock, Log, Timer} from '@flotilla/base';
import {EXIT_CODES, type ExitCode} from './exit-codes.ts';

/** Of the 60 s after which systemd kills, and most who stop a node by hand, sooner. */
const STOP_MS_MAX = 10_000;

export interface StopWatch {
  readonly clock: Pick<Clock, 'setTimer'>;
  readonly log: Log;
  /** What is being ended now. */
  readonly at: () => string;
}

/** How the process ends: cleanly, or cut off. Rejects with what `stopping` rejects with in time. */
export async function stopInTime(
  stopping: Promise<void>,
  {clock, log, at}: StopWatch,
): Promise<ExitCode> {
  let timer: Timer | undefined;
  const late = new Promise<ExitCode>((resolve) => {
    timer = clock.setTimer(STOP_MS_MAX, () => {
      log.warn({at: at()}, `did not stop within ${STOP_MS_MAX / 1000} s, and is cut off`);
      resolve(EXIT_CODES.stopTimedOut);
    });
  });
  try {
    return await Promise.race([stopping.then(() => EXIT_CODES.stopped), late]);
  } finally {
    timer?.cancel();
  }
}
