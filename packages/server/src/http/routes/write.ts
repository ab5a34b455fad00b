// POST /api/v1/write: line protocol in; 204 once every replica set it touches has the rows durable
// on a majority and applied.

import type {FastifyPluginCallback} from 'fastify';
import {z} from 'zod';
import type {EngineGateway} from '../../engine/gateway.ts';
import {type ApiRoute, WRITE_ERRORS} from '../openapi/api-route.ts';
import {DatabaseParam, IDEMPOTENCY_KEY, TenantParam, WriteHeaders} from '../params.ts';
import {parseOrThrow} from '../parse-or-throw.ts';

const WriteQuery = z.strictObject({
  tenant: TenantParam,
  db: DatabaseParam,
  precision: z.string().default('ns'),
  accept_partial: z.stringbool().default(true),
});

const API: ApiRoute = {
  id: 'write',
  summary: 'Writes line protocol.',
  query: WriteQuery,
  headers: WriteHeaders,
  body: {type: '*/*', text: 'Line protocol; its content type does not matter.'},
  answers: [{status: 204, text: 'Durable on a majority of each replica set, and applied.'}],
  errors: WRITE_ERRORS,
};

export const writeRoute: FastifyPluginCallback<{gateway: EngineGateway}> = (
  app,
  {gateway},
  done,
) => {
  app.post('/api/v1/write', {config: {api: API}}, async (request, reply) => {
    const query = parseOrThrow(WriteQuery, request.query);
    const key = request.headers['idempotency-key'];
    const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
    const answer = await gateway.write({
      tenant: query.tenant,
      database: query.db,
      precision: query.precision,
      encoding: request.headers['content-encoding'] ?? '',
      acceptPartial: query.accept_partial,
      idempotencyKey: key === undefined ? undefined : parseOrThrow(IDEMPOTENCY_KEY, key),
      body,
      requestId: request.id,
    });
    return reply.code(answer.status).headers(answer.headers).send(answer.body);
  });
  done();
};
