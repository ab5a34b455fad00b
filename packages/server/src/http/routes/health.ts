// GET /api/v1/ping, /health, /ready: is the process there, is each part of it well, may it get traffic.

import type {FastifyPluginCallback} from 'fastify';

export interface Health {
  readonly status: 'pass' | 'fail';
  readonly message: string;
  /** Part of the node -> what is wrong with it, or 'ok'. */
  readonly subsystems: Readonly<Record<string, string>>;
}

export interface HealthSource {
  readonly version: string;
  health(): Health;
  /** Why the node takes no traffic now; undefined when it does. */
  notReady(): string | undefined;
}

export const healthRoutes: FastifyPluginCallback<{health: HealthSource}> = (
  app,
  {health},
  done,
) => {
  app.get('/api/v1/ping', async () => ({version: health.version, status: 'healthy'}));
  app.get('/health', async (_request, reply) => {
    const now = health.health();
    const body = {name: 'flotilla', version: health.version, ...now};
    return reply.code(now.status === 'pass' ? 200 : 503).send(body);
  });
  app.get('/ready', async (_request, reply) => {
    const reason = health.notReady();
    if (reason === undefined) return reply.send({status: 'ready'});
    return reply.code(503).header('retry-after', '1').send({status: 'not ready', message: reason});
  });
  done();
};
