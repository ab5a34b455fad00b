// Waits until replica sets refuse writes to what was dropped in meta.

import {DbError, type ReplicaSetId} from '@flotilla/base';
import {encodeFence, FENCE_METHOD, type Fence} from '@flotilla/replica';
import type {SetCaller} from '../set-caller.ts';

/** The leaders work them off as many at a time. */
const SETS_AT_ONCE = 16;

/** Those that have not said so by the deadline. */
export async function awaitFences(
  caller: SetCaller,
  sets: readonly ReplicaSetId[],
  {fence, deadlineMs}: {readonly fence: Fence; readonly deadlineMs: number},
): Promise<ReplicaSetId[]> {
  const open: ReplicaSetId[] = [];
  const payload = encodeFence(fence);
  const rest = sets.values();
  const work = async (): Promise<void> => {
    for (const set of rest) {
      try {
        await caller.call({set, method: FENCE_METHOD, payload, deadlineMs});
      } catch (error) {
        if (!(error instanceof DbError)) throw error;
        // A set that was dropped meanwhile goes with its time, and nobody writes to that any more; but of
        // a database that is purged before its sets have answered nothing is known.
        if (error.code !== 'STALE_EPOCH' || 'tables' in fence) open.push(set);
      }
    }
  };
  await Promise.all(Array.from({length: Math.min(SETS_AT_ONCE, sets.length)}, work));
  return open.sort((a, b) => a - b);
}
