// What a shorter ttl takes away. No longer one brings back what has expired (readers and replicas hide it by the
// same mark of the catalog, which is never lowered), so the order says what goes, and its dry run before.

import type {Catalog, Database} from '@flotilla/catalog';

interface Expiring {
  /** Rows that are older go. */
  readonly before: string;
  /** Buckets that lose all of their rows. */
  readonly buckets: number;
  /** Buckets that lose a part of them. */
  readonly cutBuckets: number;
}

/** Undefined where the ttl is not made shorter, or no bucket is that old. */
export function expiringBy(
  catalog: Catalog,
  {id, options, expiredBeforeMs = -Infinity}: Database,
  {ttlMs, nowMs}: {readonly ttlMs: number; readonly nowMs: number},
): Expiring | undefined {
  if (ttlMs >= (options.ttlMs ?? Infinity)) return undefined;
  const beforeMs = Math.floor(nowMs - ttlMs);
  const going = catalog
    .buckets(id, -Infinity, beforeMs)
    .filter(({endMs}) => endMs > expiredBeforeMs);
  if (going.length === 0) return undefined;
  const buckets = going.filter(({endMs}) => endMs <= beforeMs).length;
  return {before: new Date(beforeMs).toISOString(), buckets, cutBuckets: going.length - buckets};
}
