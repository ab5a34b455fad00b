import {createRequire} from 'node:module';
import {DbError, ERRORS, LIMITS} from '@flotilla/base';
import type {FastifyInstance} from 'fastify';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {ENGINE, type FakeGateway, openApp, write} from './app.fixture.ts';

let app: FastifyInstance;
let gateway: FakeGateway;
let health: ReturnType<typeof openApp>['health'];
let logged: unknown[];

beforeEach(() => {
  ({app, gateway, health, logged} = openApp());
});
afterEach(() => app.close());

describe('errors', () => {
  test.each(Object.entries(ERRORS))('%s has the status of the catalogue', async (code, traits) => {
    gateway.onWrite = async () => {
      throw new DbError(code as keyof typeof ERRORS, 'what to do', {set: '7'}, new Error('secret'));
    };
    const answer = await write(app, '');
    expect(answer.statusCode).toBe(traits.http);
    expect(answer.json()).toEqual({
      code,
      message: 'what to do',
      details: {set: '7'},
      error_code: code,
      error_message: 'what to do',
    });
    const isToWait = traits.http === 429 || traits.http === 503;
    expect(answer.headers['retry-after']).toBe(isToWait ? '1' : undefined);
    expect(answer.headers['content-type']).toContain('application/json');
    expect(answer.payload).not.toContain('secret');
  });

  test('a mistake of ours keeps its text in the log, under the id of the answer', async () => {
    gateway.onWrite = async () => {
      throw new TypeError('secret: x is undefined');
    };
    const answer = await write(app, '', {'x-request-id': 'asked-7'});
    expect(answer.statusCode).toBe(500);
    expect(answer.json()).toMatchObject({code: 'INTERNAL', message: 'internal error', details: {}});
    expect(answer.payload).not.toContain('secret');
    expect(answer.headers['x-request-id']).toBe('asked-7');
    expect(logged).toMatchObject([
      {requestId: 'asked-7', err: new TypeError('secret: x is undefined')},
    ]);
  });

  test('what is expected is not logged', async () => {
    gateway.onWrite = async () => {
      throw new DbError('NO_LEADER', 'an election is on');
    };
    await write(app, '');
    expect(logged).toEqual([]);
  });

  test('a body over the limit is 413, of a route with a smaller one too', async () => {
    const answer = await app.inject({
      method: 'POST',
      url: '/api/v1/sql',
      payload: Buffer.alloc(LIMITS.sql_bytes_max.value + 1),
    });
    expect(answer.statusCode).toBe(413);
    expect(answer.json()).toMatchObject({code: 'BODY_TOO_LARGE'});
    expect(answer.json().message).toContain(String(1024 * 1024));
    expect(gateway.statements).toEqual([]);
  });

  test.each([
    ['GET', '/api/v1/write', 'POST'],
    ['PUT', '/api/v1/sql?db=x', 'POST'],
    ['POST', '/health', 'GET'],
    ['PUT', '/admin/v1/databases', 'GET, POST'],
    ['POST', '/admin/v1/databases/name', 'GET, PATCH, DELETE'],
  ] as const)('%s %s is 405 with Allow: %s', async (method, url, allow) => {
    const answer = await app.inject({method, url});
    expect(answer.statusCode).toBe(405);
    expect(answer.json()).toMatchObject({code: 'METHOD_NOT_ALLOWED'});
    expect(answer.headers['allow']).toBe(allow);
  });

  test('an unknown path is 404 and named without its query', async () => {
    const answer = await app.inject({method: 'GET', url: '/nowhere?token=secret'});
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject({
      code: 'ROUTE_NOT_FOUND',
      message: 'no route GET /nowhere',
    });
  });
});

describe('health', () => {
  test.each(['/api/v1/ping', '/health', '/ready', '/nowhere', '/openapi.json'])(
    'the answer of %s ends its line',
    async (url) => {
      expect((await app.inject(url)).body).toMatch(/}\n$/);
    },
  );

  test('ping, health and ready', async () => {
    expect((await app.inject('/api/v1/ping')).json()).toEqual({
      version: '1.2.3',
      status: 'healthy',
    });
    const health = await app.inject('/health');
    expect(health.statusCode).toBe(200);
    expect(health.json()).toEqual({
      name: 'flotilla',
      version: '1.2.3',
      status: 'pass',
      message: 'a message',
      subsystems: {engine: ENGINE},
    });
    expect(await app.inject('/ready')).toMatchObject({statusCode: 200});
  });

  test('what is not well is 503', async () => {
    health.status = 'fail';
    health.reason = 'the log is being replayed';
    expect(await app.inject('/health')).toMatchObject({statusCode: 503});
    const ready = await app.inject('/ready');
    expect(ready.statusCode).toBe(503);
    expect(ready.headers['retry-after']).toBe('1');
    expect(ready.json()).toEqual({status: 'not ready', message: 'the log is being replayed'});
  });
});

test('http_connections_max, header_bytes_max and request_ms_max hold for the server', () => {
  const {server} = app;
  expect(server.maxConnections).toBe(LIMITS.http_connections_max.value);
  expect(server.requestTimeout).toBe(LIMITS.request_ms_max.value);
  expect(Reflect.get(server, 'maxHeaderSize')).toBe(LIMITS.header_bytes_max.value);
});

test('the validator of Fastify is not loaded: no route has a schema of its kind', () => {
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  expect(loaded.filter((file) => file.includes('/node_modules/fastify/'))).not.toEqual([]);
  expect(loaded.filter((file) => file.includes('/node_modules/ajv/'))).toEqual([]);
});
