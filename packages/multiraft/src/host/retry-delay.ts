// How long to wait before what failed for a reason that passes is tried again.

/** Most of what passes has passed by then; it doubles with each attempt. */
const RETRY_MS_MIN = 1_000;
/** One attempt costs some reads or writes, and a line of the log. */
const RETRY_MS_MAX = 60_000;

/** @param attempts  that failed before the last one */
export function retryDelayMs(attempts: number): number {
  return Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** attempts);
}
