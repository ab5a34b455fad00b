// GET /api/v1/ping, /health, /ready: is the process there, is each part of it well, may it get traffic.

import type {FastifyPluginCallback} from 'fastify';
import {type ApiRoute, PLAIN_ERRORS} from '../openapi/api-route.ts';

export interface Subsystem {
  readonly status: 'pass' | 'fail';
  /** What is wrong with it; `ok` where nothing is. */
  readonly message: string;
}

export interface Health {
  readonly status: 'pass' | 'fail';
  readonly message: string;
  /** The node fails where one of them does. */
  readonly subsystems: Readonly<Record<string, Subsystem>>;
}

export interface HealthSource {
  readonly version: string;
  health(): Health;
  /** Why the node takes no traffic now; undefined when it does. */
  notReady(): string | undefined;
}

const JSON_ONLY = ['application/json'];
const PING: ApiRoute = {
  id: 'ping',
  summary: 'Is the process there?',
  answers: [{status: 200, text: 'The version.', types: JSON_ONLY}],
  errors: PLAIN_ERRORS,
};
const HEALTH: ApiRoute = {
  id: 'health',
  summary: 'Is each part of the node well?',
  answers: [
    {status: 200, text: 'All parts pass.', types: JSON_ONLY},
    {status: 503, text: 'A part fails; `subsystems` says which and why.', types: JSON_ONLY},
  ],
  errors: PLAIN_ERRORS,
};
const READY: ApiRoute = {
  id: 'ready',
  summary: 'May the node get traffic?',
  answers: [
    {status: 200, text: 'Yes.', types: JSON_ONLY},
    {status: 503, text: 'Not now; `message` says what it waits for.', types: JSON_ONLY},
  ],
  errors: PLAIN_ERRORS,
};

export const healthRoutes: FastifyPluginCallback<{health: HealthSource}> = (
  app,
  {health},
  done,
) => {
  app.get('/api/v1/ping', {config: {api: PING}}, async () => ({
    version: health.version,
    status: 'healthy',
  }));
  app.get('/health', {config: {api: HEALTH}}, async (_request, reply) => {
    const now = health.health();
    const body = {name: 'flotilla', version: health.version, ...now};
    return reply.code(now.status === 'pass' ? 200 : 503).send(body);
  });
  app.get('/ready', {config: {api: READY}}, async (_request, reply) => {
    const reason = health.notReady();
    if (reason === undefined) return reply.send({status: 'ready'});
    return reply.code(503).header('retry-after', '1').send({status: 'not ready', message: reason});
  });
  done();
};
