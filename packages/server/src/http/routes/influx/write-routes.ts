// POST /write and POST /api/v2/write: line protocol from the clients of InfluxDB 1 and 2. Parameters
// that are not Flotilla's (u, p, consistency, ..) and Authorization are ignored, as those servers ignore
// what they do not know.

import {DbError, type Log} from '@flotilla/base';
import type {FastifyPluginCallback, FastifyReply, FastifyRequest} from 'fastify';
import {z} from 'zod';
import type {EngineGateway} from '../../../engine/gateway.ts';
import {type ApiRoute, WRITE_ERRORS} from '../../openapi/api-route.ts';
import {IDEMPOTENCY_KEY, TenantParam, WriteHeaders} from '../../params.ts';
import {parseOrThrow} from '../../parse-or-throw.ts';
import type {WriteAdmission} from '../../write-admission.ts';
import {failureOf, type InfluxWording, sendInflux, speakInflux} from './answer.ts';
import {writeWordingV1} from './wording-v1.ts';
import {wordingV2} from './wording-v2.ts';

export interface InfluxDeps {
  readonly gateway: EngineGateway;
  readonly health: {readonly version: string};
  readonly log: Log;
}

export interface InfluxWriteDeps extends InfluxDeps {
  readonly admission: WriteAdmission;
}

/** The only retention policy there is: a database's ttl is its own. */
const AUTOGEN = 'autogen';

/** Of a parameter given twice the first counts; an empty one is as none. */
const Text = z
  .union([z.string(), z.array(z.string()).transform((all) => all[0]!)])
  .transform((text) => (text === '' ? undefined : text))
  .optional();
const Shared = {
  precision: Text.transform((precision) => precision ?? 'ns'),
  accept_partial: z.stringbool().default(true),
};
const QueryV1 = z.object({...Shared, db: Text, rp: Text, tenant: TenantParam});
const QueryV2 = z.object({...Shared, bucket: Text, org: Text});

const API = {
  headers: WriteHeaders,
  body: {type: '*/*', text: 'Line protocol; its content type does not matter.'},
  answers: [{status: 204, text: 'Durable on a majority of each replica set, and applied.'}],
  errors: WRITE_ERRORS,
};
const API_V1: ApiRoute = {
  ...API,
  id: 'influxdb-1-write',
  summary: 'Writes line protocol as InfluxDB 1 takes it; what may be sent again is 500.',
  query: QueryV1,
  errorsOf: 'influxdb-1',
};
const API_V2: ApiRoute = {
  ...API,
  id: 'influxdb-2-write',
  summary: 'Writes line protocol as InfluxDB 2 takes it.',
  query: QueryV2,
  errorsOf: 'influxdb-2',
};

interface Target {
  readonly tenant: string;
  readonly database: string;
  readonly orDefaultTenant?: boolean;
  readonly precision: string;
  readonly acceptPartial: boolean;
}

function targetV1(request: FastifyRequest): Target {
  const {db, rp, tenant, precision, accept_partial} = parseOrThrow(QueryV1, request.query);
  if (db === undefined) throw new DbError('INVALID_ARGUMENT', 'database is required');
  if (rp !== undefined && rp !== AUTOGEN) {
    const message = `retention policy not found: ${JSON.stringify(rp)}; leave rp out, or say autogen`;
    throw new DbError('INVALID_ARGUMENT', message);
  }
  return {tenant, database: db, precision, acceptPartial: accept_partial};
}

function targetV2(request: FastifyRequest): Target {
  const {bucket, org, precision, accept_partial} = parseOrThrow(QueryV2, request.query);
  if (bucket === undefined)
    throw new DbError('INVALID_ARGUMENT', 'bucket is required: the name of a database');
  const suffix = `/${AUTOGEN}`;
  return {
    tenant: org ?? 'default',
    orDefaultTenant: true,
    database: bucket.endsWith(suffix) ? bucket.slice(0, -suffix.length) : bucket,
    precision,
    acceptPartial: accept_partial,
  };
}

export const influxV1WriteRoute: FastifyPluginCallback<InfluxWriteDeps> = (app, deps, done) => {
  const {health, log} = deps;
  speakInflux(app, {version: health.version, log, wording: writeWordingV1});
  deps.admission.attach(app);
  app.post('/write', {config: {api: API_V1}}, (request, reply) =>
    write(deps, targetV1(request), request, reply, writeWordingV1),
  );
  done();
};

export const influxV2WriteRoute: FastifyPluginCallback<InfluxWriteDeps> = (app, deps, done) => {
  const {health, log} = deps;
  speakInflux(app, {version: health.version, log, wording: wordingV2});
  deps.admission.attach(app);
  app.post('/api/v2/write', {config: {api: API_V2}}, (request, reply) =>
    write(deps, targetV2(request), request, reply, wordingV2),
  );
  done();
};

async function write(
  {gateway, admission}: InfluxWriteDeps,
  target: Target,
  request: FastifyRequest,
  reply: FastifyReply,
  wording: InfluxWording,
): Promise<FastifyReply> {
  const key = request.headers['idempotency-key'];
  const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
  const call = {
    ...target,
    encoding: request.headers['content-encoding'] ?? '',
    idempotencyKey: key === undefined ? undefined : parseOrThrow(IDEMPOTENCY_KEY, key),
    body,
    requestId: request.id,
  };
  const answer = await admission.run(request, body, (waitedMs) =>
    gateway.write({...call, waitedMs}),
  );
  if (answer.code !== undefined) reply.failedWith(answer.code);
  if (answer.status === 204) return reply.code(204).send();
  return sendInflux(reply, wording(failureOf(answer)));
}
