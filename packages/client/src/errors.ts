// What a caller of this client catches. One class: programs decide by `code` and `status`, people
// read `message`. The codes of an answer are the server's own; four more stand for no answer at all.

import {z} from 'zod';

/** No answer came: the node could not be reached, the connection broke, time ran out, or it was no HTTP. */
export type NoAnswerCode = 'CONNECTION_FAILED' | 'CONNECTION_LOST' | 'TIMEOUT' | 'NOT_HTTP';

export interface FlotillaErrorFields {
  readonly code: string;
  readonly status?: number | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly url?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly attempts?: number | undefined;
  readonly cause?: unknown;
}

export class FlotillaError extends Error {
  override readonly name = 'FlotillaError';
  /** The server's code, or a NoAnswerCode. */
  readonly code: string;
  /** HTTP status; absent where no answer came. */
  readonly status: number | undefined;
  readonly details: Readonly<Record<string, unknown>>;
  /** The node that answered, or failed to, last. */
  readonly url: string | undefined;
  readonly retryAfterMs: number | undefined;
  /** How many times the request was sent, the last time included. */
  readonly attempts: number;

  constructor(message: string, fields: FlotillaErrorFields) {
    super(message, fields.cause === undefined ? undefined : {cause: fields.cause});
    this.code = fields.code;
    this.status = fields.status;
    this.details = fields.details ?? {};
    this.url = fields.url;
    this.retryAfterMs = fields.retryAfterMs;
    this.attempts = fields.attempts ?? 1;
  }
}

const RejectedLine = z.object({
  line: z.number(),
  code: z.string().default('LINE_SYNTAX'),
  reason: z.string().default(''),
  text: z.string().default(''),
});

const WriteDetails = z.object({
  written: z.number().default(0),
  rejected: z.number().default(0),
  lines: z.array(RejectedLine).default([]),
  replicaSets: z.array(z.looseObject({})).default([]),
});

/** What became of a body that was not written as a whole. `lines` holds 100 bad ones: the first of each code, and otherwise the first. */
export type WriteDetails = z.infer<typeof WriteDetails>;

/** The counts and bad lines of a failed write, or undefined where the error is about something else. */
export function writeDetailsOf(error: FlotillaError): WriteDetails | undefined {
  if (!('rejected' in error.details) && !('lines' in error.details)) return undefined;
  const parsed = WriteDetails.safeParse(error.details);
  return parsed.success ? parsed.data : undefined;
}

const ErrorBody = z.looseObject({
  code: z.string(),
  message: z.string().default(''),
  details: z.record(z.string(), z.unknown()).optional(),
});

/** Total: an answer that is not the server's JSON (a proxy's page) becomes `HTTP_<status>`. */
export function errorOfAnswer(
  status: number,
  body: string,
  fields: {url: string; retryAfter?: string | undefined},
): FlotillaError {
  const retryAfterMs = parseRetryAfterMs(fields.retryAfter);
  const parsed = ErrorBody.safeParse(parseJsonOrUndefined(body));
  if (parsed.success) {
    const {code, message, details} = parsed.data;
    return new FlotillaError(message || code, {
      code,
      status,
      details,
      url: fields.url,
      retryAfterMs,
    });
  }
  const text = body.trim().slice(0, 500);
  const message = text === '' ? `HTTP status ${status}` : `HTTP status ${status}: ${text}`;
  return new FlotillaError(message, {
    code: `HTTP_${status}`,
    status,
    url: fields.url,
    retryAfterMs,
  });
}

/**
 * The error that ends an NDJSON stream after rows were sent, or undefined for a row.
 * Both `{"error": {code, message}}` and the plain error shape are known by the twin fields that no
 * row of a query would carry by chance.
 */
export function errorOfLastLine(value: unknown, url: string): FlotillaError | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Record<string, unknown>;
  const isPlain = typeof fields['code'] === 'string' && fields['error_code'] === fields['code'];
  // Each row of a stream comes by here: no cell of one is an object.
  if (!isPlain && typeof fields['error'] !== 'object') return undefined;
  const wrapped = Object.keys(fields).length === 1 ? fields['error'] : undefined;
  const parsed = ErrorBody.safeParse(isPlain ? fields : wrapped);
  if (!parsed.success) return undefined;
  const {code, message, details} = parsed.data;
  return new FlotillaError(message || code, {code, details, url});
}

/** Whole seconds are all that the server sends; a date (a proxy's) is ignored. */
function parseRetryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined || !/^\d{1,6}$/.test(header)) return undefined;
  return Number(header) * 1000;
}

function parseJsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Not JSON is an ordinary case here: the caller falls back to the text.
  }
}
