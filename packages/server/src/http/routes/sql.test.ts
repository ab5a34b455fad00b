import type {Socket} from 'node:net';
import {DbError, LIMITS, type Log} from '@flotilla/base';
import type {FastifyInstance} from 'fastify';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {NodeClock} from '../../adapters/index.ts';
import type {EngineGateway, StreamAnswer} from '../../engine/gateway.ts';
import {type FakeGateway, openApp} from '../app.fixture.ts';
import {createApp} from '../app.ts';

const LOG: Log = {info: () => undefined, warn: () => undefined, error: () => undefined};

async function listening(sql: (signal: AbortSignal) => AsyncIterable<Uint8Array>) {
  const gateway = {
    sql: async (_call: unknown, signal: AbortSignal): Promise<StreamAnswer> => ({
      status: 200,
      headers: {'content-type': 'application/json'},
      chunks: sql(signal),
    }),
  } as unknown as EngineGateway;
  const health = {version: '1', health: () => ({}) as never, notReady: () => undefined};
  const app = createApp({gateway, health, log: LOG, clock: new NodeClock()});
  const sockets: Socket[] = [];
  app.server.on('connection', (socket: Socket) => void sockets.push(socket));
  const url = await app.listen({host: '127.0.0.1', port: 0});
  return {app, sockets, url: `${url}/api/v1/sql`};
}

test('a connection that carries many queries gathers no listeners', async () => {
  const {app, sockets, url} = await listening(async function* () {
    yield Buffer.from('[]\n');
  });
  for (let i = 0; i < 20; i++) await (await fetch(url, {method: 'POST', body: 'SELECT 1'})).text();
  expect(sockets.length).toBeLessThan(20);
  for (const socket of sockets) expect(socket.listenerCount('close')).toBeLessThan(10);
  await app.close();
});

test('a client that goes away in the middle of an answer cancels its query', async () => {
  let query: AbortSignal | undefined;
  const {app, url} = await listening(async function* (signal) {
    query = signal;
    yield Buffer.from('[');
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  });
  const client = new AbortController();
  const answer = await fetch(url, {method: 'POST', body: 'SELECT 1', signal: client.signal});
  const reading = answer.text().catch(() => 'broken off');
  client.abort();
  expect(await reading).toBe('broken off');
  await expect.poll(() => query?.aborted).toBe(true);
  await app.close();
});

describe('POST /api/v1/sql', () => {
  let app: FastifyInstance;
  let gateway: FakeGateway;

  beforeEach(() => {
    ({app, gateway} = openApp());
  });
  afterEach(() => app.close());

  function sql(query: string, accept?: string) {
    const headers = accept === undefined ? {} : {accept};
    return app.inject({method: 'POST', url: `/api/v1/sql${query}`, headers, payload: 'SELECT 1'});
  }

  test.each([
    [undefined, 'json'],
    ['*/*', 'json'],
    ['application/*', 'json'],
    ['text/html, application/x-ndjson', 'ndjson'],
    ['text/csv;q=0.5, application/json', 'csv'],
    ['APPLICATION/CSV', 'csv'],
    ['text/plain', 'table'],
  ])('Accept %s gives %s', async (accept, format) => {
    expect(await sql('', accept)).toMatchObject({statusCode: 200});
    expect(gateway.statements).toMatchObject([{format, text: 'SELECT 1'}]);
  });

  test('a compressed statement is refused by name', async () => {
    const answer = await app.inject({
      method: 'POST',
      url: '/api/v1/sql',
      headers: {'content-encoding': 'gzip'},
      payload: 'SELECT 1',
    });
    expect(answer.statusCode).toBe(415);
    expect(answer.json()).toMatchObject({code: 'UNSUPPORTED_ENCODING'});
    expect(gateway.statements).toEqual([]);
  });

  test('another Accept is refused before the statement runs', async () => {
    expect(await sql('', 'image/png')).toMatchObject({statusCode: 400});
    expect(gateway.statements).toEqual([]);
  });

  test.each([
    ['', undefined],
    ['?consistency=stale', undefined],
    ['?consistency=stale&max_staleness=0', 0],
    ['?consistency=stale&max_staleness=10', 10_000],
    ['?consistency=stale&max_staleness=10s', 10_000],
    ['?max_staleness=1m500ms&consistency=stale', 60_500],
  ])('max_staleness of "%s" is %s ms', async (query, maxStalenessMs) => {
    await sql(query);
    expect(gateway.statements).toMatchObject([{maxStalenessMs}]);
  });

  test.each([
    '?max_staleness=soon&consistency=stale',
    '?max_staleness=-1&consistency=stale',
    '?max_staleness=&consistency=stale',
    '?max_staleness=10s',
    '?max_staleness=10s&consistency=linearizable',
    '?consistency=eventual',
    '?partial=some',
    '?partial=refuse',
    '?partial=',
    '?timeout_ms=0',
    '?timeout_ms=1.5',
    '?format=json',
  ])('%s is 400', async (query) => {
    const answer = await sql(query);
    expect(answer.statusCode).toBe(400);
    expect(answer.json().message).toContain(query.slice(1).split('=')[0]);
  });

  test('query_timeout_ms_max: a query is given so long and no longer', async () => {
    const max = LIMITS.query_timeout_ms_max.value;
    const answer = await sql(`?timeout_ms=${max + 1}`);
    expect(answer.statusCode).toBe(400);
    const message = 'timeout_ms: 600001 is over 600000';
    expect(answer.json()).toMatchObject({code: 'INVALID_ARGUMENT', message});
    await sql(`?timeout_ms=${max}`);
    expect(gateway.statements).toMatchObject([{deadlineMs: max}]);
  });

  test('hands over consistency, partial and deadline', async () => {
    await sql('?db=d&consistency=stale&partial=allow&timeout_ms=500');
    expect(gateway.statements).toMatchObject([
      {database: 'd', consistency: 'stale', partial: true, deadlineMs: 500},
    ]);
  });

  test('NDJSON that fails midway ends with an error line', async () => {
    gateway.chunks = async function* () {
      yield Buffer.from('{"v":1}\n');
      throw new DbError('UNAVAILABLE', 'replica set 7 cannot be read', {replicaSet: 7});
    };
    const {payload} = await sql('', 'application/x-ndjson');
    const lines = payload.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {v: 1},
      {
        error: {
          code: 'UNAVAILABLE',
          message: 'replica set 7 cannot be read',
          details: {replicaSet: 7},
        },
      },
    ]);
  });

  test('JSON that fails midway breaks the connection', async () => {
    await app.listen({host: '127.0.0.1', port: 0});
    gateway.chunks = async function* () {
      yield Buffer.from('[{"v":1}');
      await new Promise((resolve) => setTimeout(resolve, 20)); // So that the head leaves first.
      throw new Error('secret');
    };
    const {port} = app.server.address() as {port: number};
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/sql`, {method: 'POST', body: 'x'});
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow();
  });
});
