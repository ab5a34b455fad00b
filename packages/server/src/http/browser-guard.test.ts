import {DbError} from '@flotilla/base';
import fastify, {type FastifyInstance, type InjectOptions} from 'fastify';
import {afterEach, expect, test} from 'vitest';
import type {Caller} from '../doors/admin-door.ts';
import {type BrowserGuardOptions, guardAgainstPages} from './browser-guard.ts';

let app: FastifyInstance | undefined;
afterEach(() => app?.close());

const callerOf = (header: string | undefined): Caller =>
  header === 'Bearer ann' ? {type: 'administrator', name: 'ann'} : {type: 'anyone'};

function guarded(more: Partial<BrowserGuardOptions> = {}): FastifyInstance {
  app = fastify();
  app.setErrorHandler((error, _request, reply) =>
    reply.code(error instanceof DbError ? 403 : 500).send((error as Error).message),
  );
  const options = {callerOf, ownHosts: ['db1.lan'], isOnLoopback: true, ...more};
  guardAgainstPages(app, options);
  for (const url of ['/api/v1/sql', '/admin/v1/nodes', '/query', '/metrics'])
    app.route({method: ['GET', 'POST'], url, handler: async () => 'done'});
  return app;
}

type Headers = Record<string, string>;
const HOST = '127.0.0.1:8902';
const POST: InjectOptions = {method: 'POST', url: '/api/v1/sql'};
const status = async (request: InjectOptions, headers: Headers): Promise<number> =>
  (await app!.inject({...request, headers: {host: HOST, ...headers}})).statusCode;

test.each<[string, number, InjectOptions, Headers]>([
  ['a program', 200, POST, {}],
  ['a page of another site', 403, POST, {origin: 'http://evil.example'}],
  ['one that has no place', 403, POST, {origin: 'null'}],
  ['one of another port', 403, POST, {origin: 'http://127.0.0.1:3000'}],
  ['one of the node itself', 200, POST, {origin: `http://${HOST}`}],
  ['by localhost', 200, POST, {host: 'localhost:8902', origin: 'http://localhost:8902'}],
  ['by its name', 200, POST, {host: 'DB1.lan:8902', origin: 'http://db1.lan:8902'}],
  ['by IPv6', 200, POST, {host: '[::1]:8902', origin: 'http://[::1]:8902'}],
  ['a name that leads here', 403, POST, {host: 'evil.example', origin: 'http://evil.example'}],
  ['a page that sends no origin', 403, POST, {'sec-fetch-site': 'cross-site'}],
  ['or one beside it', 403, POST, {'sec-fetch-site': 'same-site'}],
  ['a person who types it', 200, POST, {'sec-fetch-site': 'none'}],
  ['with a token', 200, POST, {origin: 'http://evil.example', authorization: 'Bearer ann'}],
  ['with no token of ours', 403, POST, {origin: 'http://evil.example', authorization: 'Bearer x'}],
  ['a change of the cluster', 403, {...POST, url: '/admin/v1/nodes'}, {origin: 'http://a.example'}],
  ['an image that drops', 403, {url: '/query?q=DROP'}, {'sec-fetch-site': 'cross-site'}],
  ['a link to read', 200, {url: '/metrics'}, {'sec-fetch-site': 'cross-site'}],
  [
    'administration by a name that leads here',
    403,
    {url: '/admin/v1/nodes'},
    {host: 'evil.example'},
  ],
  ['the same of the node', 200, {url: '/admin/v1/nodes'}, {}],
  ['by its own name', 200, {url: '/admin/v1/nodes'}, {host: 'db1.lan:8902'}],
])('%s: %i', async (_, expected, request, headers) => {
  guarded();
  expect(await status(request, headers)).toBe(expected);
});

test('beyond loopback it may have names that it does not know', async () => {
  guarded({isOnLoopback: false});
  const reading = {url: '/admin/v1/nodes'};
  expect(await status(reading, {host: 'flotilla.svc'})).toBe(200);
  expect(await status(POST, {host: 'flotilla.svc', origin: 'http://evil.example'})).toBe(403);
});

test('who is refused is told what to do', async () => {
  guarded();
  const answer = await app!.inject({...POST, headers: {host: HOST, origin: 'http://evil.example'}});
  expect(answer.body).toBe(
    'a page of http://evil.example sent this: send it from no browser, or with a token of the cluster (Authorization: Bearer <token>)',
  );
});
