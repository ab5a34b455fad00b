// What another ttl does to the rows that are there: a shorter one hides them, and a longer one shows again what is
// not gone yet. The answer says so, also that of a dry run.

import {LIMITS} from '@flotilla/base';
import {type Catalog, type Database, EXPIRED_RETURNS_SINCE} from '@flotilla/catalog';
import {DATE_MS_MAX} from './durations.ts';

interface Counted {
  /** Buckets of which all rows are concerned. */
  readonly buckets: number;
  /** Buckets of which a part is. */
  readonly cutBuckets: number;
}

interface Expiring extends Counted {
  /** Rows that are older are hidden. */
  readonly before: string;
  /** Until then a longer ttl brings back all of them. Absent: nothing does. */
  readonly recoverableUntil?: string | undefined;
}

interface Returning extends Counted {
  /** Rows from then on are shown again; absent where all of them are. */
  readonly from?: string | undefined;
  /** Of what the ttl would keep, rows that are older have been deleted. */
  readonly goneBefore?: string | undefined;
}

export interface TtlChange {
  readonly expires?: Expiring | undefined;
  readonly returns?: Returning | undefined;
}

/** The database before and after. */
interface Change {
  readonly before: Database;
  readonly after: Database;
}

interface Terms {
  readonly nowMs: number;
  /** Instead of `trash_retention_ms`. */
  readonly trashRetentionMs?: number | undefined;
}

/** @param catalog  as it is after the change */
export function ttlChange(catalog: Catalog, change: Change, terms: Terms): TtlChange {
  const isShorter = ttlOf(change.after) < ttlOf(change.before);
  return {
    expires: isShorter ? expiring(catalog, change, terms) : undefined,
    returns: isShorter ? undefined : returning(catalog, change, terms),
  };
}

/** For those who read no numbers. */
export function ttlChangeText({expires, returns}: TtlChange): string {
  if (expires !== undefined) return `rows from before ${expires.before} expire`;
  if (returns === undefined) return '';
  const {from, goneBefore, buckets, cutBuckets} = returns;
  const isNothing = buckets + cutBuckets === 0;
  const back = from === undefined ? 'what had expired is back' : `rows from ${from} on are back`;
  const gone = goneBefore === undefined ? [] : [`rows from before ${goneBefore} are gone`];
  return [...(isNothing ? [] : [back]), ...gone].join(', ');
}

/** Undefined where no bucket is that old. */
function expiring(
  catalog: Catalog,
  {before, after}: Change,
  {nowMs, trashRetentionMs = LIMITS.trash_retention_ms.value}: Terms,
): Expiring | undefined {
  const {expiredBeforeMs = -Infinity} = before;
  const beforeMs = nowMs - ttlOf(after);
  const going = catalog
    .buckets(after.id, -Infinity, beforeMs)
    .filter(({endMs}) => endMs > expiredBeforeMs);
  if (going.length === 0) return undefined;
  const isFinal = catalog.clusterVersion < EXPIRED_RETURNS_SINCE;
  return {
    before: new Date(beforeMs).toISOString(),
    ...counted(going, ({endMs}) => endMs <= beforeMs),
    recoverableUntil: isFinal ? undefined : dateOf(nowMs + trashRetentionMs),
  };
}

/** Undefined where nothing comes back, and another ttl asks for nothing that is gone. */
function returning(
  catalog: Catalog,
  {before, after}: Change,
  {nowMs}: Terms,
): Returning | undefined {
  const {expiredBeforeMs: hiddenMs = -Infinity} = before;
  const {expiredBeforeMs: fromMs = -Infinity, purgedBeforeMs: goneMs = -Infinity} = after;
  const coming = fromMs < hiddenMs ? catalog.buckets(after.id, fromMs, hiddenMs) : [];
  const isGone = nowMs - ttlOf(after) < goneMs;
  const isAsked = ttlOf(after) > ttlOf(before);
  if (coming.length === 0 && !(isGone && isAsked)) return undefined;
  return {
    from: coming.length === 0 ? undefined : dateOf(fromMs),
    ...counted(coming, ({startMs}) => startMs >= fromMs),
    goneBefore: isGone ? dateOf(goneMs) : undefined,
  };
}

function counted<Bucket>(all: readonly Bucket[], isWhole: (bucket: Bucket) => boolean): Counted {
  const buckets = all.filter(isWhole).length;
  return {buckets, cutBuckets: all.length - buckets};
}

function ttlOf({options}: Database): number {
  return options.ttlMs ?? Infinity;
}

/** Undefined where no date is so far away. */
function dateOf(ms: number): string | undefined {
  return Math.abs(ms) <= DATE_MS_MAX ? new Date(ms).toISOString() : undefined;
}
