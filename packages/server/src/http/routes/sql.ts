// POST /api/v1/sql: the statement is the body, the answer's form is chosen by Accept. Rows stream as
// they are ready; a failure after the first byte breaks the connection (NDJSON ends with an error line).

import {Readable} from 'node:stream';
import {DbError, LIMITS, toWireError} from '@flotilla/base';
import type {FastifyPluginCallback, FastifyReply} from 'fastify';
import {z} from 'zod';
import type {Doors} from '../../doors/audit.ts';
import {parseDuration} from '../../engine/durations.ts';
import type {EngineGateway, SqlCall} from '../../engine/gateway.ts';
import {codeOf} from '../error-answer.ts';
import {type ApiRoute, SQL_ERRORS} from '../openapi/api-route.ts';
import {DatabaseParam, TenantParam} from '../params.ts';
import {parseOrThrow} from '../parse-or-throw.ts';
import {refuseEncoded} from '../refuse-encoded.ts';

const TIMEOUT_MS_MAX = LIMITS.query_timeout_ms_max.value;

const SqlQuery = z.strictObject({
  tenant: TenantParam,
  db: DatabaseParam,
  consistency: z.enum(['linearizable', 'stale']).default('linearizable'),
  max_staleness: z.string().optional(),
  partial: z.enum(['allow']).optional(),
  timeout_ms: z.coerce.number().int().positive().max(TIMEOUT_MS_MAX).optional(),
  chunked: z.string().optional(),
});

const FORMATS: Readonly<Record<string, SqlCall['format']>> = {
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
  'application/nd-json': 'ndjson',
  'text/csv': 'csv',
  'application/csv': 'csv',
  'text/plain': 'table',
  'text/table': 'table',
};

const API: ApiRoute = {
  id: 'sql',
  summary: 'Answers one SQL statement; Accept chooses the form of the answer.',
  query: SqlQuery,
  body: {type: '*/*', text: 'One statement; its content type does not matter.'},
  answers: [{status: 200, text: 'The rows, as they are ready.', types: Object.keys(FORMATS)}],
  errors: SQL_ERRORS,
};

/** The first known type of the Accept header, by its order; JSON where it names none or anything. */
export function formatOf(accept: string | undefined): SqlCall['format'] {
  for (const part of (accept ?? '').split(',')) {
    const type = part.split(';')[0]!.trim().toLowerCase();
    const format = FORMATS[type];
    if (format !== undefined) return format;
    if (type === '*/*' || type === 'application/*' || type === '') return 'json';
  }
  throw new DbError(
    'INVALID_ARGUMENT',
    `Accept: ${accept}: want one of ${Object.keys(FORMATS).join(', ')}`,
  );
}

interface SqlRouteDeps {
  readonly gateway: EngineGateway;
  readonly doors: Doors;
}

export const sqlRoute: FastifyPluginCallback<SqlRouteDeps> = (app, {gateway, doors}, done) => {
  const options = {bodyLimit: LIMITS.sql_bytes_max.value, config: {api: API}};
  app.post('/api/v1/sql', options, async (request, reply) => {
    const query = parseOrThrow(SqlQuery, request.query);
    const maxStaleness = maxStalenessMs(query);
    const format = formatOf(request.headers.accept);
    refuseEncoded(request.headers['content-encoding'], 'a statement');
    const text = textOf((request.body as Buffer | undefined) ?? Buffer.alloc(0));
    const abort = new AbortController();
    // The answer's end, not the socket's, which carries many requests. It may have closed already.
    reply.raw.once('close', () => abort.abort());
    if (request.raw.socket.destroyed) abort.abort();
    const answer = await gateway.sql(
      {
        tenant: query.tenant,
        database: query.db,
        text,
        format,
        consistency: query.consistency,
        partial: query.partial === 'allow',
        maxStalenessMs: maxStaleness,
        deadlineMs: query.timeout_ms,
        requestId: request.id,
        caller: doors.callerOf(request.headers.authorization),
        from: request.ip,
      },
      abort.signal,
    );
    const noted = noteError(answer.chunks, reply);
    const chunks = format === 'ndjson' ? endWithErrorLine(noted) : noted;
    return reply
      .code(answer.status)
      .headers(answer.headers)
      .send(Readable.from(chunks, {objectMode: false}));
  });
  done();
};

/** A byte that is replaced unasked would make another statement. */
function textOf(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', {fatal: true}).decode(body);
  } catch {
    throw new DbError('INVALID_ARGUMENT', 'the statement is not valid UTF-8');
  }
}

/** A duration (500ms, 10s), or a number of seconds. */
function maxStalenessMs({
  consistency,
  max_staleness: text,
}: z.infer<typeof SqlQuery>): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : parseDuration(text, 'max_staleness');
  if (consistency === 'stale') return ms;
  throw new DbError('INVALID_ARGUMENT', 'max_staleness: it needs consistency=stale');
}

/** One after the first byte, which no status tells any more. */
async function* noteError(
  chunks: AsyncIterable<Uint8Array>,
  reply: FastifyReply,
): AsyncIterable<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    reply.failedWith(codeOf(error));
    throw error;
  }
}

/** NDJSON has room for an error after its rows: one more line. */
async function* endWithErrorLine(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    yield Buffer.from(`${JSON.stringify({error: toWireError(error)})}\n`);
  }
}
