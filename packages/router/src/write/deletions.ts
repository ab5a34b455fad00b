// A DELETE after planning: each replica set's deletion to its leader, and what became of each. The sets
// are independent of each other; a router's own retries are recognised by number, as those of writes.

import {DbError, type ReplicaSetId} from '@flotilla/base';
import type {Deletion} from '@flotilla/column';
import {DELETE_METHOD, type DeleteRequest, encodeDeleteRequest} from '@flotilla/replica';
import type {SetCaller} from '../set-caller.ts';

/** A statement may name every bucket of a database; it must not have all calls of a thread under way. */
const SETS_AT_ONCE = 64;

export interface DeleteTarget {
  readonly set: ReplicaSetId;
  readonly deletion: Deletion;
}

export interface DeleteOutcome {
  readonly set: ReplicaSetId;
  readonly outcome: 'deleted' | 'refused' | 'unknown';
  /** Absent when deleted. */
  readonly error?: DbError | undefined;
}

interface DeletePorts {
  readonly caller: SetCaller;
  readonly nextNumber: () => DeleteRequest['router'];
}

/** In the order of the targets. Never rejects for what happened to a set. */
export async function sendDeletions(
  {caller, nextNumber}: DeletePorts,
  targets: readonly DeleteTarget[],
  deadlineMs: number,
): Promise<DeleteOutcome[]> {
  const outcomes: DeleteOutcome[] = [];
  const rest = targets.entries();
  const work = async (): Promise<void> => {
    for (const [at, {set, deletion}] of rest) {
      const payload = encodeDeleteRequest({router: nextNumber(), deletion});
      outcomes[at] = await outcomeOf(
        set,
        caller.call({set, method: DELETE_METHOD, payload, deadlineMs}),
      );
    }
  };
  await Promise.all(Array.from({length: Math.min(SETS_AT_ONCE, targets.length)}, work));
  return outcomes;
}

async function outcomeOf(set: ReplicaSetId, answer: Promise<unknown>): Promise<DeleteOutcome> {
  try {
    await answer;
    return {set, outcome: 'deleted'};
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
    return {set, outcome: error.code === 'OUTCOME_UNKNOWN' ? 'unknown' : 'refused', error};
  }
}
