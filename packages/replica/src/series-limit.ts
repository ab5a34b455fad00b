// New series of a replica set that holds as many as it may. The leader refuses the whole share before
// it proposes it, and says which of its series found no room; the router refuses their lines and sends
// the rest as a new share. What is in the log is so always what was sent. The limit is soft by what is
// under way: each of two shares may find the last room.

import {DbError, type ReplicaSetId} from '@flotilla/base';
import {decodeShare} from '@flotilla/column';

const BITS = 8;

/** @param share its known series are ids already; the first of the others take the room there is. */
export function seriesLimit(
  share: Uint8Array,
  {
    set,
    room,
    seriesMax,
  }: {readonly set: ReplicaSetId; readonly room: number; readonly seriesMax: number},
): DbError {
  let left = Math.max(0, room);
  const refused = decodeShare(share).tables.map(({series}) => {
    const bits = Buffer.alloc(Math.ceil(series.length / BITS));
    for (const [i, key] of series.entries()) {
      if (typeof key === 'number') continue;
      if (left > 0) left -= 1;
      else bits[Math.floor(i / BITS)]! |= 1 << (i % BITS);
    }
    return bits.toString('base64');
  });
  const message = `replica set ${set} holds ${seriesMax} series, as many as it may; known series go on`;
  return new DbError('SERIES_LIMIT', message, {
    limit: 'series_per_replica_set_max',
    seriesMax,
    refused,
  });
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
