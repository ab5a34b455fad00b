// The end of a clean stop: what state machines hold in memory is written, so that the next start replays
// less. Nothing is lost without it, since the log has it all. So it is bounded in time, and what a
// restart would replay longest comes first. Law: no flush begins once that time is over.

import {type Clock, isPassing, type Log} from '@flotilla/base';
import type {HostedGroup} from './hosted-group.ts';

/** Flushes that wait for one another share a commit of the manifest. */
const AT_A_TIME = 32;
/** With what is waited before for clients and for successors, within the ten seconds that a stop may take. */
const FLUSH_MS_MAX = 2_000;
const PROGRESS_MS = 500;

export interface ClosingDeps {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly log?: Log | undefined;
}

/** Requires that nothing is applied any more. Rejects if a flush fails, and not for what passes. */
export async function flushBeforeClose(
  groups: readonly HostedGroup[],
  {clock, log}: ClosingDeps,
): Promise<void> {
  const waiting = groups.filter(isBehind).map((group) => ({group, bytes: bytesToReplay(group)}));
  // The next one is taken from the end.
  waiting.sort((a, b) => a.bytes - b.bytes);
  const beganMs = clock.monotonicMs();
  let flushed = 0;
  let toldMs = beganMs;
  const flushOneByOne = async (): Promise<void> => {
    while (waiting.length > 0 && clock.monotonicMs() - beganMs < FLUSH_MS_MAX) {
      if (!(await maybeFlush(waiting.pop()!.group))) continue;
      flushed += 1;
      if (clock.monotonicMs() - toldMs < PROGRESS_MS) continue;
      toldMs = clock.monotonicMs();
      log?.info({flushed, left: waiting.length}, 'flushing before the stop');
    }
  };
  await Promise.all(Array.from({length: AT_A_TIME}, flushOneByOne));
  if (waiting.length === 0) return;
  const bytes = waiting.reduce((sum, one) => sum + one.bytes, 0);
  log?.info({flushed, left: waiting.length, bytes}, 'the next start replays the rest from the log');
}

/** False where the disk does not do it now, for want of room or what else passes: the next start replays it. */
async function maybeFlush({machine}: HostedGroup): Promise<boolean> {
  try {
    await machine.flush();
    return true;
  } catch (error) {
    if (isPassing(error)) return false;
    throw error;
  }
}

function isBehind({isGone, machine, appliedIndex}: HostedGroup): boolean {
  return !isGone && machine.durablePoint().index < appliedIndex;
}

function bytesToReplay({store, set, machine}: HostedGroup): number {
  return store.log.group(set)?.bytesAbove(machine.durablePoint().index) ?? 0;
}
