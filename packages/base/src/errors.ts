// The catalogue of every error that a client or another node can see. A code is stable: it is part
// of the API. Messages say what to do. One test holds the docs and this table together.

/**
 * What a caller may do with a failed request:
 * - never: it will fail again;
 * - other-replica: at once, at the replica named in `details.leader` or any other;
 * - backoff: later, the request had no effect;
 * - unknown: it may have had its effect; sent again it may be applied twice unless it is idempotent.
 */
export type RetryClass = 'never' | 'other-replica' | 'backoff' | 'unknown';

export interface ErrorTraits {
  /** Status of an HTTP answer. */
  readonly http: number;
  readonly retry: RetryClass;
  /** One sentence for the docs. */
  readonly doc: string;
}

export const ERRORS = {
  // The caller's mistake.
  INVALID_ARGUMENT: {
    http: 400,
    retry: 'never',
    doc: 'A parameter, header or option is wrong; the message names it.',
  },
  SYNTAX_ERROR: {
    http: 400,
    retry: 'never',
    doc: 'The SQL text does not parse; `details.position` counts characters from 0.',
  },
  UNSUPPORTED: {
    http: 400,
    retry: 'never',
    doc: 'Understood, but not supported by this version; the message names it.',
  },
  QUERY_ERROR: {
    http: 400,
    retry: 'never',
    doc: 'The query parses but cannot be answered: unknown column, wrong type, overflow.',
  },
  LINES_REJECTED: {
    http: 400,
    retry: 'never',
    doc: 'Some lines were bad; the good ones are written. `details.lines` names 100 of them.',
  },
  UNAUTHENTICATED: {http: 401, retry: 'never', doc: 'Credentials are missing or wrong.'},
  FORBIDDEN: {http: 403, retry: 'never', doc: 'The credentials do not allow this.'},
  ROUTE_NOT_FOUND: {http: 404, retry: 'never', doc: 'No such route.'},
  TENANT_NOT_FOUND: {http: 404, retry: 'never', doc: 'No such tenant.'},
  DATABASE_NOT_FOUND: {http: 404, retry: 'never', doc: 'No such database; create it first.'},
  TABLE_NOT_FOUND: {http: 404, retry: 'never', doc: 'No such table; the first write creates it.'},
  NOT_FOUND: {http: 404, retry: 'never', doc: 'No such node, replica set, replica or operation.'},
  METHOD_NOT_ALLOWED: {http: 405, retry: 'never', doc: 'The route exists, with another method.'},
  ALREADY_EXISTS: {http: 409, retry: 'never', doc: 'A thing of that name exists.'},
  CONFLICT: {
    http: 409,
    retry: 'never',
    doc: 'The state of the thing forbids it now; the message says which state.',
  },
  NO_PLACE: {
    http: 409,
    retry: 'never',
    doc: 'No node can take the replicas: the message says which has no room, or how many nodes are missing.',
  },
  LAST_COPY: {
    http: 409,
    retry: 'never',
    doc: 'The replica is the last that holds all that is committed; add one first.',
  },
  MAJORITY_AT_RISK: {
    http: 409,
    retry: 'never',
    doc: 'The replica set would be left without a majority of its voters that answers.',
  },
  BODY_TOO_LARGE: {
    http: 413,
    retry: 'never',
    doc: 'The body is over `write_body_bytes_max` when inflated; split it.',
  },
  UNSUPPORTED_ENCODING: {
    http: 415,
    retry: 'never',
    doc: 'Content-Encoding is not identity, gzip, deflate or zstd.',
  },
  BUCKET_LIMIT: {
    http: 400,
    retry: 'never',
    doc: 'The rows ask for more new buckets than a request may, or a database may hold.',
  },
  TABLE_LIMIT: {http: 400, retry: 'never', doc: 'The database holds as many tables as it may.'},
  COLUMN_LIMIT: {http: 400, retry: 'never', doc: 'The table holds as many columns as it may.'},
  SERIES_LIMIT: {
    http: 400,
    retry: 'never',
    doc: 'The replica set holds as many series as it, or its database, may, or its node has no memory for more; known ones go on.',
  },
  // Reasons for one line; they stand in `details.lines` and have no status of their own.
  LINE_SYNTAX: {http: 400, retry: 'never', doc: 'The line does not follow line protocol.'},
  LINE_TOO_LONG: {
    http: 400,
    retry: 'never',
    doc: 'The line or row, its key or one of its strings is over its limit.',
  },
  TIME_OUT_OF_RANGE: {http: 400, retry: 'never', doc: 'The time is outside what can be stored.'},
  TIME_IN_FUTURE: {http: 400, retry: 'never', doc: 'The time is further ahead than `max_future`.'},
  TIME_EXPIRED: {http: 400, retry: 'never', doc: "The time is older than the database's ttl."},
  TYPE_CONFLICT: {
    http: 400,
    retry: 'never',
    doc: 'The column has another type, or the name is both a tag and a field.',
  },
  // Retryable: it had no effect.
  NOT_LEADER: {
    http: 503,
    retry: 'other-replica',
    doc: 'The request went to a follower; `details.leader` names the leader if it is known.',
  },
  NO_LEADER: {
    http: 503,
    retry: 'backoff',
    doc: 'The replica set has no leader: an election is on, or its majority is lost.',
  },
  STALE_EPOCH: {
    http: 503,
    retry: 'other-replica',
    doc: "The sender's copy of the catalog is behind; it refreshes and tries again.",
  },
  REPLICA_GONE: {http: 503, retry: 'other-replica', doc: 'No such replica on that node any more.'},
  UNAVAILABLE: {
    http: 503,
    retry: 'backoff',
    doc: 'A replica set or node that is needed cannot be reached; the message names it.',
  },
  STALE_TOO_OLD: {
    http: 503,
    retry: 'backoff',
    doc: 'No replica of a set is known to be as fresh as `max_staleness` asks; `details.replicaSet` names the set.',
  },
  META_UNAVAILABLE: {
    http: 503,
    retry: 'backoff',
    doc: 'The meta group has no majority: no DDL, new buckets or linearizable reads until it returns.',
  },
  DRAINING: {http: 503, retry: 'other-replica', doc: 'The node is stopping; ask another.'},
  OVERLOADED: {
    http: 429,
    retry: 'backoff',
    doc: 'A byte budget of the node is used up; wait as Retry-After says.',
  },
  DISK_FULL: {
    http: 507,
    retry: 'backoff',
    doc: 'Less than the reserve is free on a disk that the write needs.',
  },
  // The outcome is not known.
  OUTCOME_UNKNOWN: {
    http: 504,
    retry: 'unknown',
    doc: 'The deadline passed after the write was proposed: it may be, or become, written.',
  },
  DEADLINE_EXCEEDED: {
    http: 504,
    retry: 'backoff',
    doc: 'The deadline passed; nothing was changed.',
  },
  CANCELLED: {http: 499, retry: 'never', doc: 'The client went away or the query was killed.'},
  // Ours.
  REPLICA_STOPPED: {
    http: 503,
    retry: 'other-replica',
    doc: 'The replica stopped itself after a fault; `status` says which.',
  },
  INTERNAL: {
    http: 500,
    retry: 'never',
    doc: "A mistake of the server; its log has the cause under the answer's request id.",
  },
} as const satisfies Record<string, ErrorTraits>;

