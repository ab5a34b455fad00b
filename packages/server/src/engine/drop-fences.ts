// What was dropped in meta is dropped for those who ask when no replica set takes writes to it any more,
// though a router that is behind may send them; and what was recovered is there when each set shows its rows.

import {type Clock, LIMITS, type ReplicaSetId} from '@flotilla/base';
import type {Database} from '@flotilla/catalog';
import type {Fence} from '@flotilla/replica';
import type {WriteRouter} from '@flotilla/router';
import type {CatalogAccess} from './catalog-access.ts';

/** Sets without a majority cannot confirm a drop, and it is not undone for them. */
const FENCE_MS_MAX = 5_000;

export interface Dropped {
  readonly database: Database['id'];
  /** Absent: the database itself. */
  readonly fence?: Fence | undefined;
  /** It was taken out of the trash. */
  readonly isRecovered?: boolean | undefined;
}

export interface DropFenceDeps {
  readonly access: CatalogAccess;
  readonly router: Pick<WriteRouter, 'awaitFences'>;
  readonly clock: Clock;
}

/**
 * The sets that may still take writes to it, or that may not show its rows yet.
 * Requires that the copy of the catalog has the drop, or the recovery.
 */
export function confirmDrop(
  {access, router, clock}: DropFenceDeps,
  {database, fence, isRecovered}: Dropped,
  deadlineMs: number,
): Promise<ReplicaSetId[]> {
  const {catalog} = access;
  const sets = catalog.buckets(database).flatMap(({replicaSets}) => replicaSets);
  const tables = catalog.tables(database).map(({id}) => id);
  const untilMs = Math.min(deadlineMs, clock.monotonicMs() + FENCE_MS_MAX);
  const whole = isRecovered === true ? {recovered: tables} : {tables};
  return router.awaitFences(sets, {fence: fence ?? whole, deadlineMs: untilMs});
}

interface TrashTimes {
  /** As the statement says; absent: as long as the node keeps its trash. */
  readonly afterMs?: number | undefined;
  readonly retentionMs?: number | undefined;
}

/** When something is dropped and when it is purged; the leader of the meta group takes its own time for both. */
export function dropTimes(
  atMs: number,
  {afterMs, retentionMs = LIMITS.trash_retention_ms.value}: TrashTimes,
): {readonly atMs: number; readonly purgeAtMs: number; readonly orTrash: boolean} {
  const purgeAtMs = atMs + (afterMs ?? retentionMs);
  return {atMs, purgeAtMs, orTrash: afterMs !== undefined};
}
