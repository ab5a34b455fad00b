// What the HTTP routes ask of the engine threads. Requests and answers are plain data (they cross
// threads); bodies are transferred, never copied. The routes know nothing of groups or catalogs, the
// engine nothing of sockets.

import type {ErrorCode} from '@flotilla/base';
import type {Caller} from '../doors/admin-door.ts';

/** An answer that is known whole. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
  /** Of a failure. */
  readonly code?: ErrorCode | undefined;
}

/** An answer whose rows follow as they come. */
export interface StreamAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface WriteCall {
  readonly tenant: string;
  /** A name that is no tenant's stands for `default`. */
  readonly orDefaultTenant?: boolean | undefined;
  readonly database: string;
  /** Of lines; columns say theirs. */
  readonly precision: string;
  /** Absent: line protocol. */
  readonly form?: 'columns' | undefined;
  /** Content-Encoding; '' for identity. */
  readonly encoding: string;
  readonly acceptPartial: boolean;
  readonly idempotencyKey?: string | undefined;
  /** Of its deadline, before it was given to the engine. */
  readonly waitedMs: number;
  /** As received: still compressed. The caller gives it away. */
  readonly body: Uint8Array;
  /** Of the HTTP request, for the log. */
  readonly requestId?: string | undefined;
}

export interface SqlCall {
  readonly tenant: string;
  readonly database: string;
  readonly text: string;
  readonly format: 'json' | 'ndjson' | 'csv' | 'table';
  readonly consistency: 'linearizable' | 'stale';
  readonly partial: boolean;
  readonly maxStalenessMs?: number | undefined;
  readonly deadlineMs?: number | undefined;
  readonly requestId?: string | undefined;
  /** Who asks, and from where: for what only administrators may. Anyone, where it is absent. */
  readonly caller?: Caller | undefined;
  readonly from?: string | undefined;
}

/** One admin request: the route's name and its checked arguments. */
export interface AdminCall {
  readonly action: string;
  /** Only said whether it would be carried out, and what it would answer. */
  readonly dryRun?: boolean | undefined;
  readonly args: Readonly<Record<string, unknown>>;
  /** Name of the caller's token; absent where none is asked for. */
  readonly by?: string | undefined;
  readonly requestId?: string | undefined;
}

/** Orders that each engine thread of the asked node carries out for its own replicas. */
const STORAGE_ORDERS: ReadonlySet<string> = new Set(['storage-flush', 'storage-compact']);

export function isStorageOrder(action: string): boolean {
  return STORAGE_ORDERS.has(action);
}

/** What a GET of /admin/v1 gives. */
export interface AdminRead {
  readonly value: unknown;
  /** The meta group could not be asked: the node's own copy of the catalog answered, however old. */
  readonly isOwnCopy: boolean;
}

export interface EngineGateway {
  write(call: WriteCall): Promise<HttpAnswer>;
  sql(call: SqlCall, signal: AbortSignal): Promise<StreamAnswer>;
  /** Plain JSON; of what only reads, an AdminRead. Rejects with DbError. */
  admin(call: AdminCall): Promise<unknown>;
}
