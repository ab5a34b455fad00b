// What those who mean it ill send.

import {gzipSync} from 'node:zlib';
import {LIMITS} from '@flotilla/base';
import type {FastifyInstance} from 'fastify';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {type FakeGateway, openApp} from './app.fixture.ts';

let app: FastifyInstance;
let gateway: FakeGateway;
let logged: unknown[];

beforeEach(() => {
  ({app, gateway, logged} = openApp());
});
afterEach(() => app.close());

const drain = {method: 'POST', url: '/admin/v1/nodes/3/drain'} as const;

test('an order is short and not compressed; the plan of a recovery may be long', async () => {
  const max = LIMITS.admin_body_bytes_max.value;
  const order = {...drain, url: '/admin/v1/nodes/3/maintenance'} as const;
  const long = await app.inject({...order, payload: `{"for":"1h"${' '.repeat(max)}}`});
  expect([long.statusCode, long.json().code]).toEqual([413, 'BODY_TOO_LARGE']);
  const fitting = await app.inject({...order, payload: `{"for":"1h"${' '.repeat(max - 20)}}`});
  expect(fitting.statusCode).toBe(200);
  const plan = {cluster: 'c', lost: [2], sets: []};
  const payload = JSON.stringify(plan) + ' '.repeat(max);
  const applied = await app.inject({method: 'POST', url: '/admin/v1/recovery', payload});
  expect(applied.statusCode).toBe(200);
  const endless = ' '.repeat(LIMITS.recovery_plan_bytes_max.value + 1);
  const refused = await app.inject({method: 'POST', url: '/admin/v1/recovery', payload: endless});
  expect(refused.statusCode).toBe(413);
  const headers = {'content-encoding': 'gzip'};
  const bomb = await app.inject({...order, headers, payload: gzipSync(Buffer.alloc(10_000_000))});
  expect([bomb.statusCode, bomb.json().code]).toEqual([415, 'UNSUPPORTED_ENCODING']);
  expect(gateway.orders.map(({action}) => action)).toEqual(['node-maintenance', 'recovery-apply']);
});

test('a page of another site neither administers, nor drops, nor writes', async () => {
  const headers = {origin: 'http://evil.example', 'content-type': 'text/plain'};
  for (const [url, payload] of [
    ['/admin/v1/nodes/3/drain', ''],
    ['/api/v1/sql', 'DROP DATABASE public'],
    ['/api/v1/write?db=public', 'cpu v=1'],
    ['/write?db=public', 'cpu v=1'],
    ['/api/v2/write?bucket=public', 'cpu v=1'],
    ['/query', 'q=DROP DATABASE public'],
  ] as const) {
    const answer = await app.inject({method: 'POST', url, payload, headers});
    expect([url, answer.statusCode]).toEqual([url, 403]);
    expect(answer.body).toContain('a page of http://evil.example sent this');
  }
  const image = {'sec-fetch-site': 'cross-site'};
  const dropped = await app.inject({url: '/query?q=DROP%20DATABASE%20a', headers: image});
  expect(dropped.statusCode).toBe(403);
  expect([gateway.orders, gateway.statements, gateway.writes]).toEqual([[], [], []]);
});

test('no log has what stands in an address: names, passwords, statements', async () => {
  gateway.onWrite = () => Promise.reject(new Error('ours'));
  const url = '/write?db=public&u=ann&p=a-password';
  const answer = await app.inject({method: 'POST', url, payload: 'cpu v=1'});
  expect(answer.statusCode).toBe(500);
  expect(logged).toMatchObject([{route: '/write'}]);
  expect(JSON.stringify(logged)).not.toContain('a-password');
});

test('a token in an address is none', async () => {
  for (const name of ['token', 'access_token', 'authorization']) {
    const answer = await app.inject({...drain, url: `${drain.url}?${name}=Bearer%20x`});
    expect([name, answer.statusCode]).toEqual([name, 400]);
  }
  expect(gateway.orders).toEqual([]);
});
