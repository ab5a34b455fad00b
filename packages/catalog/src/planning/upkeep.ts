// What time brings: buckets made ahead where the present one is written to, expiry in two steps (rows
// hidden first, files gone after the trash's retention), purges, and old operations forgotten.

import type {Catalog} from '../catalog.ts';
import type {Command} from '../commands.ts';
import type {Bucket, Database} from '../model.ts';
import {planBucket} from './placement.ts';
import type {Reports} from './reports.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** What was expired or dropped can be had back for so long. */
export const TRASH_RETENTION_MS = DAY_MS;
/**
 * A dropped database is purged no sooner: by then its sets have refused writes from routers that are behind,
 * or the statement has ended without their word (5 s, and what clocks may differ by).
 */
const PURGE_AFTER_MS_MIN = 15_000;
/** Dead ids outlive their purge, for routers that still know them. */
const DEAD_TABLE_KEPT_MS = DAY_MS;
/** Finished operations are history for a week. */
const OPERATIONS_KEPT_MS = 7 * DAY_MS;
/** A clock further from the others' median than this expires nothing. */
const CLOCK_OFFSET_MS_MAX = 10_000;

export function planUpkeep(catalog: Catalog, reports: Reports, nowMs: number): Command[] {
  const commands: Command[] = [];
  const nodes = [...catalog.nodes()].filter(({state}) => state !== 'decommissioned');
  const trusted = isClockTrusted(reports, nodes.length);
  for (const database of catalog.databases()) {
    if (database.dropped !== undefined) {
      const {atMs, purgeAtMs} = database.dropped;
      if (trusted && Math.max(purgeAtMs, atMs + PURGE_AFTER_MS_MIN) <= nowMs) {
        commands.push({type: 'purge-database', database: database.id});
      }
      continue;
    }
    const ahead = planBucketAhead(catalog, database, reports, nowMs);
    if (ahead !== undefined) commands.push(ahead);
    if (!trusted) continue;
    commands.push(...planExpiry(catalog, database, nowMs));
    commands.push(...planTablePurges(catalog, database, nowMs));
  }
  commands.push(...planForgotten(catalog, reports), ...planHistory(catalog, nowMs));
  return commands;
}

/**
 * The median of all nodes' clocks, ours among them, is near ours. Of an even number both in the middle are: of
 * two that differ one is wrong, and nobody knows which. The only node of a cluster has only its own; one of
 * several that hears of no other, as a new leader at first, cannot tell.
 */
export function isClockTrusted(reports: Reports, nodeCount: number): boolean {
  const offsets = [...reports.values()]
    .filter(({live}) => live)
    .map(({clockOffsetMs}) => clockOffsetMs)
    .sort((a, b) => a - b);
  if (offsets.length < Math.min(2, nodeCount)) return false;
  const middle = offsets.slice((offsets.length - 1) >>> 1, (offsets.length >>> 1) + 1);
  return middle.every((offsetMs) => Math.abs(offsetMs) <= CLOCK_OFFSET_MS_MAX);
}

/** One bucket ahead of the present one exists as soon as that is written to. */
function planBucketAhead(
  catalog: Catalog,
  database: Database,
  reports: Reports,
  nowMs: number,
): Command | undefined {
  const present = catalog.bucketAt(database.id, nowMs);
  if (present === undefined || catalog.bucketAt(database.id, present.endMs) !== undefined) {
    return undefined;
  }
  if (!isWritten(catalog, present, reports)) return undefined;
  return planBucket(catalog, database.id, present.endMs, reports);
}

function isWritten(catalog: Catalog, bucket: Bucket, reports: Reports): boolean {
  return bucket.replicaSets.some((id) =>
    catalog
      .replicaSet(id)
      ?.replicas.some(
        ({node, replica}) => reports.get(node)?.replicas.get(replica)?.written === true,
      ),
  );
}

function planExpiry(catalog: Catalog, database: Database, nowMs: number): Command[] {
  const {ttlMs} = database.options;
  const commands: Command[] = [];
  const expiredBeforeMs = database.expiredBeforeMs ?? -Infinity;
  if (ttlMs !== undefined) {
    // Raised in steps of a hundredth of the ttl, an hour at most: each is a command in meta's log.
    const stepMs = Math.min(HOUR_MS, Math.max(MINUTE_MS, Math.floor(ttlMs / 100)));
    const raisedMs = Math.floor((nowMs - ttlMs) / stepMs) * stepMs;
    if (raisedMs > expiredBeforeMs) {
      commands.push({
        type: 'raise-expired-before',
        database: database.id,
        expiredBeforeMs: raisedMs,
        atMs: nowMs,
      });
    }
  }
  // Counted from when it was hidden, not from its rows' times: a ttl that was shortened by mistake
  // must not take the files at once.
  for (const {id, expiredAtMs} of catalog.buckets(database.id, -Infinity, expiredBeforeMs)) {
    if (expiredAtMs !== undefined && expiredAtMs + TRASH_RETENTION_MS <= nowMs)
      commands.push({type: 'drop-bucket', bucket: id});
  }
  return commands;
}

function planTablePurges(catalog: Catalog, database: Database, nowMs: number): Command[] {
  const commands: Command[] = [];
  for (const {id, dropped, purgedAtMs} of catalog.droppedTables(database.id)) {
    if (purgedAtMs === undefined && dropped!.purgeAtMs <= nowMs) {
      commands.push({type: 'purge-table', table: id, atMs: nowMs});
    } else if (purgedAtMs !== undefined && purgedAtMs + DEAD_TABLE_KEPT_MS <= nowMs) {
      commands.push({type: 'forget-table', table: id});
    }
  }
  return commands;
}

/** Dropped sets of which no live node holds a replica. A dead node's is destroyed when it is back. */
function planForgotten(catalog: Catalog, reports: Reports): Command[] {
  const sets = [...catalog.replicaSets()]
    .filter(({state}) => state === 'dropping')
    .filter(({replicas}) =>
      replicas.every(({node, replica}) => {
        const report = reports.get(node);
        return report === undefined || !report.live || !report.replicas.has(replica);
      }),
    )
    .map(({id}) => id);
  return sets.length === 0 ? [] : [{type: 'forget-replica-sets', sets}];
}

function planHistory(catalog: Catalog, nowMs: number): Command[] {
  const finishedBeforeMs = nowMs - OPERATIONS_KEPT_MS;
  for (const {state, history, createdAtMs} of catalog.operations()) {
    const finished = state === 'done' || state === 'failed' || state === 'cancelled';
    if (finished && (history.at(-1)?.atMs ?? createdAtMs) < finishedBeforeMs) {
      return [{type: 'expire-operations', finishedBeforeMs}];
    }
  }
  return [];
}
