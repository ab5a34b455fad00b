// The one place where an error becomes an HTTP answer.

import {DbError, ERRORS, type ErrorCode, type ErrorDetails, toWireError} from '@flotilla/base';

/** Seconds a client should wait before it sends a refused request again. */
const RETRY_AFTER_S = 1;

export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
  /** CnosDB's own client reads these two. */
  readonly error_code: string;
  readonly error_message: string;
}

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ErrorBody;
}

declare module 'fastify' {
  interface FastifyReply {
    /** To be told of every failure, in whatever words the client hears of it. The first counts. */
    failedWith(code: ErrorCode): void;
    /** What it was told, for the log. */
    failureCode?: ErrorCode | undefined;
  }
}

export function codeOf(thrown: unknown): ErrorCode {
  return thrown instanceof DbError ? thrown.code : 'INTERNAL';
}

/** Total: what is not a DbError answers 500 without its text; log it where it was caught. */
export function errorAnswer(thrown: unknown): ErrorAnswer {
  const {message, details} = toWireError(thrown);
  const code = codeOf(thrown);
  const status = ERRORS[code].http;
  const headers: Record<string, string> = {'content-type': 'application/json'};
  if (status === 429 || status === 503) headers['retry-after'] = String(RETRY_AFTER_S);
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  if (status === 405 && Array.isArray(details['allow']))
    headers['allow'] = details['allow'].join(', ');
  return {
    status,
    headers,
    body: {code, message, details, error_code: code, error_message: message},
  };
}
