// What was dropped in meta is dropped for those who ask when no replica set takes writes to it any more,
// though a router that is behind may send them.

import type {Clock, ReplicaSetId} from '@flotilla/base';
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
}

export interface DropFenceDeps {
  readonly access: CatalogAccess;
  readonly router: Pick<WriteRouter, 'awaitFences'>;
  readonly clock: Clock;
}

/**
 * The sets that may still take writes to it.
 * Requires that the copy of the catalog has the drop.
 */
export function confirmDrop(
  {access, router, clock}: DropFenceDeps,
  {database, fence}: Dropped,
  deadlineMs: number,
): Promise<ReplicaSetId[]> {
  const {catalog} = access;
  const sets = catalog.buckets(database).flatMap(({replicaSets}) => replicaSets);
  const tables = catalog.tables(database).map(({id}) => id);
  const untilMs = Math.min(deadlineMs, clock.monotonicMs() + FENCE_MS_MAX);
  return router.awaitFences(sets, {fence: fence ?? {tables}, deadlineMs: untilMs});
}
