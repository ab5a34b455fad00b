// The buckets that are made for one request: so many that a backfill gets on, so few that a body in the
// wrong precision does no harm.

import {LIMITS} from '@flotilla/base';
import type {Catalog, Database} from '@flotilla/catalog';
import type {ParsedTable} from '@flotilla/column';
import type {Refusal} from './refusal.ts';
import type {RejectedRows, Rejections} from './rejected-rows.ts';

export const NEW_BUCKETS_MAX = LIMITS.new_buckets_per_request_max.value;

export function tooManyBuckets(wanted: number): Refusal {
  const reason =
    `the request asks for ${wanted} new buckets; at most ${NEW_BUCKETS_MAX} are made for one request ` +
    '(are the times in the precision that the request names?)';
  return {code: 'BUCKET_LIMIT', reason};
}

/** Refuses the rows of the buckets that are one too many, in the order in which rows need them. */
export function refuseBuckets(
  tables: readonly ParsedTable[],
  {catalog, database, rejections}: {catalog: Catalog; database: Database; rejections: Rejections},
): void {
  const {bucketDurationMs} = database.options;
  const slotOf = (timeMs: number): number => Math.floor(timeMs / bucketDurationMs);
  /** By slot: how many before it are missing too. */
  const missing = new Map<number, number>();
  let last: number | undefined;
  for (const {rowCount, timesMs} of tables) {
    for (let row = 0; row < rowCount; row++) {
      const slot = slotOf(timesMs[row]!);
      // Rows come mostly in order of time.
      if (slot === last || missing.has(slot)) continue;
      last = slot;
      const bucket = catalog.bucketAt(database.id, timesMs[row]!);
      if (bucket === undefined) missing.set(slot, missing.size);
    }
  }
  if (missing.size <= NEW_BUCKETS_MAX) return;
  const refusal = tooManyBuckets(missing.size);
  for (const table of tables) {
    let marks: RejectedRows;
    for (let row = 0; row < table.rowCount; row++) {
      const before = missing.get(slotOf(table.timesMs[row]!));
      if (before !== undefined && before >= NEW_BUCKETS_MAX)
        marks = rejections.add(table, row, marks, refusal);
    }
  }
}
