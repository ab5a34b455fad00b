import {DbError} from '@flotilla/base';
import type {FastifyInstance} from 'fastify';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {type FakeGateway, openApp} from '../app.fixture.ts';

let app: FastifyInstance;
let gateway: FakeGateway;

beforeEach(() => {
  ({app, gateway} = openApp());
});
afterEach(() => app.close());

describe('/admin/v1', () => {
  test.each([
    ['GET', '/status', undefined, 'status', {}],
    ['GET', '/databases?tenant=cnosdb', undefined, 'database-list', {tenant: 'default'}],
    [
      'POST',
      '/databases',
      {name: 'd', ttl: '30d', shards: 'auto'},
      'database-create',
      {tenant: 'default', name: 'd', ttl: '30d', shards: 'auto'},
    ],
    [
      'PATCH',
      '/databases/d',
      {ttl: null},
      'database-alter',
      {tenant: 'default', name: 'd', ttl: null},
    ],
    ['DELETE', '/databases/a%2Fb', undefined, 'database-drop', {tenant: 'default', name: 'a/b'}],
    [
      'GET',
      '/cardinality?db=d&table=t&limit=3',
      undefined,
      'cardinality-show',
      {tenant: 'default', db: 'd', table: 't', limit: 3},
    ],
    ['GET', '/cardinality', undefined, 'cardinality-show', {tenant: 'default', db: 'public'}],
    ['GET', '/replica-sets?db=d', undefined, 'replica-set-list', {tenant: 'default', db: 'd'}],
    [
      'POST',
      '/replica-sets/7/move-replica',
      {from: 1, to: 2},
      'move-replica',
      {id: 7, from: 1, to: 2},
    ],
    ['POST', '/replica-sets/7/transfer-leader', {to: '2'}, 'transfer-leader', {id: 7, to: 2}],
    ['POST', '/replica-sets/7/elect', {node: '2'}, 'elect-replica', {id: 7, node: 2}],
    ['GET', '/operations/3', undefined, 'operation-show', {id: 3}],
    ['GET', '/operations/bucket-7', undefined, 'operation-show', {id: 'bucket-7'}],
    ['POST', '/operations/3/cancel', undefined, 'operation-cancel', {id: 3}],
    ['GET', '/storage', undefined, 'storage-show', {tenant: 'default'}],
    ['GET', '/storage?db=d&set=7', undefined, 'storage-show', {tenant: 'default', db: 'd', set: 7}],
    ['GET', '/backups?directory=/mnt&id=b', undefined, 'backup-list', {directory: '/mnt', id: 'b'}],
    [
      'POST',
      '/backups',
      {directory: '/mnt', database: 'd', bytesPerSecond: 5_000_000},
      'backup-create',
      {directory: '/mnt', database: 'd', bytesPerSecond: 5_000_000},
    ],
    ['POST', '/storage/flush', undefined, 'storage-flush', {}],
  ] as const)('%s %s %j', async (method, path, body, action, args) => {
    const payload = body === undefined ? {} : {payload: JSON.stringify(body)};
    const answer = await app.inject({method, url: `/admin/v1${path}`, ...payload});
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({done: true});
    expect(gateway.orders).toEqual([{action, args, requestId: expect.any(String)}]);
  });

  test.each([
    ['POST', '/databases', '{}', 'name'],
    ['POST', '/databases', '{"name": "d", "colour": "red"}', 'colour'],
    // The path names the database, and nothing gives it another name.
    ['PATCH', '/databases/d', '{"name": "e"}', '"name" is not known here'],
    ['PATCH', '/databases/d', '{"ifNotExists": true}', '"ifNotExists" is not known here'],
    ['POST', '/databases', '{"name"', 'not JSON'],
    ['POST', '/databases', '[]', ''],
    ['GET', '/cardinality?limit=0', undefined, 'limit'],
    ['GET', '/cardinality?limit=many', undefined, 'limit'],
    ['GET', '/storage?set=x', undefined, 'set: not an id'],
    ['GET', '/replica-sets/x', undefined, 'id: not an id'],
    ['GET', '/replica-sets/-1', undefined, 'id: not an id'],
    ['POST', '/replica-sets/7/move-replica', '{"from": 1}', 'to: not an id'],
    ['GET', '/operations/1.5', undefined, 'id: not an id'],
    ['GET', '/operations/bucket-0', undefined, 'id: not an id'],
    ['POST', '/operations/bucket-7/cancel', undefined, 'id: not an id'],
    ['GET', '/backups', undefined, 'directory'],
    ['POST', '/backups?dry_run=true', '{"directory": "/mnt"}', 'dry_run'],
  ] as const)('%s %s %s is 400', async (method, path, body, named) => {
    const payload = body === undefined ? {} : {payload: body};
    const answer = await app.inject({method, url: `/admin/v1${path}`, ...payload});
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(named),
    });
    expect(gateway.orders).toEqual([]);
  });

  test('each route refuses a parameter that it does not know, and does nothing', async () => {
    const document = (await app.inject('/openapi.json')).json() as {
      readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    };
    const asked = Object.entries(document.paths)
      .filter(([path]) => path.startsWith('/admin/v1'))
      .flatMap(([path, methods]) => Object.keys(methods).map((method) => [method, path] as const));
    expect(asked.length).toBeGreaterThan(50);
    const taken: string[] = [];
    for (const [method, path] of asked) {
      const url = `${path.replaceAll(/{[^}]+}/g, '1')}?dryrun=true`;
      const answer = await app.inject({method: method.toUpperCase() as 'GET', url});
      const {code, message} = answer.json();
      if (code !== 'INVALID_ARGUMENT' || !String(message).includes('dryrun'))
        taken.push(`${method} ${url}: ${answer.statusCode} ${message}`);
    }
    expect(taken).toEqual([]);
    expect(gateway.orders).toEqual([]);
  });

  test('a list from the own copy of the catalog is marked', async () => {
    const current = await app.inject('/admin/v1/nodes');
    expect(current.headers['flotilla-catalog']).toBeUndefined();
    gateway.onAdmin = async () => ({value: [{id: 1}], isOwnCopy: true});
    const answer = await app.inject('/admin/v1/nodes');
    expect(answer.json()).toEqual([{id: 1}]);
    expect(answer.headers['flotilla-catalog']).toBe('own-copy');
  });

  test('a refusal of the cluster keeps its code', async () => {
    gateway.onAdmin = async () => {
      throw new DbError('CONFLICT', 'another operation is under way', {operation: 4});
    };
    const answer = await app.inject({method: 'GET', url: '/admin/v1/status'});
    expect(answer.statusCode).toBe(409);
    expect(answer.json()).toMatchObject({code: 'CONFLICT', details: {operation: 4}});
  });
});
