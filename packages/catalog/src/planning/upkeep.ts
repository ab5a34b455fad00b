// What time brings: buckets made ahead where the present one is written to, expiry in two steps (rows
// hidden first, files gone after the trash's retention), purges, and old operations forgotten.

import {LIMITS} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import {FINDINGS_KEPT_SINCE} from '../cluster-version.ts';
import type {Command} from '../commands.ts';
import type {Bucket, Database, Trash} from '../model.ts';
import {isClockTrusted} from './clocks.ts';
import {isRemembered} from './destroy-set.ts';
import {planBucket} from './placement.ts';
import type {PlanSettings} from './plan-settings.ts';
import type {Reports} from './reports.ts';
import type {SetLists} from './set-lists.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/**
 * A dropped database is purged no sooner: by then its sets have refused writes from routers that are behind,
 * or the statement has ended without their word (5 s, and what clocks may differ by).
 */
const PURGE_AFTER_MS_MIN = 15_000;
/** Dead ids outlive their purge, for routers that still know them. */
const DEAD_TABLE_KEPT_MS = DAY_MS;
/** Finished operations are history for a week. */
const OPERATIONS_KEPT_MS = 7 * DAY_MS;

export function planUpkeep(
  lists: SetLists,
  nowMs: number,
  {trashRetentionMs}: Pick<PlanSettings, 'trashRetentionMs'> = {},
): Command[] {
  const {catalog, reports} = lists;
  const retentionMs = trashRetentionMs ?? LIMITS.trash_retention_ms.value;
  const commands: Command[] = [];
  const nodes = [...catalog.nodes()].filter(({state}) => state !== 'decommissioned');
  const trusted = isClockTrusted(reports, nodes.length);
  for (const database of catalog.databases()) {
    if (database.dropped !== undefined) {
      if (trusted && isPurgeDue(database.dropped, nowMs))
        commands.push({type: 'purge-database', database: database.id});
      continue;
    }
    const ahead = planBucketAhead(catalog, database, reports, nowMs);
    if (ahead !== undefined) commands.push(ahead);
    if (!trusted) continue;
    commands.push(...planExpiry(catalog, database, {nowMs, retentionMs}));
    commands.push(...planTablePurges(catalog, database, nowMs));
  }
  commands.push(...planForgotten(lists));
  if (trusted) commands.push(...planTenantPurges(catalog, nowMs), ...planHistory(lists, nowMs));
  return commands;
}

/** Requires a time that is trusted: what was dropped later than that was dropped by a clock that was ahead. */
function isPurgeDue({atMs, purgeAtMs}: Trash, nowMs: number): boolean {
  // Then it is due only where an order since, by another clock, has hastened it: counted from that one it waits
  // no less than from the drop.
  const sinceMs = atMs <= nowMs ? atMs : purgeAtMs;
  return Math.max(purgeAtMs, sinceMs + PURGE_AFTER_MS_MIN) <= nowMs;
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
  return planBucket(catalog, database.id, present.endMs, {reports, nowMs});
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

function planExpiry(
  catalog: Catalog,
  database: Database,
  {nowMs, retentionMs}: {readonly nowMs: number; readonly retentionMs: number},
): Command[] {
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
        ttlMs,
        atMs: nowMs,
      });
    }
  }
  // Counted from when it was hidden, not from its rows' times: a ttl that was shortened by mistake must not
  // take the files at once, since a longer one brings back what is there.
  for (const {id, expiredAtMs} of catalog.buckets(database.id, -Infinity, expiredBeforeMs)) {
    if (expiredAtMs !== undefined && expiredAtMs + retentionMs <= nowMs)
      commands.push({type: 'drop-bucket', bucket: id, expiredAtMs});
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

/** A dropped tenant goes when the last of its databases has gone: those are purged in their own time. */
function planTenantPurges(catalog: Catalog, nowMs: number): Command[] {
  const due = [...catalog.tenants()].filter(
    ({dropped}) => dropped !== undefined && dropped.purgeAtMs <= nowMs,
  );
  if (due.length === 0) return [];
  const owners = new Set([...catalog.databases()].map(({tenant}) => tenant));
  return due.filter(({id}) => !owners.has(id)).map(({id}) => ({type: 'purge-tenant', tenant: id}));
}

/** Dropped sets of which no live node holds a replica. A dead node's is destroyed when it is back. */
function planForgotten(lists: SetLists): Command[] {
  const {catalog, reports} = lists;
  const sets = [...lists.list('unopened')]
    .filter(
      ({set}) =>
        set.state === 'dropping' &&
        !isRemembered(set, catalog) &&
        set.replicas.every(({node, replica}) => {
          const report = reports.get(node);
          return report === undefined || !report.live || !report.replicas.has(replica);
        }),
    )
    .map(({set}) => set.id);
  return sets.length === 0 ? [] : [{type: 'forget-replica-sets', sets}];
}

function planHistory({operations, catalog}: SetLists, nowMs: number): Command[] {
  const finishedBeforeMs = nowMs - OPERATIONS_KEPT_MS;
  // Of a member with a build before: it forgets them with the rest.
  const isForgetful = catalog.clusterVersion < FINDINGS_KEPT_SINCE;
  if (isForgetful && operations.isFindingKept(finishedBeforeMs, catalog)) return [];
  const isOld = operations.oldestFinishedMs < finishedBeforeMs;
  if (!isOld && !operations.isFindingOver(finishedBeforeMs, catalog)) return [];
  return [{type: 'expire-operations', finishedBeforeMs}];
}
