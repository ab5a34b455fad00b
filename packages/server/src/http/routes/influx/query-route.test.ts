import {DbError, type Log} from '@flotilla/base';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {NodeClock} from '../../../adapters/index.ts';
import type {AdminCall, EngineGateway} from '../../../engine/gateway.ts';
import {createApp} from '../../app.ts';

const LOG: Log = {info: () => undefined, warn: () => undefined, error: () => undefined};
const FORM = {'content-type': 'application/x-www-form-urlencoded'};

let orders: AdminCall[];
let onAdmin: (call: AdminCall) => Promise<unknown>;
let app: ReturnType<typeof createApp>;

beforeEach(() => {
  orders = [];
  onAdmin = async ({action}) =>
    action === 'database-list'
      ? {value: [{name: 'public'}, {name: 'a'}], isOwnCopy: false}
      : {name: 'd'};
  const gateway = {
    admin: (call: AdminCall) => {
      orders.push(call);
      return onAdmin(call);
    },
  } as unknown as EngineGateway;
  const health = {version: '1.2.3', health: () => ({}) as never, notReady: () => undefined};
  app = createApp({gateway, health, log: LOG, clock: new NodeClock()});
});
afterEach(() => app.close());

function get(params: Record<string, string>) {
  return app.inject({method: 'GET', url: `/query?${new URLSearchParams(params)}`});
}
function post(params: Record<string, string>, headers: Record<string, string> = FORM) {
  const payload = new URLSearchParams(params).toString();
  return app.inject({method: 'POST', url: '/query', headers, payload});
}

const DATABASES = {
  statement_id: 0,
  series: [{name: 'databases', columns: ['name'], values: [['a'], ['public']]}],
};

