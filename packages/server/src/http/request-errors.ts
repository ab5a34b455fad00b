// What a request fails with before or in its route, in the catalogue's terms: fastify's own refusals
// become DbErrors, and what is a mistake of ours is told to the log with the request's id and route. Not
// with its address: clients of InfluxDB put a user's name and password there.

import {DbError, type Log} from '@flotilla/base';
import type {FastifyError, FastifyRequest} from 'fastify';
import {type ErrorAnswer, errorAnswer} from './error-answer.ts';

export function requestErrorAnswer(
  error: FastifyError,
  request: FastifyRequest,
  log: Log,
): ErrorAnswer {
  const known = toDbError(error, request.routeOptions.bodyLimit);
  const route = request.routeOptions.url ?? 'none';
  if (known === undefined) log.error({requestId: request.id, route, err: error}, 'request failed');
  return errorAnswer(known ?? error);
}

/** Undefined for what is a mistake of ours. */
function toDbError(error: FastifyError, bytesMax = Number.NaN): DbError | undefined {
  if (error instanceof DbError) return error;
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const message = `the body is over ${bytesMax} bytes; send it in pieces`;
    return new DbError('BODY_TOO_LARGE', message, {bytesMax});
  }
  const {statusCode} = error;
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new DbError('INVALID_ARGUMENT', error.message);
  }
  return undefined;
}
