// The leader's side of a write: known series become ids, the share is proposed, and what apply made
// of it is the answer.

import {DbError, LIMITS, type ReplicaSetId, type RpcContext, type SeriesId} from '@flotilla/base';
import {replaceSeriesKeys} from '@flotilla/column';
import type {StateMachine} from '@flotilla/multiraft';
import type {WriteApplied} from './applied.ts';
import {encodeWrite} from './command.ts';
import type {IndexBudget} from './index-budget.ts';
import {loadedMachine, machineOf} from './loaded-machine.ts';
import {type BucketSeries, boundOf, roomOfNode, roomOfSet, seriesLimit} from './series-limit.ts';
import {SeriesUnderway} from './series-underway.ts';

export const WRITE_METHOD = 'replica.write';
/** A proposal that is neither committed nor lost by then is answered as unknown. */
export const PROPOSAL_MS_MAX = 4_000;

/** What a handler needs of the groups' host. */
export interface ProposalHost {
  propose(
    set: ReplicaSetId,
    payload: Uint8Array,
    options: {
      readonly deadlineMs: number;
      readonly kind?: 'write';
      readonly onDecided?: (() => void) | undefined;
    },
  ): Promise<unknown>;
  stateMachine(set: ReplicaSetId): StateMachine | undefined;
  status(set: ReplicaSetId): {readonly role: string} | undefined;
}

export interface WriteHost extends ProposalHost {
  status(set: ReplicaSetId): {readonly role: string; readonly term: number} | undefined;
  readIndex(set: ReplicaSetId, options: {readonly deadlineMs: number}): Promise<number>;
}

/** What bounds the series that are taken. */
export interface SeriesLimits {
  /** Instead of `series_per_replica_set_max`. */
  readonly seriesPerSetMax?: number | undefined;
  /** What the set's database says of a bucket; undefined: nothing. */
  readonly bucketSeries?: ((set: ReplicaSetId) => BucketSeries | undefined) | undefined;
  /** Of the thread; absent: no bound. */
  readonly indexes?: IndexBudget | undefined;
}

const APPLIED = new Uint8Array(0);
/** Half of what a router waits for one try: it is to hear why nothing was proposed. */
const CATCH_UP_MS_MAX = 1_000;

/** @returns an empty answer once the share is durable on a majority and applied here. */
export function writeHandler(
  host: WriteHost,
  monotonicMs: () => number,
  limits: SeriesLimits = {},
): (payload: Uint8Array, context: RpcContext) => Promise<Uint8Array> {
  const underway = new SeriesUnderway();
  return async (share, {set}) => {
    const propose = async (entry: Uint8Array, onDecided?: () => void): Promise<Uint8Array> => {
      const deadlineMs = monotonicMs() + PROPOSAL_MS_MAX;
      const options = {deadlineMs, kind: 'write', onDecided} as const;
      return answerOf((await host.propose(set, encodeWrite(entry), options)) as WriteApplied, set);
    };
    // Who does not lead only names who does: nothing is read for that.
    const {isLoaded} = machineOf(host, set);
    if (!isLoaded && host.status(set)?.role !== 'leader') return propose(share);
    let byMs: number | undefined;
    let isConfirmed = false;
    for (;;) {
      // Ids of series that are applied here mean the same on every replica at any later index.
      const {storage, appliedTerm} = await loadedMachine(host, set);
      let fresh = 0;
      let last: SeriesId | undefined;
      const compact = replaceSeriesKeys(share, (_table, key) => {
        const id = storage.seriesId(key, last);
        if (id === undefined) fresh += 1;
        else last = id;
        return id;
      });
      const status = fresh > 0 ? host.status(set) : undefined;
      if (status?.role !== 'leader') return propose(compact);
      // What leaders before left in the log may make series that are not counted yet.
      if (appliedTerm !== status.term) {
        byMs ??= monotonicMs() + CATCH_UP_MS_MAX;
        await catchUp(host, set, byMs);
        continue;
      }
      // Before anything is proposed: apply is the same on every replica and refuses nothing.
      const counts = {fresh, known: storage.seriesCount, underway: underway.count(set)};
      const refusal = refusalOf(compact, set, counts, limits);
      if (refusal !== undefined) {
        if (isConfirmed || refusal.code !== 'SERIES_LIMIT') throw refusal;
        // Deposed, and without word of it, it would refuse for good what the next leader has taken.
        byMs ??= monotonicMs() + CATCH_UP_MS_MAX;
        await catchUp(host, set, byMs);
        isConfirmed = true;
        continue;
      }
      const decided = underway.begin(set, fresh);
      try {
        // Nothing waits since they were counted, so no other write finds the same room.
        return await propose(compact, decided);
      } catch (error) {
        // An entry whose outcome is unknown may yet be applied: the host says when that is decided.
        if (!(error instanceof DbError) || error.code !== 'OUTCOME_UNKNOWN') decided();
        throw error;
      }
    }
  };
}

async function catchUp(host: WriteHost, set: ReplicaSetId, deadlineMs: number): Promise<void> {
  try {
    await host.readIndex(set, {deadlineMs});
  } catch (error) {
    if (!(error instanceof DbError) || error.code !== 'DEADLINE_EXCEEDED') throw error;
    // Nothing was proposed: that code would leave it open.
    const message = `the leader of replica set ${set} is not sure of its lead yet, or has not applied what came before it`;
    throw new DbError('NO_LEADER', message);
  }
}

interface SeriesCounts {
  /** Of the share, and not known. */
  readonly fresh: number;
  readonly known: number;
  readonly underway: number;
}

/** Whether a node has memory counts of the leader's alone. Undefined: there is room. */
function refusalOf(
  share: Uint8Array,
  set: ReplicaSetId,
  {fresh, known, underway}: SeriesCounts,
  {seriesPerSetMax = LIMITS.series_per_replica_set_max.value, bucketSeries, indexes}: SeriesLimits,
): DbError | undefined {
  if (indexes?.isFull === true) return seriesLimit(share, roomOfNode(set, indexes));
  const bound = boundOf(seriesPerSetMax, bucketSeries?.(set));
  const room = Math.max(0, bound.seriesMax - known);
  if (fresh <= room - underway) return undefined;
  if (underway === 0) return seriesLimit(share, roomOfSet(set, room, bound));
  // Which of them find room shows once those are applied: they may even be the same.
  const message = `replica set ${set} has room for ${room} series, and ${underway} new ones are on their way`;
  const limit = bound.bucket === undefined ? 'series_per_replica_set_max' : 'max_series';
  return new DbError('OVERLOADED', message, {limit});
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
