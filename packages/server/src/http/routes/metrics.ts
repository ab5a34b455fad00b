// GET /metrics: Prometheus's text format.

import type {FastifyInstance, FastifyPluginCallback} from 'fastify';

export interface MetricsSource {
  readonly contentType: string;
  render(): Promise<string>;
  /** Before the routes are registered. */
  attach(
    app: FastifyInstance,
    bodies: {readonly usedBytes: number; readonly maxBytes: number},
  ): void;
}

export const metricsRoute: FastifyPluginCallback<{metrics: MetricsSource}> = (
  app,
  {metrics},
  done,
) => {
  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.render()),
  );
  done();
};
