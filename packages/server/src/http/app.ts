// The HTTP server of a node: body limits, one error mapper, the routes. Bodies are collected as they
// come (compressed) from the node's byte budget; engine threads inflate and parse them.

import type {Server, ServerOptions} from 'node:http';
import type {Server as HttpsServer} from 'node:https';
import {type Clock, DbError, type ErrorCode, LIMITS, type Log} from '@flotilla/base';
import fastify, {type FastifyError, type FastifyInstance, type FastifyReply} from 'fastify';
import type {TlsSource} from '../adapters/index.ts';
import {type Doors, OPEN_DOORS} from '../doors/audit.ts';
import type {EngineGateway} from '../engine/gateway.ts';
import {BodyBudget, type BodyBudgetOptions} from './body-budget.ts';
import {guardAgainstPages} from './browser-guard.ts';
import {type ErrorAnswer, errorAnswer} from './error-answer.ts';
import {KnownRoutes} from './known-routes.ts';
import {answerNoRequest, type TextAnswer} from './no-request.ts';
import {requestErrorAnswer} from './request-errors.ts';
import {logRequests, REQUEST_ID_HEADER, requestIds} from './request-log.ts';
import {adminRoutes} from './routes/admin.ts';
import {type HealthSource, healthRoutes} from './routes/health.ts';
import {influxRoutes, influxWordingOf} from './routes/influx/index.ts';
import {type MetricsSource, metricsRoute} from './routes/metrics.ts';
import {openApiRoute} from './routes/openapi.ts';
import {sqlRoute} from './routes/sql.ts';
import {writeRoute} from './routes/write.ts';
import {attachUnreadBodies} from './unread-bodies.ts';
import {WriteAdmission} from './write-admission.ts';

/** Between looks for requests that take too long to come: so much later may it be. */
const REQUEST_TIMEOUT_LOOK_MS = 5_000;

/**
 * Routes say in zod's words what they take. Fastify's own validator and compiler of serializers, a hundred and
 * more modules, are loaded at the start unless there are others in their place, which no route asks for.
 */
const WITHOUT_SCHEMAS = {
  compilersFactory: {buildValidator: refuseSchema, buildSerializer: refuseSchema},
};

export interface AppDeps {
  readonly gateway: EngineGateway;
  readonly health: HealthSource;
  readonly metrics?: MetricsSource | undefined;
  readonly log: Log;
  readonly clock: Clock;
  /** Instead of `bodies_in_flight_bytes_max`. */
  readonly bodiesBytesMax?: number | undefined;
  readonly garbage?: BodyBudgetOptions['garbage'];
  /** Nobody is asked for a token by default. */
  readonly doors?: Doors | undefined;
  /** Where the node listens and how it is called, to tell pages of others from its own. */
  readonly place?: {readonly hosts: readonly string[]; readonly isOnLoopback: boolean} | undefined;
  /** Undefined: plain HTTP. */
  readonly tls?: HttpTls | undefined;
}

export interface HttpTls {
  readonly source: TlsSource;
  /** Clients without a certificate of the authority are served too. */
  readonly isAnyClient: boolean;
}

