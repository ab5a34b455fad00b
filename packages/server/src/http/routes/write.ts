// POST /api/v1/write: line protocol in; 204 once every replica set it touches has the rows durable
// on a majority and applied.

import type {FastifyPluginCallback} from 'fastify';
import {z} from 'zod';
import type {EngineGateway} from '../../engine/gateway.ts';
import {type ApiRoute, WRITE_ERRORS} from '../openapi/api-route.ts';
import {DatabaseParam, IDEMPOTENCY_KEY, TenantParam, WriteHeaders} from '../params.ts';
import {parseOrThrow} from '../parse-or-throw.ts';
import {QueryMemo} from '../query-memo.ts';
import type {WriteAdmission} from '../write-admission.ts';

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

export interface WriteDeps {
  readonly gateway: EngineGateway;
  readonly admission: WriteAdmission;
}

export const writeRoute: FastifyPluginCallback<WriteDeps> = (app, deps, done) => {
  const {gateway, admission} = deps;
  const queries = new QueryMemo(WriteQuery);
  admission.attach(app);
  app.post('/api/v1/write', {config: {api: API}}, async (request, reply) => {
    const query = queries.parse(request);
    const key = request.headers['idempotency-key'];
    const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
    const call = {
      tenant: query.tenant,
      database: query.db,
      precision: query.precision,
      encoding: request.headers['content-encoding'] ?? '',
      acceptPartial: query.accept_partial,
      idempotencyKey: key === undefined ? undefined : parseOrThrow(IDEMPOTENCY_KEY, key),
      body,
      requestId: request.id,
    };
    const answer = await admission.run(request, body, (waitedMs) =>
      gateway.write({...call, waitedMs}),
    );
    if (answer.code !== undefined) reply.failedWith(answer.code);
    return reply.code(answer.status).headers(answer.headers).send(answer.body);
  });
  done();
};
