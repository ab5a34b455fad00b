// The options of a database as `/admin/v1` takes them: durations as they are typed, null for none.

import type {OptionChanges} from '@flotilla/catalog';
import {parseDuration} from './durations.ts';

/** Requires what the route has checked. */
export function optionsOf(args: Readonly<Record<string, unknown>>): OptionChanges {
  const {ttl, bucketDuration, ...others} = args as Record<string, never>;
  const {shards, replicas, precision, failover, maxSeries} = others;
  const given = Object.entries({shards, replicas, precision, failover, maxSeries});
  return {
    ...(ttl === undefined ? {} : {ttlMs: ttl === null ? null : parseDuration(ttl, 'ttl')}),
    ...(bucketDuration === undefined
      ? {}
      : {bucketDurationMs: parseDuration(bucketDuration, 'bucketDuration')}),
    ...Object.fromEntries(given.filter(([, value]) => value !== undefined)),
  };
}
