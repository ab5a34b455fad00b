// GET and POST /query: what clients of InfluxDB 1 ask before they write. Everything that is understood
// is answered 200, with each statement's result or error inside; what can be asked again is not (503).

import {DbError, ERRORS, type ErrorCode, LIMITS} from '@flotilla/base';
import type {FastifyPluginCallback, FastifyRequest} from 'fastify';
import {z} from 'zod';
import type {AdminRead, EngineGateway} from '../../../engine/gateway.ts';
import {ADMIN_ERRORS, type ApiRoute} from '../../openapi/api-route.ts';
import {DatabaseParam, TenantParam} from '../../params.ts';
import {parseOrThrow} from '../../parse-or-throw.ts';
import {refuseEncoded} from '../../refuse-encoded.ts';
import {CATALOG_HEADER} from '../admin.ts';
import {JSON_TYPE, sendInflux, speakInflux} from './answer.ts';
import {type InfluxStatement, parseInfluxStatements} from './statements.ts';
import {queryWordingV1} from './wording-v1.ts';
import type {InfluxDeps} from './write-routes.ts';

/** Each is a round to the meta group. */
const STATEMENTS_MAX = 100;
const INDENT = 4;
const NOT_INFLUXQL =
  'not a statement that this route knows: it takes SHOW DATABASES, CREATE DATABASE name and ' +
  'DROP DATABASE name (names that are no plain words in double quotes); send everything else as SQL ' +
  'to POST /api/v1/sql';

interface Outcome {
  readonly series?: readonly Series[];
  readonly messages?: readonly {readonly level: 'warning'; readonly text: string}[];
  readonly error?: string;
}

interface Result extends Outcome {
  readonly statement_id: number;
}

interface Series {
  readonly name: string;
  readonly columns: readonly string[];
  readonly values: readonly (readonly unknown[])[];
}

const API: ApiRoute = {
  id: 'influxdb-1-query',
  summary: 'SHOW DATABASES, CREATE DATABASE and DROP DATABASE, for clients of InfluxDB 1.',
  query: z.object({
    q: z.string(),
    tenant: TenantParam,
    pretty: z.enum(['true', 'false']).optional(),
  }),
  body: {
    type: 'application/x-www-form-urlencoded',
    text: 'The parameters, instead of the address.',
  },
  answers: [{status: 200, text: 'A result or an error for each.', types: ['application/json']}],
  errors: [...ADMIN_ERRORS, 'FORBIDDEN', 'UNSUPPORTED_ENCODING'],
  errorsOf: 'influxdb-1',
};

export const influxQueryRoute: FastifyPluginCallback<InfluxDeps> = (app, deps, done) => {
  const {gateway, health, log} = deps;
  speakInflux(app, {version: health.version, log, wording: queryWordingV1});
  app.route({
    method: ['GET', 'POST'],
    url: '/query',
    config: {api: API},
    bodyLimit: LIMITS.sql_bytes_max.value,
    // A HEAD that drops a database would surprise.
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      const params = paramsOf(request);
      const text = params.get('q') ?? '';
      if (text === '') throw new DbError('INVALID_ARGUMENT', 'missing required parameter "q"');
      const tenant = parseOrThrow(TenantParam, params.get('tenant') ?? undefined);
      const runner = {
        gateway,
        tenant,
        isGet: request.method === 'GET',
        onOwnCopy: () => void reply.header(CATALOG_HEADER, 'own-copy'),
      };
      const results = await runAll(parseInfluxStatements(text), runner);
      const isPretty = params.get('pretty') === 'true';
      const body = JSON.stringify({results}, undefined, isPretty ? INDENT : 0);
      return sendInflux(reply, {status: 200, headers: JSON_TYPE, body: `${body}\n`});
    },
  });
  done();
};

/** Of the address and, before them, of a form in the body, whatever its content type is called. */
function paramsOf(request: FastifyRequest): URLSearchParams {
  const {search} = new URL(request.url, 'http://node');
  refuseEncoded(request.headers['content-encoding'], 'a statement');
  const form = ((request.body as Buffer | undefined) ?? Buffer.alloc(0)).toString('utf8');
  const params = new URLSearchParams(form);
  for (const [name, value] of new URLSearchParams(search)) params.append(name, value);
  return params;
}

interface Runner {
  readonly gateway: EngineGateway;
  readonly tenant: string;
  readonly isGet: boolean;
  /** The meta group could not be asked. */
  readonly onOwnCopy: () => void;
}

/** The first that fails is the last that runs, as there. */
async function runAll(
  statements: readonly InfluxStatement[],
  runner: Runner,
): Promise<readonly Result[]> {
  if (statements.length === 0) return [{statement_id: 0, error: NOT_INFLUXQL}];
  if (statements.length > STATEMENTS_MAX) {
    const message = `q has ${statements.length} statements; send at most ${STATEMENTS_MAX} at once`;
    throw new DbError('INVALID_ARGUMENT', message);
  }
  const results: Result[] = [];
  let hasFailed = false;
  for (const [id, statement] of statements.entries()) {
    const outcome: Outcome = hasFailed ? {error: 'not executed'} : await runOne(statement, runner);
    hasFailed ||= outcome.error !== undefined;
    results.push({statement_id: id, ...outcome});
  }
  return results;
}

/** Rejects with what may be asked again. */
async function runOne(statement: InfluxStatement, runner: Runner): Promise<Outcome> {
  try {
    return await perform(statement, runner);
  } catch (error) {
    if (!(error instanceof DbError) || isWorthAnotherTry(error.code)) throw error;
    return {error: error.message};
  }
}

function isWorthAnotherTry(code: ErrorCode): boolean {
  return ERRORS[code].retry !== 'never' || code === 'INTERNAL';
}

const Databases = z.array(z.object({name: z.string()}));

async function perform(
  statement: InfluxStatement,
  {gateway, tenant, isGet, onOwnCopy}: Runner,
): Promise<Outcome> {
  switch (statement.kind) {
    case 'show-databases': {
      const answer = await gateway.admin({action: 'database-list', args: {tenant}});
      const {value, isOwnCopy} = answer as AdminRead;
      if (isOwnCopy) onOwnCopy();
      const databases = Databases.parse(value);
      const values = databases.map(({name}) => [name]).sort();
      return {series: [{name: 'databases', columns: ['name'], values}]};
    }
    case 'create-database': {
      const name = parseOrThrow(DatabaseParam, statement.name);
      await gateway.admin({action: 'database-create', args: {tenant, name, ifNotExists: true}});
      return changed('CREATE DATABASE', isGet);
    }
    case 'drop-database': {
      const name = parseOrThrow(DatabaseParam, statement.name);
      await gateway
        .admin({action: 'database-drop', args: {tenant, name}})
        .catch((error: unknown) => {
          // Dropping what is not there is well, as there.
          if (!(error instanceof DbError && error.code === 'DATABASE_NOT_FOUND')) throw error;
        });
      return changed('DROP DATABASE', isGet);
    }
    case 'unknown':
      return {error: NOT_INFLUXQL};
    default:
      return statement satisfies never;
  }
}

function changed(what: string, isGet: boolean): Outcome {
  if (!isGet) return {};
  return {messages: [{level: 'warning', text: `${what} by GET is deprecated; send it by POST`}]};
}
