// New series where there is no room for them: in a replica set that holds as many as it may, of itself or as
// its part of what its database takes, or on a node whose indexes fill their budget. The leader refuses the whole
// share before it proposes it, and says which of its series found no room; the router refuses their lines and
// sends the rest as a new share. What is in the log is so always what was sent. A set's limit holds whatever is
// under way (`series-underway.ts`); the node's budget is soft by that.

import {DbError, type LimitName, type ReplicaSetId} from '@flotilla/base';
import {decodeShare} from '@flotilla/column';
import type {IndexBudget} from './index-budget.ts';

const BITS = 8;

/** How many new series a set takes, and what it says to those beyond. */
export interface SeriesRoom {
  readonly room: number;
  readonly message: string;
  readonly details: {readonly limit: LimitName | 'max_series'} & Readonly<
    Record<string, string | number>
  >;
}

/** What a set's database says of its bucket. */
export interface BucketSeries {
  readonly database: string;
  readonly maxSeries: number;
  readonly shards: number;
}

/** How many series a set may hold. */
export interface SeriesBound {
  readonly seriesMax: number;
  /** Where that is its part of it. */
  readonly bucket: BucketSeries | undefined;
}

/**
 * The lesser of a set's own limit and its part of its bucket's. No set asks another: each takes as many as all
 * alike may, so a bucket takes its maximum at most, rounded up to a multiple of its shards.
 */
export function boundOf(seriesMax: number, bucket: BucketSeries | undefined): SeriesBound {
  if (bucket === undefined) return {seriesMax, bucket};
  const part = Math.ceil(bucket.maxSeries / bucket.shards);
  return part <= seriesMax ? {seriesMax: part, bucket} : {seriesMax, bucket: undefined};
}

export function roomOfSet(
  set: ReplicaSetId,
  room: number,
  {seriesMax, bucket}: SeriesBound,
): SeriesRoom {
  if (bucket !== undefined) return {room, ...refusalOf(set, seriesMax, bucket)};
  return {
    room,
    message: `replica set ${set} holds ${seriesMax} series, as many as it may; known series go on`,
    details: {limit: 'series_per_replica_set_max', seriesMax},
  };
}

function refusalOf(
  set: ReplicaSetId,
  seriesMax: number,
  {database, maxSeries, shards}: BucketSeries,
): Pick<SeriesRoom, 'message' | 'details'> {
  const name = `"${database.replaceAll('"', '""')}"`;
  const parts = shards === 1 ? '' : `, ${seriesMax} in each of its ${shards} shards`;
  return {
    message: `database ${name} takes ${maxSeries} series in a bucket (max_series)${parts}, and replica set ${set} is full; known series go on; SHOW CARDINALITY names what makes most, ALTER DATABASE ${name} SET MAX_SERIES takes more`,
    details: {limit: 'max_series', database, maxSeries, shards, seriesMax},
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
