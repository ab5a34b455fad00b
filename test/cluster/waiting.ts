// Conditions instead of pauses: two shared cores make any fixed time wrong one day.

import {setTimeout as sleep} from 'node:timers/promises';

const LOOK_MS = 100;
const WITHIN_MS_DEFAULT = 60_000;

/** Resolves once `holds` does; what it throws in between counts as no and is told if time runs out. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  withinMs = WITHIN_MS_DEFAULT,
): Promise<void> {
  const endMs = Date.now() + withinMs;
  let last: unknown;
  while (Date.now() < endMs) {
    try {
      last = undefined;
      if (await holds()) return;
    } catch (error) {
      last = error;
    }
    await sleep(LOOK_MS);
  }
  throw new Error(`not within ${withinMs} ms: ${what}`, {cause: last});
}
