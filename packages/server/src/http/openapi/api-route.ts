// What a route says of itself beside its pattern, put into its fastify config where it is registered:
// the schemas are those that it parses with, so that a description cannot fall behind.

import type {ErrorCode} from '@flotilla/base';
import type {z} from 'zod';

export interface ApiBody {
  /** Content types; any is taken where it says so. */
  readonly type: string;
  readonly text: string;
  readonly schema?: z.ZodType<object> | undefined;
}

export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
  /** None where there is no body. */
  readonly types?: readonly string[] | undefined;
}

export interface ApiRoute {
  /** Unique in the document; several methods of one route share it, told apart by the method. */
  readonly id: string;
  readonly summary: string;
  readonly params?: z.ZodType<object> | undefined;
  readonly query?: z.ZodType<object> | undefined;
  readonly headers?: z.ZodType<object> | undefined;
  readonly body?: ApiBody | undefined;
  readonly answers: readonly ApiAnswer[];
  readonly errors: readonly ErrorCode[];
  /** In whose words errors are told; Flotilla's own by default. */
  readonly errorsOf?: 'influxdb-1' | 'influxdb-2' | undefined;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly api?: ApiRoute | undefined;
  }
}

const ANYWHERE: readonly ErrorCode[] = ['INVALID_ARGUMENT', 'INTERNAL'];
const FROM_ENGINE: readonly ErrorCode[] = [
  ...ANYWHERE,
  'TENANT_NOT_FOUND',
  'DATABASE_NOT_FOUND',
  'BODY_TOO_LARGE',
  'OVERLOADED',
  'UNAVAILABLE',
  'META_UNAVAILABLE',
  'DRAINING',
  'OUTCOME_UNKNOWN',
];

export const WRITE_ERRORS: readonly ErrorCode[] = [
  ...FROM_ENGINE,
  'LINES_REJECTED',
  'SERIES_LIMIT',
  // A page of another site asks.
  'FORBIDDEN',
  'UNSUPPORTED_ENCODING',
  'NOT_LEADER',
  'NO_LEADER',
  'STALE_EPOCH',
  'REPLICA_GONE',
  'REPLICA_STOPPED',
  'DISK_FULL',
];
/** Where a token may be asked for. */
export const DOOR_ERRORS: readonly ErrorCode[] = ['UNAUTHENTICATED', 'FORBIDDEN'];
export const SQL_ERRORS: readonly ErrorCode[] = [
  ...WRITE_ERRORS.filter((code) => code !== 'LINES_REJECTED'),
  'SYNTAX_ERROR',
  'UNSUPPORTED',
  'QUERY_ERROR',
  'TABLE_NOT_FOUND',
  'TABLE_LIMIT',
  'COLUMN_LIMIT',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'CONFLICT',
  'NO_PLACE',
  'LAST_COPY',
  'MAJORITY_AT_RISK',
  'STALE_TOO_OLD',
  'DEADLINE_EXCEEDED',
  'CANCELLED',
  'UNAUTHENTICATED',
];
export const ADMIN_ERRORS: readonly ErrorCode[] = [
  ...FROM_ENGINE,
  'UNSUPPORTED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'CONFLICT',
  'NO_PLACE',
  'LAST_COPY',
  'MAJORITY_AT_RISK',
  'NO_LEADER',
  'DEADLINE_EXCEEDED',
];
export const PLAIN_ERRORS: readonly ErrorCode[] = ['INTERNAL'];