export function createApp(deps: AppDeps): FastifyInstance {
  const app = fastify({
    bodyLimit: LIMITS.write_body_bytes_max.value,
    requestTimeout: LIMITS.request_ms_max.value,
    schemaController: WITHOUT_SCHEMAS,
    ...socketOptions(deps.tls),
    forceCloseConnections: 'idle',
    genReqId: requestIds(randomPrefix()),
    requestIdHeader: false,
    clientErrorHandler: answerNoRequest,
    frameworkErrors: (error, {id}, reply: FastifyReply) => {
      const {status, headers, body} = errorAnswer(new DbError('INVALID_ARGUMENT', error.message));
      reply
        .code(status)
        .headers({...headers, [REQUEST_ID_HEADER]: id})
        .send(body);
    },
  });
  app.server.maxConnections = LIMITS.http_connections_max.value;
  deps.tls?.source.onRenewed(({ca, cert, key}) =>
    (app.server as Server as unknown as HttpsServer).setSecureContext({ca, cert, key}),
  );
  app.decorateReply('failureCode', undefined);
  app.decorateReply('failedWith', function (this: FastifyReply, code: ErrorCode) {
    this.failureCode ??= code;
    deps.metrics?.failed(this, code);
  });
  logRequests(app, deps.log, () => performance.now());
  attachUnreadBodies(app);
  const {bodiesBytesMax = LIMITS.bodies_in_flight_bytes_max.value, garbage} = deps;
  const budget = new BodyBudget(bodiesBytesMax, {garbage});
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', {parseAs: 'buffer'}, (_request, body, done) => done(null, body));
  budget.attach(app);
  deps.metrics?.attach(app, budget);
  const {doors = OPEN_DOORS, place = {hosts: [], isOnLoopback: true}} = deps;
  const {hosts: ownHosts, isOnLoopback} = place;
  const callerOf = (header: string | undefined) => doors.callerOf(header);
  guardAgainstPages(app, {callerOf, ownHosts, isOnLoopback});
  // A person's prompt does not stick to the answer.
  app.setReplySerializer((body) => `${JSON.stringify(body)}\n`);
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const {status, headers, body} = requestErrorAnswer(error, request, deps.log);
    reply.failedWith(body.code);
    return reply.code(status).headers(headers).send(body);
  });
  const routes = new KnownRoutes(app);
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0]!;
    const answer = errorAnswer(notFound(routes, request.method, path));
    reply.failedWith(answer.body.code);
    const {status, headers, body} = wordingOf(path)(answer);
    return reply.code(status).headers(headers).send(body);
  });
  const admission = new WriteAdmission(deps.clock);
  app.register(writeRoute, {...deps, admission});
  app.register(sqlRoute, {...deps, doors});
  app.register(healthRoutes, deps);
  const {metrics} = deps;
  if (metrics !== undefined) app.register(metricsRoute, {metrics});
  app.register(openApiRoute, {routes, version: deps.health.version});
  app.register(adminRoutes, {...deps, doors});
  app.register(influxRoutes, {...deps, admission});
  return app;
}

function refuseSchema(): never {
  throw new Error("BUG: a route names a schema of Fastify's; parse with zod instead");
}

function socketOptions(tls: HttpTls | undefined): {readonly http: ServerOptions} {
  const limits = {
    headersTimeout: LIMITS.head_ms_max.value,
    connectionsCheckingInterval: REQUEST_TIMEOUT_LOOK_MS,
    maxHeaderSize: LIMITS.header_bytes_max.value,
  };
  if (tls === undefined) return {http: limits};
  const {ca, cert, key} = tls.source.current;
  const greeting = {handshakeTimeout: LIMITS.head_ms_max.value, requestCert: !tls.isAnyClient};
  // Fastify has another type of app for it; all that is used of the two is the same.
  return {https: {...limits, ...greeting, ca, cert, key}} as never;
}

function wordingOf(path: string): (answer: ErrorAnswer) => TextAnswer {
  const plain = (answer: ErrorAnswer) => ({...answer, body: `${JSON.stringify(answer.body)}\n`});
  return influxWordingOf(path) ?? plain;
}

/** Ids of several nodes, and of several lives of one, differ by it. */
function randomPrefix(): string {
  return Math.floor(Math.random() * 0x1_0000_0000)
    .toString(16)
    .padStart(8, '0');
}

function notFound(routes: KnownRoutes, method: string, path: string): DbError {
  const allow = routes.methodsOf(path);
  if (allow.length > 0) {
    return new DbError('METHOD_NOT_ALLOWED', `${path} takes ${allow.join(', ')}, not ${method}`, {
      allow,
    });
  }
  // What a browser asks for when a person pastes the address of a node.
  const hint = path === '/' ? ': there is no page here; /openapi.json lists the routes' : '';
  return new DbError('ROUTE_NOT_FOUND', `no route ${method} ${path}${hint}`);
}
