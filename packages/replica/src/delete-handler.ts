// The leader's side of a DELETE: proposed as it came, unless too many are not carried out yet. The
// bound is kept here and not at apply, since how many tombstones a replica still needs depends on what
// it has flushed and merged, and apply must refuse alike on every replica.

import {DbError, FatalError, LIMITS, type ReplicaSetId, type RpcContext} from '@flotilla/base';
import type {DeleteApplied} from './applied.ts';
import {type DeleteRequest, decodeDelete, encodeDelete} from './command.ts';
import {loadedMachine, machineOf} from './loaded-machine.ts';
import type {ReplicaMachine} from './replica-machine.ts';
import {PROPOSAL_MS_MAX, type ProposalHost} from './write-handler.ts';

export const DELETE_METHOD = 'replica.delete';

const APPLIED = new Uint8Array(0);

export function encodeDeleteRequest(request: DeleteRequest): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(request));
}

/** @returns an empty answer once the delete is durable on a majority and applied here. */
export function deleteHandler(
  host: ProposalHost,
  monotonicMs: () => number,
): (payload: Uint8Array, context: RpcContext) => Promise<Uint8Array> {
  return async (payload, {set}) => {
    const deadlineMs = monotonicMs() + PROPOSAL_MS_MAX;
    machineOf(host, set);
    // Of a follower only that it is one is of use to the sender.
    if (host.status(set)?.role === 'leader') admit(await loadedMachine(host, set), set);
    const request = received(payload);
    return answerOf(
      (await host.propose(set, encodeDelete(request), {deadlineMs})) as DeleteApplied,
      set,
    );
  };
}

/** In the log it would stop every replica of the set. */
function received(payload: Uint8Array): DeleteRequest {
  try {
    return decodeDelete(payload);
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    throw new DbError('INVALID_ARGUMENT', 'malformed delete', {}, error);
  }
}

function admit({storage}: ReplicaMachine, set: ReplicaSetId): void {
  const max = LIMITS.tombstones_per_replica_max.value;
  if (storage.tombstoneCount < max) return;
  const message = `replica set ${set} has ${max} deletes (tombstones_per_replica_max) that are not carried out in its files yet; send it again later`;
  throw new DbError('OVERLOADED', message, {replicaSet: set});
}

function answerOf(applied: DeleteApplied, set: ReplicaSetId): Uint8Array {
  switch (applied.status) {
    case 'deleted':
    case 'duplicate':
      return APPLIED;
    case 'forgotten':
      throw new DbError('OUTCOME_UNKNOWN', `replica set ${set} does not remember so old a delete`);
    case 'dropped-table':
      throw new DbError('TABLE_NOT_FOUND', 'the table was dropped while the delete was under way', {
        table: applied.table,
      });
    default:
      return applied satisfies never;
  }
}
