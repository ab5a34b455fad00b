// What every statement runs under, and the catalog that it is answered from.

import {type Clock, DbError, META_SET, type WorkSlices} from '@flotilla/base';
import type {MetaClient} from '@flotilla/meta';
import type {QueriesMemory} from '@flotilla/query';
import type {FragmentReader, WriteRouter} from '@flotilla/router';
import type {Audit} from '../doors/audit.ts';
import type {CatalogAccess} from './catalog-access.ts';
import type {ClusterView} from './cluster-view.ts';
import type {SqlCall} from './gateway.ts';
import type {ServiceCounts} from './service-counts.ts';
import {beginDeadline} from './set-readings.ts';

/** What statements are carried out by. */
export interface SqlServiceDeps {
  readonly access: CatalogAccess;
  readonly meta: MetaClient;
  readonly reader: FragmentReader;
  readonly router: WriteRouter;
  readonly view: ClusterView;
  readonly clock: Clock;
  readonly counts?: ServiceCounts | undefined;
  /** Told of statements for administrators. */
  readonly audit?: Audit | undefined;
  /** Of the thread. */
  readonly slices: WorkSlices;
  /** Likewise. */
  readonly memory?: QueriesMemory | undefined;
  /** Instead of `trash_retention_ms`. */
  readonly trashRetentionMs?: number | undefined;
}

/** What a statement runs under. */
export interface StatementContext {
  readonly call: SqlCall;
  readonly deadlineMs: number;
  /** Aborted when the client goes away; here, when the deadline passes. The reason is a DbError. */
  readonly stop: AbortController;
}

/**
 * Brings the catalog up to date for a statement that wants it so; a stale one does without. Where sets
 * may be missing, the meta group may too: then the own copy serves, and the answer is false.
 */
export async function refreshFor(
  {call, deadlineMs}: StatementContext,
  {access, clock}: {readonly access: CatalogAccess; readonly clock: Clock},
): Promise<boolean> {
  if (call.consistency === 'stale') return true;
  const untilMs = call.partial ? beginDeadline(clock, deadlineMs) : deadlineMs;
  try {
    await access.refresh(untilMs);
    return true;
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
    if (!call.partial) throw metaUnread(error);
    return false;
  }
}

function metaUnread(error: DbError): DbError {
  const message = `replica set ${META_SET} (the catalog's) cannot be read: ${error.message}`;
  return new DbError(error.code, message, {...error.details, replicaSet: META_SET}, error);
}
