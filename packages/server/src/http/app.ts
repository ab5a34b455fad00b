// The HTTP server of a node: body limits, one error mapper, the routes. Bodies are collected as they
// come (compressed) from the node's byte budget; engine threads inflate and parse them.

import {DbError, LIMITS, type Log} from '@flotilla/base';
import fastify, {type FastifyError, type FastifyInstance, type FastifyReply} from 'fastify';
import type {EngineGateway} from '../engine/gateway.ts';
import {BodyBudget} from './body-budget.ts';
import {errorAnswer} from './error-answer.ts';
import {KnownRoutes} from './known-routes.ts';
import {answerNoRequest} from './no-request.ts';
import {adminRoutes} from './routes/admin.ts';
import {type HealthSource, healthRoutes} from './routes/health.ts';
import {sqlRoute} from './routes/sql.ts';
import {writeRoute} from './routes/write.ts';

/** A client that sends nothing for this long loses its connection. */
const REQUEST_TIMEOUT_MS = 60_000;

export interface AppDeps {
  readonly gateway: EngineGateway;
  readonly health: HealthSource;
  readonly log: Log;
}

export function createApp(deps: AppDeps): FastifyInstance {
  const app = fastify({
    bodyLimit: LIMITS.write_body_bytes_max.value,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    genReqId: requestIds(),
    requestIdHeader: 'x-request-id',
    clientErrorHandler: answerNoRequest,
    frameworkErrors: (error, _request, reply: FastifyReply) => {
      const {status, headers, body} = errorAnswer(new DbError('INVALID_ARGUMENT', error.message));
      reply.code(status).headers(headers).send(body);
    },
  });
  const budget = new BodyBudget(LIMITS.bodies_in_flight_bytes_max.value);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', {parseAs: 'buffer'}, (_request, body, done) => done(null, body));
  budget.attach(app);
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const known = toDbError(error, request.routeOptions.bodyLimit);
    if (known === undefined)
      deps.log.error({requestId: request.id, url: request.url, err: error}, 'request failed');
    const {status, headers, body} = errorAnswer(known ?? error);
    return reply
      .code(status)
      .headers({...headers, 'x-request-id': request.id})
      .send(body);
  });
  const routes = new KnownRoutes(app);
  app.setNotFoundHandler((request, reply) => {
    const {status, headers, body} = errorAnswer(notFound(routes, request.method, request.url));
    return reply.code(status).headers(headers).send(body);
  });
  app.register(writeRoute, deps);
  app.register(sqlRoute, deps);
  app.register(healthRoutes, deps);
  app.register(adminRoutes, deps);
  return app;
}

function requestIds(): () => string {
  const prefix = Math.floor(Math.random() * 0x1_0000_0000)
    .toString(16)
    .padStart(8, '0');
  let next = 0;
  return () => `${prefix}-${(next++).toString(36)}`;
}

/** Fastify's own refusals in the catalogue's terms; undefined for what is a mistake of ours. */
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

function notFound(routes: KnownRoutes, method: string, url: string): DbError {
  const path = url.split('?')[0]!;
  const allow = routes.methodsOf(path);
  if (allow.length > 0) {
    return new DbError('METHOD_NOT_ALLOWED', `${path} takes ${allow.join(', ')}, not ${method}`, {
      allow,
    });
  }
  return new DbError('ROUTE_NOT_FOUND', `no route ${method} ${path}`);
}
