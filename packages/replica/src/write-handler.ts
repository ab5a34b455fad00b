// The leader's side of a write: known series become ids, the share is proposed, and what apply made
// of it is the answer.

import {DbError, LIMITS, type ReplicaSetId, type RpcContext} from '@flotilla/base';
import {replaceSeriesKeys} from '@flotilla/column';
import type {StateMachine} from '@flotilla/multiraft';
import type {WriteApplied} from './applied.ts';
import {encodeWrite} from './command.ts';
import type {IndexBudget} from './index-budget.ts';
import {loadedMachine, machineOf} from './loaded-machine.ts';
import {roomOfNode, roomOfSet, type SeriesRoom, seriesLimit} from './series-limit.ts';

export const WRITE_METHOD = 'replica.write';
/** A proposal that is neither committed nor lost by then is answered as unknown. */
export const PROPOSAL_MS_MAX = 4_000;

/** What a handler needs of the groups' host. */
export interface ProposalHost {
  propose(
    set: ReplicaSetId,
    payload: Uint8Array,
    options: {readonly deadlineMs: number; readonly kind?: 'write'},
  ): Promise<unknown>;
  stateMachine(set: ReplicaSetId): StateMachine | undefined;
  status(set: ReplicaSetId): {readonly role: string} | undefined;
}

/** What bounds the series that are taken. */
export interface SeriesLimits {
  /** Instead of `series_per_replica_set_max`. */
  readonly seriesPerSetMax?: number | undefined;
  /** Of the thread; absent: no bound. */
  readonly indexes?: IndexBudget | undefined;
}

const APPLIED = new Uint8Array(0);

/** @returns an empty answer once the share is durable on a majority and applied here. */
export function writeHandler(
  host: ProposalHost,
  monotonicMs: () => number,
  limits: SeriesLimits = {},
): (payload: Uint8Array, context: RpcContext) => Promise<Uint8Array> {
  return async (share, {set}) => {
    const options = {deadlineMs: monotonicMs() + PROPOSAL_MS_MAX, kind: 'write'} as const;
    const propose = async (entry: Uint8Array): Promise<Uint8Array> =>
      answerOf((await host.propose(set, encodeWrite(entry), options)) as WriteApplied, set);
    // Who does not lead only names who does: nothing is read for that.
    const {isLoaded} = machineOf(host, set);
    if (!isLoaded && host.status(set)?.role !== 'leader') return propose(share);
    // Ids of series that are applied here mean the same on every replica at any later index.
    const {storage} = await loadedMachine(host, set);
    let fresh = 0;
    const compact = replaceSeriesKeys(share, (_table, key) => {
      const id = storage.seriesId(key);
      if (id === undefined) fresh += 1;
      return id;
    });
    // Before anything is proposed: apply is the same on every replica and refuses nothing.
    const room =
      fresh > 0 ? roomOf(host, set, {fresh, known: storage.seriesCount}, limits) : undefined;
    if (room !== undefined) throw seriesLimit(compact, room);
    return propose(compact);
  };
}

/** Undefined where there is enough. Whether a node has memory counts of the leader's alone. */
function roomOf(
  host: ProposalHost,
  set: ReplicaSetId,
  {fresh, known}: {readonly fresh: number; readonly known: number},
  {seriesPerSetMax: seriesMax = LIMITS.series_per_replica_set_max.value, indexes}: SeriesLimits,
): SeriesRoom | undefined {
  if (indexes?.isFull === true && host.status(set)?.role === 'leader')
    return roomOfNode(set, indexes);
  return fresh > seriesMax - known ? roomOfSet(set, {seriesMax, seriesCount: known}) : undefined;
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