export type ErrorCode = keyof typeof ERRORS;

/** Plain JSON beside a message: what a program needs to react. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** An expected failure that crosses components. The caller decides by `code`, never by the text. */
export class DbError extends Error {
  override readonly name = 'DbError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : {cause});
    this.code = code;
    this.details = details;
  }
}

/** A broken environment: checksum, EIO, ENOSPC. The replica or store is stopped; the operator is told. */
export class FatalError extends Error {
  override readonly name = 'FatalError';
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : {cause});
  }
}

/** An error as it crosses threads and nodes. Causes stay in the log of where it happened. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly details: ErrorDetails;
}

/** Total: any thrown value gets a code. What is not a DbError loses its text: it belongs to the log. */
export function toWireError(thrown: unknown): WireError {
  if (!(thrown instanceof DbError))
    return {code: 'INTERNAL', message: 'internal error', details: {}};
  return {code: thrown.code, message: thrown.message, details: thrown.details};
}

/** A code that this build does not know (a newer node) becomes INTERNAL: no crash, no blind retry. */
export function fromWireError(wire: WireError): DbError {
  if (!Object.hasOwn(ERRORS, wire.code)) {
    return new DbError('INTERNAL', `unknown error ${wire.code}: ${wire.message}`);
  }
  return new DbError(wire.code as ErrorCode, wire.message, wire.details);
}