describe('/query', () => {
  test('SHOW DATABASES', async () => {
    const answer = await get({q: 'SHOW DATABASES', db: 'x', epoch: 'ns', params: '{}'});
    expect(answer).toMatchObject({
      statusCode: 200,
      payload: `${JSON.stringify({results: [DATABASES]})}\n`,
    });
    expect(answer.headers['content-type']).toBe('application/json');
    expect(orders).toEqual([{action: 'database-list', args: {tenant: 'default'}}]);
  });

  test('what the node knows without the meta group is marked', async () => {
    expect((await get({q: 'SHOW DATABASES'})).headers['flotilla-catalog']).toBeUndefined();
    onAdmin = async () => ({value: [{name: 'a'}], isOwnCopy: true});
    const answer = await get({q: 'SHOW DATABASES'});
    expect(answer.headers['flotilla-catalog']).toBe('own-copy');
    expect(answer.json().results[0].series[0].values).toEqual([['a']]);
  });

  test.each([
    FORM,
    {},
    {'content-type': 'text/plain'},
    {'content-type': 'application/octet-stream'},
  ])('a form with headers %j', async (headers) => {
    const answer = await post({q: 'create database "telegraf"'}, headers);
    expect(answer).toMatchObject({
      statusCode: 200,
      payload: '{"results":[{"statement_id":0}]}\n',
    });
    expect(orders).toEqual([
      {
        action: 'database-create',
        args: {tenant: 'default', name: 'telegraf', ifNotExists: true},
      },
    ]);
  });

  test('what the form says goes before what the address says', async () => {
    await app.inject({
      method: 'POST',
      url: '/query?q=DROP+DATABASE+a&tenant=t',
      headers: FORM,
      payload: 'q=SHOW+DATABASES',
    });
    expect(orders).toEqual([{action: 'database-list', args: {tenant: 't'}}]);
  });

  test('a change by GET is done, with a warning', async () => {
    const answer = await get({q: 'CREATE DATABASE d WITH REPLICATION 1', consistency: 'all'});
    expect(answer.json()).toEqual({
      results: [
        {statement_id: 0, messages: [{level: 'warning', text: expect.stringContaining('POST')}]},
      ],
    });
  });

  test('dropping what is not there is well', async () => {
    onAdmin = async () => {
      throw new DbError('DATABASE_NOT_FOUND', 'no such database');
    };
    const answer = await post({q: 'DROP DATABASE gone'});
    expect(answer.json()).toEqual({results: [{statement_id: 0}]});
    expect(orders).toMatchObject([{action: 'database-drop', args: {name: 'gone'}}]);
  });

  test('several statements; after one that fails none is executed', async () => {
    const q = 'SHOW DATABASES; SELECT * FROM cpu; DROP DATABASE a;';
    const answer = await post({q});
    expect(answer.statusCode).toBe(200);
    expect(answer.json().results).toEqual([
      DATABASES,
      {statement_id: 1, error: expect.stringContaining('/api/v1/sql')},
      {statement_id: 2, error: 'not executed'},
    ]);
    expect(orders).toHaveLength(1);
  });

  test.each([
    'SELECT mean(v) FROM cpu',
    'SHOW MEASUREMENTS',
    'SHOW DATABASES LIMIT 1',
    'CREATE DATABASE',
    'CREATE DATABASE my-db',
    'DROP DATABASE a WITH x',
    '; ;',
    '-- a comment',
    '日本',
  ])('%s is an error that names the route of SQL', async (q) => {
    const answer = await get({q});
    expect(answer.statusCode).toBe(200);
    expect(answer.json().results[0].error).toContain('/api/v1/sql');
    expect(orders).toEqual([]);
  });

  test('a refusal for good stands in its result', async () => {
    onAdmin = async () => {
      throw new DbError('INVALID_ARGUMENT', 'a name may not hold a newline');
    };
    const answer = await post({q: 'CREATE DATABASE "a\\nb"'});
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({
      results: [{statement_id: 0, error: 'a name may not hold a newline'}],
    });
    expect(orders).toMatchObject([{args: {name: 'a\nb'}}]);
  });

  test('what may be asked again is 503 with Retry-After', async () => {
    onAdmin = async () => {
      throw new DbError('META_UNAVAILABLE', 'the meta group has no majority');
    };
    const answer = await post({q: 'CREATE DATABASE d'});
    expect(answer.statusCode).toBe(503);
    expect(answer.headers['retry-after']).toBe('1');
    expect(answer.json()).toEqual({error: 'the meta group has no majority'});
  });

  test.each(['/query', '/query?db=d', '/query?q='])('%s lacks q', async (url) => {
    const answer = await app.inject({method: 'GET', url});
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toEqual({error: 'missing required parameter "q"'});
  });

  test('a thousand statements at once are refused', async () => {
    const answer = await post({q: 'SHOW DATABASES;'.repeat(1000)});
    expect(answer.statusCode).toBe(400);
    expect(orders).toEqual([]);
  });

  test('pretty=true is indented', async () => {
    expect((await get({q: 'SHOW DATABASES', pretty: 'true'})).payload).toContain('\n    "results"');
  });

  test('a compressed form is refused by name', async () => {
    const answer = await post({q: 'SHOW DATABASES'}, {...FORM, 'content-encoding': 'gzip'});
    expect(answer.statusCode).toBe(415);
    expect(answer.json().error).toContain('gzip');
  });

  test('HEAD runs nothing', async () => {
    const answer = await app.inject({method: 'HEAD', url: '/query?q=DROP+DATABASE+a'});
    expect(answer.statusCode).toBe(405);
    expect(orders).toEqual([]);
  });
});

describe('/ping', () => {
  test.each(['GET', 'HEAD'] as const)('%s is 204', async (method) => {
    const answer = await app.inject({method, url: '/ping'});
    expect(answer).toMatchObject({statusCode: 204, payload: ''});
    expect(answer.headers['content-length']).toBeUndefined();
    expect(await app.inject({method, url: '/ping?verbose=false'})).toMatchObject({statusCode: 204});
  });

  test('verbose says the version', async () => {
    const answer = await app.inject({method: 'GET', url: '/ping?verbose=true'});
    expect(answer).toMatchObject({statusCode: 200});
    expect(answer.json()).toEqual({version: '1.2.3'});
  });
});
