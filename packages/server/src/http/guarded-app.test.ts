// The doors to administration, as a request meets them: who is let in, and what is told of whom.

import {DbError} from '@flotilla/base';
import type {FastifyInstance} from 'fastify';
import {afterEach, beforeEach, expect, test} from 'vitest';
import type {Caller} from '../doors/admin-door.ts';
import type {AuditEntry, AuditIntent} from '../doors/audit.ts';
import {type FakeGateway, openApp} from './app.fixture.ts';

const audited: AuditEntry[] = [];
const doors = {
  callerOf: (header: string | undefined): Caller =>
    header === 'Bearer ann'
      ? {type: 'administrator', name: 'ann'}
      : {type: 'stranger', code: 'UNAUTHENTICATED', message: 'who are you?'},
  audit: {
    begin: async (intent: AuditIntent) => {
      audited.push({...intent, result: 'begun'});
      return 'act';
    },
    add: (entry: AuditEntry) => void audited.push(entry),
  },
};
const ann = {authorization: 'Bearer ann'};
let gateway: FakeGateway;
let guarded: FastifyInstance;

beforeEach(() => {
  audited.length = 0;
  ({app: guarded, gateway} = openApp({doors}));
});
afterEach(() => guarded.close());

test('a stranger learns nothing and changes nothing there, and is told what is wanted', async () => {
  for (const [method, url] of [
    ['GET', '/admin/v1/status'],
    ['POST', '/admin/v1/nodes/3/drain'],
  ] as const) {
    const answer = await guarded.inject({method, url});
    expect([answer.statusCode, answer.json().code, answer.json().message]).toEqual([
      ...[401, 'UNAUTHENTICATED', 'who are you?'],
    ]);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  }
  expect(gateway.orders).toEqual([]);
  expect(audited).toMatchObject([
    {who: 'stranger', what: 'status', result: 'UNAUTHENTICATED'},
    {who: 'stranger', what: 'node-drain', result: 'UNAUTHENTICATED'},
  ]);
});

test('a token that ends while the body comes is worth nothing', async () => {
  let isRevoked = false;
  const revoking = {
    ...doors,
    callerOf: (header?: string) => {
      if (isRevoked) return doors.callerOf(undefined);
      isRevoked = true;
      return doors.callerOf(header);
    },
  };
  const {app} = openApp({gateway, doors: revoking});
  const answer = await app.inject({method: 'POST', url: '/admin/v1/nodes/3/drain', headers: ann});
  await app.close();
  expect([answer.statusCode, gateway.orders]).toEqual([401, []]);
  expect(audited).toMatchObject([{who: 'stranger', what: 'node-drain'}]);
});

test('what an administrator changes is told with its end; what is only read is not', async () => {
  await guarded.inject({method: 'GET', url: '/admin/v1/nodes', headers: ann});
  await guarded.inject({method: 'POST', url: '/admin/v1/nodes/3/drain', headers: ann});
  gateway.onAdmin = () => Promise.reject(new DbError('CONFLICT', 'not now'));
  await guarded.inject({method: 'POST', url: '/admin/v1/nodes/4/drain', headers: ann});
  expect(gateway.orders.map(({action, by}) => [action, by])).toEqual([
    ...[
      ['node-list', 'ann'],
      ['node-drain', 'ann'],
      ['node-drain', 'ann'],
    ],
  ]);
  expect(audited).toMatchObject([
    {who: 'ann', from: '127.0.0.1', what: 'node-drain', how: {id: 3}, result: 'begun'},
    {who: 'ann', what: 'node-drain', how: {id: 3}, act: 'act', result: 'ok'},
    {who: 'ann', what: 'node-drain', how: {id: 4}, result: 'begun'},
    {who: 'ann', what: 'node-drain', how: {id: 4}, act: 'act', result: 'CONFLICT'},
  ]);
});

test('statements go on with their caller, writes and probes with none', async () => {
  const sql = {method: 'POST', url: '/api/v1/sql', payload: 'SELECT 1'} as const;
  await guarded.inject(sql);
  await guarded.inject({...sql, headers: ann});
  expect(gateway.statements.map(({caller}) => caller?.type)).toEqual(['stranger', 'administrator']);
  const written = await guarded.inject({method: 'POST', url: '/api/v1/write', payload: 'a v=1'});
  expect(written.statusCode).toBe(204);
  expect((await guarded.inject('/ready')).statusCode).toBe(200);
});
