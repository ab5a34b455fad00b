// POST /api/v1/write and /api/v1/write/columns: line protocol in, or columns; 204 once every replica set it touches has the rows durable
// on a majority and applied.

import type {FastifyPluginCallback, FastifyReply, FastifyRequest} from 'fastify';
import {z} from 'zod';
import type {EngineGateway, WriteCall} from '../../engine/gateway.ts';
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

const ColumnsQuery = WriteQuery.omit({precision: true});

const COLUMNS_API: ApiRoute = {
  id: 'write-columns',
  summary: "Writes rows as columns, as `flotilla restore` does: a form of Flotilla's own.",
  query: ColumnsQuery,
  headers: WriteHeaders,
  body: {
    type: 'application/octet-stream',
    text: 'Columns of one table; which versions are read goes with the build.',
  },
  answers: API.answers,
  errors: WRITE_ERRORS,
};

export const writeRoute: FastifyPluginCallback<WriteDeps> = (app, deps, done) => {
  const {admission} = deps;
  const queries = new QueryMemo(WriteQuery);
  const ofColumns = new QueryMemo(ColumnsQuery);
  admission.attach(app);
  app.post('/api/v1/write', {config: {api: API}}, (request, reply) =>
    write(deps, request, reply, queries.parse(request)),
  );
  app.post('/api/v1/write/columns', {config: {api: COLUMNS_API}}, (request, reply) =>
    write(deps, request, reply, {...ofColumns.parse(request), precision: 'ns', form: 'columns'}),
  );
  done();
};

type Asked = z.output<typeof WriteQuery> & Pick<WriteCall, 'form'>;

async function write(
  {gateway, admission}: WriteDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  {tenant, db: database, precision, accept_partial: acceptPartial, form}: Asked,
): Promise<FastifyReply> {
  const key = request.headers['idempotency-key'];
  const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
  const call = {
    tenant,
    database,
    precision,
    form,
    encoding: request.headers['content-encoding'] ?? '',
    acceptPartial,
    idempotencyKey: key === undefined ? undefined : parseOrThrow(IDEMPOTENCY_KEY, key),
    body,
    requestId: request.id,
  };
  const answer = await admission.run(request, body, (waitedMs) =>
    gateway.write({...call, waitedMs}),
  );
  if (answer.code !== undefined) reply.failedWith(answer.code);
  return reply.code(answer.status).headers(answer.headers).send(answer.body);
}
