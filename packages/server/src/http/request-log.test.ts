import type {Log} from '@flotilla/base';
import fastify, {type FastifyInstance} from 'fastify';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {logRequests, requestIds} from './request-log.ts';

let lines: {fields: Record<string, unknown>; message: string}[];
let nowMs: number;
let app: FastifyInstance;

beforeEach(() => {
  lines = [];
  nowMs = 0;
  const none = (): void => undefined;
  const warn: Log['warn'] = (fields, message) => lines.push({fields, message});
  app = fastify({genReqId: requestIds('p'), requestIdHeader: false});
  logRequests(app, {info: none, warn, error: none}, () => nowMs);
  app.decorateReply('failureCode', undefined);
  app.get('/good', async () => 'ok');
  app.get('/bad/:name', async (_request, reply) => {
    reply.failureCode = 'NO_LEADER';
    return reply.code(503).send('no');
  });
  app.get('/ready', async (_request, reply) => reply.code(503).send('not now'));
  app.get('/slow', async () => {
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    return 'ok';
  });
});
afterEach(() => app.close());

function idOf(given?: string) {
  const headers = given === undefined ? {} : {'x-request-id': given};
  return app.inject({url: '/good', headers}).then(({headers: {'x-request-id': id}}) => id);
}

describe('the id of a request', () => {
  test.each(['a', 'trace/00-4bf9:2', 'x'.repeat(128)])('%s is taken', async (given) => {
    expect(await idOf(given)).toBe(given);
  });

  test.each([undefined, '', 'x'.repeat(129), 'two words', 'tab\there', 'naïve'])(
    '%s is not, and one is made',
    async (given) => {
      expect(await idOf(given)).toBe('p-0');
      expect(await idOf(given)).toBe('p-1');
    },
  );

  test('it goes with an answer of no route too', async () => {
    const {headers} = await app.inject({url: '/nothing', headers: {'x-request-id': 'mine'}});
    expect(headers['x-request-id']).toBe('mine');
  });
});

describe('the log', () => {
  test('says nothing of what went well, nor of a mistake of the caller, nor of a probe', async () => {
    await app.inject('/good');
    await app.inject('/nothing');
    await app.inject('/ready');
    expect(lines).toEqual([]);
  });

  test('names a request that failed by its route, never by its path', async () => {
    await app.inject({url: '/bad/secret?token=1', headers: {'x-request-id': 'mine'}});
    expect(lines).toEqual([
      {
        fields: {
          requestId: 'mine',
          method: 'GET',
          route: '/bad/:name',
          status: 503,
          code: 'NO_LEADER',
          ms: expect.any(Number),
        },
        message: 'request failed',
      },
    ]);
  });

  test('names a slow one', async () => {
    await app.inject('/slow');
    expect(lines).toMatchObject([{message: 'request was slow', fields: {route: '/slow'}}]);
  });

  test('counts what would be too many lines', async () => {
    for (let i = 0; i < 25; i++) await app.inject('/bad/a');
    expect(lines).toHaveLength(10);
    nowMs = 1_000;
    await app.inject('/bad/a');
    expect(lines.slice(10)).toMatchObject([
      {fields: {count: 15}, message: expect.stringContaining('more requests')},
      {message: 'request failed'},
    ]);
  });
});
