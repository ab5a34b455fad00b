// New series where there is no room for them: in a replica set that holds as many as it may, or on a node
// whose indexes fill their budget. The leader refuses the whole share before it proposes it, and says which
// of its series found no room; the router refuses their lines and sends the rest as a new share. What is in
// the log is so always what was sent. The limits are soft by what is under way: each of two shares may find
// the last room.

import {DbError, type LimitName, type ReplicaSetId} from '@flotilla/base';
import {decodeShare} from '@flotilla/column';
import type {IndexBudget} from './index-budget.ts';

const BITS = 8;

/** How many new series a set takes, and what it says to those beyond. */
export interface SeriesRoom {
  readonly room: number;
  readonly message: string;
  readonly details: {readonly limit: LimitName} & Readonly<Record<string, string | number>>;
}

export function roomOfSet(
  set: ReplicaSetId,
  {seriesMax, seriesCount}: {readonly seriesMax: number; readonly seriesCount: number},
): SeriesRoom {
  return {
    room: Math.max(0, seriesMax - seriesCount),
    message: `replica set ${set} holds ${seriesMax} series, as many as it may; known series go on`,
    details: {limit: 'series_per_replica_set_max', seriesMax},
  };
}

/** Of a node whose budget is full. */
export function roomOfNode(set: ReplicaSetId, {bytesMax}: IndexBudget): SeriesRoom {
  return {
    room: 0,
    message: `the node that leads replica set ${set} has no memory for more series (series_indexes_bytes_max, here ${bytesMax}); known series go on`,
    details: {limit: 'series_indexes_bytes_max', bytesMax},
  };
}

/** @param share its known series are ids already; the first of the others take the room there is. */
export function seriesLimit(share: Uint8Array, {room, message, details}: SeriesRoom): DbError {
  let left = room;
  const refused = decodeShare(share).tables.map(({series}) => {
    const bits = Buffer.alloc(Math.ceil(series.length / BITS));
    for (const [i, key] of series.entries()) {
      if (typeof key === 'number') continue;
      if (left > 0) left -= 1;
      else bits[Math.floor(i / BITS)]! |= 1 << (i % BITS);
    }
    return bits.toString('base64');
  });
  return new DbError('SERIES_LIMIT', message, {...details, refused});
}

/** Whether a series, by its place in a table of the share, found no room; undefined for another error. */
export function refusedSeries({
  code,
  details,
}: DbError): ((table: number, series: number) => boolean) | undefined {
  const {refused} = details;
  if (code !== 'SERIES_LIMIT' || !Array.isArray(refused)) return undefined;
  const bits = refused.map((each) => Buffer.from(String(each), 'base64'));
  return (table, series) =>
    ((bits[table]?.[Math.floor(series / BITS)] ?? 0) & (1 << (series % BITS))) !== 0;
}
