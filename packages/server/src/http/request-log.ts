// Each request has an id: the client's own where it sent a fit one, else made here. It stands in the
// answer, in the log line of a request that failed or was slow, and in what engine threads log of it.
// A cluster that refuses everything must not drown its log: lines over a few a second are counted.

import type {IncomingMessage} from 'node:http';
import type {Log} from '@flotilla/base';
import type {FastifyInstance, FastifyReply, FastifyRequest} from 'fastify';

export const REQUEST_ID_HEADER = 'x-request-id';

/** Printable, so that it can go back as a header and stand in a log as it is. */
const FIT = /^[\x21-\x7e]{1,128}$/;
const SLOW_MS = 1_000;
const LINES_A_SECOND = 10;
/** Their 503 is an answer. */
const PROBES: ReadonlySet<string | undefined> = new Set(['/health', '/ready']);

export function requestIds(prefix: string): (request: Pick<IncomingMessage, 'headers'>) => string {
  let next = 0;
  return ({headers}) => {
    const given = headers[REQUEST_ID_HEADER];
    return typeof given === 'string' && FIT.test(given)
      ? given
      : `${prefix}-${(next++).toString(36)}`;
  };
}

export function logRequests(app: FastifyInstance, log: Log, nowMs: () => number): void {
  const lines = new LineBudget(log, nowMs);
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header(REQUEST_ID_HEADER, request.id);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const what = PROBES.has(request.routeOptions.url) ? undefined : judgementOf(reply);
    if (what !== undefined && lines.take()) log.warn(fieldsOf(request, reply), what);
    done();
  });
}

/** Undefined for a request that went as it should. */
function judgementOf({statusCode, elapsedTime, raw}: FastifyReply): string | undefined {
  if (statusCode >= 500) return 'request failed';
  // Rows had left already, or the client did.
  if (!raw.writableEnded) return 'answer broken off';
  return elapsedTime >= SLOW_MS ? 'request was slow' : undefined;
}

function fieldsOf(request: FastifyRequest, reply: FastifyReply) {
  const {id: requestId, method, routeOptions} = request;
  const {statusCode: status, elapsedTime, failureCode: code} = reply;
  const route = routeOptions.url ?? 'none';
  return {requestId, method, route, status, code, ms: Math.round(elapsedTime)};
}

class LineBudget {
  readonly #log: Log;
  readonly #nowMs: () => number;
  #second = 0;
  #lines = 0;

  constructor(log: Log, nowMs: () => number) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  take(): boolean {
    const second = Math.floor(this.#nowMs() / 1000);
    if (second !== this.#second) {
      const count = this.#lines - LINES_A_SECOND;
      if (count > 0) this.#log.warn({count}, 'more requests failed or were slow, without a line');
      this.#second = second;
      this.#lines = 0;
    }
    this.#lines += 1;
    return this.#lines <= LINES_A_SECOND;
  }
}
