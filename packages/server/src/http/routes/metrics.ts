// GET /metrics: Prometheus's text format.

import type {ErrorCode} from '@flotilla/base';
import type {FastifyInstance, FastifyPluginCallback, FastifyReply} from 'fastify';
import {type ApiRoute, PLAIN_ERRORS} from '../openapi/api-route.ts';

const API: ApiRoute = {
  id: 'metrics',
  summary: 'What the node counts, for Prometheus.',
  answers: [{status: 200, text: 'Text format 0.0.4.', types: ['text/plain']}],
  errors: PLAIN_ERRORS,
};

export interface MetricsSource {
  readonly contentType: string;
  render(): Promise<string>;
  /** Before the routes are registered. */
  attach(
    app: FastifyInstance,
    bodies: {readonly usedBytes: number; readonly maxBytes: number},
  ): void;
  /** A request failed; told of one twice, it counts once. */
  failed(reply: FastifyReply, code: ErrorCode): void;
}

export const metricsRoute: FastifyPluginCallback<{metrics: MetricsSource}> = (
  app,
  {metrics},
  done,
) => {
  app.get('/metrics', {config: {api: API}}, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.render()),
  );
  done();
};
