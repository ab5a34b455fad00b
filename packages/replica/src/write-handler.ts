// The leader's side of a write: known series become ids, the share is proposed, and what apply made
// of it is the answer.

import {DbError, LIMITS, type ReplicaSetId, type RpcContext} from '@flotilla/base';
import {replaceSeriesKeys} from '@flotilla/column';
import type {StateMachine} from '@flotilla/multiraft';
import {encodeWrite} from './command.ts';
import {ReplicaMachine, type WriteApplied} from './replica-machine.ts';
import {seriesLimit} from './series-limit.ts';

export const WRITE_METHOD = 'replica.write';
/** A proposal that is neither committed nor lost by then is answered as unknown. */
export const PROPOSAL_MS_MAX = 4_000;

/** What the handler needs of the groups' host. */
export interface ProposalHost {
  propose(
    set: ReplicaSetId,
    payload: Uint8Array,
    options: {readonly deadlineMs: number; readonly kind?: 'write'},
  ): Promise<unknown>;
  stateMachine(set: ReplicaSetId): StateMachine | undefined;
}

const APPLIED = new Uint8Array(0);

/** @returns an empty answer once the share is durable on a majority and applied here. */
export function writeHandler(
  host: ProposalHost,
  monotonicMs: () => number,
  seriesMax: number = LIMITS.series_per_replica_set_max.value,
): (payload: Uint8Array, context: RpcContext) => Promise<Uint8Array> {
  return async (share, {set}) => {
    const machine = host.stateMachine(set);
    if (!(machine instanceof ReplicaMachine)) {
      throw new DbError('REPLICA_GONE', `no replica of set ${set} on this node`);
    }
    // Ids of series that are applied here mean the same on every replica at any later index.
    const {storage} = machine;
    let fresh = 0;
    const compact = replaceSeriesKeys(share, (_table, key) => {
      const id = storage.seriesId(key);
      if (id === undefined) fresh += 1;
      return id;
    });
    // Before anything is proposed: apply is the same on every replica and refuses nothing.
    const room = seriesMax - storage.seriesCount;
    if (fresh > 0 && fresh > room) throw seriesLimit(compact, {set, room, seriesMax});
    const deadlineMs = monotonicMs() + PROPOSAL_MS_MAX;
    const options = {deadlineMs, kind: 'write'} as const;
    const applied = (await host.propose(set, encodeWrite(compact), options)) as WriteApplied;
    return answerOf(applied, set);
  };
}

function answerOf(applied: WriteApplied, set: ReplicaSetId): Uint8Array {
  switch (applied.status) {
    case 'applied':
    case 'duplicate':
      return APPLIED;
    case 'forgotten':
      throw new DbError('OUTCOME_UNKNOWN', `replica set ${set} does not remember so old a write`);
    case 'dropped-table':
      throw new DbError('TABLE_NOT_FOUND', 'the table was dropped while the write was under way', {
        table: applied.table,
      });
    case 'dropped-column':
      throw new DbError('TABLE_NOT_FOUND', 'a column was dropped while the write was under way', {
        table: applied.table,
        column: applied.column,
      });
    default:
      return applied satisfies never;
  }
}
