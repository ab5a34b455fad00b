import {DbError, ERRORS, type ErrorCode, type Log} from '@flotilla/base';
import {expect, test} from 'vitest';
import {NodeClock} from '../adapters/index.ts';
import type {EngineGateway} from '../engine/gateway.ts';
import {failedAnswer} from '../engine/write-answer.ts';
import {createApp} from '../http/app.ts';
import {HttpCounts} from './http-counts.ts';

const log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
} as unknown as Log;

/** Fails at everything: at writes in its answer, at statements after their first rows. */
const FAILING: EngineGateway = {
  write: async ({database}) =>
    database === 'good'
      ? {status: 204, headers: {}, body: undefined}
      : failedAnswer(new DbError('NO_LEADER', 'none')),
  sql: async ({text}) => {
    if (text === 'at once') throw new DbError('QUERY_ERROR', 'no such column');
    const chunks = (async function* () {
      if (text !== 'at first') yield Buffer.from('row\n');
      throw new DbError('UNAVAILABLE', 'gone');
    })();
    return {status: 200, headers: {}, chunks};
  },
  admin: async () => {
    throw new TypeError('a mistake');
  },
};

async function countsAfter(
  ...requests: readonly {url: string; method?: 'GET' | 'POST'; body?: string; accept?: string}[]
): Promise<Partial<Record<ErrorCode, number>>> {
  const counts = new HttpCounts();
  const metrics = {
    contentType: 'text/plain',
    render: async () => '',
    attach: (to: ReturnType<typeof createApp>) => counts.attach(to),
    failed: (...failure: Parameters<HttpCounts['failed']>) => counts.failed(...failure),
  };
  const health = {
    version: '1',
    health: () => ({status: 'pass', message: 'ok', subsystems: {}}) as const,
    notReady: () => 'the log is being replayed',
  };
  const app = createApp({gateway: FAILING, health, metrics, log, clock: new NodeClock()});
  const address = await app.listen({host: '127.0.0.1', port: 0});
  for (const {url, method = 'POST', body = 'm v=1', accept = '*/*'} of requests) {
    const sent = method === 'GET' ? {method} : {method, body};
    const answer = await fetch(`${address}${url}`, {...sent, headers: {accept}});
    // One breaks off.
    await Promise.allSettled([answer.arrayBuffer()]);
  }
  await app.close();
  const samples = (await counts.samples()).filter(({metric}) => metric === 'flotilla_errors_total');
  expect(samples.map(({labels}) => labels!['code'])).toEqual(Object.keys(ERRORS));
  const counted = samples.filter(({value}) => value !== 0);
  return Object.fromEntries(counted.map(({labels, value}) => [labels!['code'], value]));
}

test('no code is counted where nothing fails, and a probe does not fail', async () => {
  const good = {url: '/api/v1/write?db=good'};
  expect(await countsAfter(good, {url: '/ready', method: 'GET'})).toEqual({});
});

test('a write that the engine refuses counts by its code, in whatever words', async () => {
  const urls = ['/api/v1/write?db=d', '/write?db=d', '/api/v2/write?bucket=d'];
  expect(await countsAfter(...urls.map((url) => ({url})))).toEqual({NO_LEADER: 3});
});

test('a request that fails before it is carried out counts, and a mistake of ours', async () => {
  const requests = [
    {url: '/api/v1/write?db=d&nothing=1'},
    {url: '/write'},
    {url: '/nowhere'},
    {url: '/api/v1/write', method: 'GET'} as const,
    {url: '/admin/v1/status', method: 'GET'} as const,
  ];
  expect(await countsAfter(...requests)).toEqual({
    INVALID_ARGUMENT: 2,
    ROUTE_NOT_FOUND: 1,
    METHOD_NOT_ALLOWED: 1,
    INTERNAL: 1,
  });
});

test('a statement counts that fails at once, or after its first rows', async () => {
  const url = '/api/v1/sql?db=d';
  expect(
    await countsAfter(
      {url, body: 'at once'},
      {url, body: 'later', accept: 'application/x-ndjson'},
      {url, body: 'later', accept: 'text/csv'},
      {url, body: 'at first', accept: 'text/csv'},
    ),
  ).toEqual({QUERY_ERROR: 1, UNAVAILABLE: 3});
});
