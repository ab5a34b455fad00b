// A database's options: defaults and bounds. Time inside a bucket is an exact Float64 offset from its
// start in the database's precision, so a bucket spans less than 2^53 units.

import {LIMITS} from '@flotilla/base';
import type {OptionChanges} from '../commands.ts';
import type {DatabaseOptions, Precision} from '../model.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

export const DEFAULT_OPTIONS: DatabaseOptions = {
  bucketDurationMs: 7 * DAY_MS,
  shards: 'auto',
  replicas: 3,
  precision: 'ns',
  failover: 'automatic',
};

/** Shorter buckets are all overhead: each is at least four Raft groups. */
const BUCKET_DURATION_MS_MIN = MINUTE_MS;
/** At ns 2^53 units are 104 days; the rest is room for rows at a cut. At us and ms: a century. */
const BUCKET_DURATION_MS_MAX: Readonly<Record<Precision, number>> = {
  ns: 90 * DAY_MS,
  us: 36_525 * DAY_MS,
  ms: 36_525 * DAY_MS,
};

/** The options with the changes in, or why not. */
export function changeOptions(
  old: DatabaseOptions,
  changes: OptionChanges,
): DatabaseOptions | {readonly invalid: string} {
  const options: DatabaseOptions = {
    ttlMs: changes.ttlMs === null ? undefined : (changes.ttlMs ?? old.ttlMs),
    bucketDurationMs: changes.bucketDurationMs ?? old.bucketDurationMs,
    shards: changes.shards ?? old.shards,
    replicas: changes.replicas ?? old.replicas,
    precision: changes.precision ?? old.precision,
    failover: changes.failover ?? old.failover,
    maxSeries: changes.maxSeries === null ? undefined : (changes.maxSeries ?? old.maxSeries),
  };
  const invalid = optionsFault(options);
  return invalid === undefined ? options : {invalid};
}

function optionsFault(options: DatabaseOptions): string | undefined {
  const {ttlMs, bucketDurationMs, shards, replicas, precision, maxSeries} = options;
  const durationMax = BUCKET_DURATION_MS_MAX[precision];
  if (durationMax === undefined) return `precision must be ns, us or ms; have ${precision}`;
  if (ttlMs !== undefined && !isCount(ttlMs, MINUTE_MS, Number.MAX_SAFE_INTEGER)) {
    return `ttl must be at least a minute; have ${ttlMs} ms`;
  }
  if (!isCount(bucketDurationMs, BUCKET_DURATION_MS_MIN, durationMax)) {
    const days = durationMax / DAY_MS;
    return `bucket duration must be from 1 minute to ${days} days at precision ${precision}; have ${lengthOf(bucketDurationMs)}`;
  }
  const shardsMax = LIMITS.shards_per_bucket_max.value;
  if (shards !== 'auto' && !isCount(shards, 1, shardsMax)) {
    return `shards must be auto or from 1 to ${shardsMax}; have ${shards}`;
  }
  const replicasMax = LIMITS.replicas_max.value;
  if (!isCount(replicas, 1, replicasMax)) {
    return `replicas must be from 1 to ${replicasMax}; have ${replicas}`;
  }
  if (options.failover !== 'automatic' && options.failover !== 'manual') {
    return `failover must be automatic or manual; have ${options.failover}`;
  }
  if (maxSeries !== undefined && !isCount(maxSeries, 1, Number.MAX_SAFE_INTEGER)) {
    return `max_series must be a whole number from 1; have ${maxSeries}`;
  }
  return undefined;
}

/** Too short are milliseconds, too long are days. */
function lengthOf(durationMs: number): string {
  return durationMs < DAY_MS ? `${durationMs} ms` : `${durationMs / DAY_MS} days`;
}

function isCount(value: number, min: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= min && value <= max;
}
