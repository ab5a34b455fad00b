import {gzipSync} from 'node:zlib';
import {DbError, ERRORS, LIMITS, type Log} from '@flotilla/base';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {NodeClock} from '../adapters/index.ts';
import type {Caller} from '../doors/admin-door.ts';
import type {AuditEntry, AuditIntent} from '../doors/audit.ts';
import type {
  AdminCall,
  EngineGateway,
  HttpAnswer,
  SqlCall,
  StreamAnswer,
  WriteCall,
} from '../engine/gateway.ts';
import {createApp} from './app.ts';

const NO_CONTENT: HttpAnswer = {status: 204, headers: {}, body: undefined};

const ENGINE = {status: 'pass', message: 'ok'} as const;

const READS = /^status$|-list$|-show$/;

/** Answers what the test says and keeps what it was asked. */
class FakeGateway implements EngineGateway {
  readonly writes: WriteCall[] = [];
  readonly statements: SqlCall[] = [];
  readonly orders: AdminCall[] = [];
  onWrite: (call: WriteCall) => Promise<HttpAnswer> = async () => NO_CONTENT;
  chunks: () => AsyncIterable<Uint8Array> = async function* () {
    yield Buffer.from('[]\n');
  };
  onAdmin: (call: AdminCall) => Promise<unknown> = async ({action}) => {
    const value = {done: true};
    return READS.test(action) ? {value, isOwnCopy: false} : value;
  };

  write(call: WriteCall): Promise<HttpAnswer> {
    this.writes.push(call);
    return this.onWrite(call);
  }

  async sql(call: SqlCall): Promise<StreamAnswer> {
    this.statements.push(call);
    return {status: 200, headers: {'content-type': 'application/json'}, chunks: this.chunks()};
  }

  admin(call: AdminCall): Promise<unknown> {
    this.orders.push(call);
    return this.onAdmin(call);
  }
}

const logged: unknown[] = [];
const log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (fields: unknown) => logged.push(fields),
} as unknown as Log;

let gateway: FakeGateway;
let app: ReturnType<typeof createApp>;
let notReady: string | undefined;
let status: 'pass' | 'fail';

beforeEach(() => {
  gateway = new FakeGateway();
  logged.length = 0;
  notReady = undefined;
  status = 'pass';
  const health = {
    version: '1.2.3',
    health: () => ({status, message: 'a message', subsystems: {engine: ENGINE}}),
    notReady: () => notReady,
  };
  app = createApp({gateway, health, log, clock: new NodeClock()});
});
afterEach(() => app.close());

function write(query: string, headers: Record<string, string> = {}) {
  return app.inject({method: 'POST', url: `/api/v1/write${query}`, headers, payload: 'cpu v=1'});
}

function sql(query: string, accept?: string) {
  const headers = accept === undefined ? {} : {accept};
  return app.inject({method: 'POST', url: `/api/v1/sql${query}`, headers, payload: 'SELECT 1'});
}

describe('POST /api/v1/write', () => {
  test('hands over the body and the defaults', async () => {
    expect(await write('')).toMatchObject({statusCode: 204, payload: ''});
    expect(gateway.writes).toEqual([
      {
        tenant: 'default',
        database: 'public',
        precision: 'ns',
        encoding: '',
        acceptPartial: true,
        waitedMs: expect.any(Number),
        idempotencyKey: undefined,
        body: Buffer.from('cpu v=1'),
        requestId: expect.any(String),
      },
    ]);
  });

  test('hands over what the request says', async () => {
    await write('?db=d&tenant=cnosdb&precision=s&accept_partial=false', {
      'content-encoding': 'gzip',
      'idempotency-key': 'k',
    });
    expect(gateway.writes).toMatchObject([
      {
        tenant: 'default',
        database: 'd',
        precision: 's',
        encoding: 'gzip',
        acceptPartial: false,
        idempotencyKey: 'k',
      },
    ]);
  });

  test.each(['text/plain', 'application/json', 'application/octet-stream', 'a/b', undefined])(
    'takes content type %s as bytes',
    async (type) => {
      const headers: Record<string, string> = type === undefined ? {} : {'content-type': type};
      expect(await write('', headers)).toMatchObject({statusCode: 204});
      expect(gateway.writes[0]?.body).toEqual(Buffer.from('cpu v=1'));
    },
  );

  test.each([
    ['?db=', 'db'],
    [`?db=${'x'.repeat(256)}`, 'db'],
    ['?accept_partial=perhaps', 'accept_partial'],
    ['?unknown=1', 'unknown'],
    ['?db=a&db=b', 'db'],
  ])('%s is refused by name', async (query, named) => {
    const answer = await write(query);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(named),
    });
    expect(gateway.writes).toEqual([]);
  });

  const LONGEST_KEY = 'x'.repeat(LIMITS.idempotency_key_bytes_max.value);
  test.each(['', `${LONGEST_KEY}x`, 'ä'])('Idempotency-Key %j is refused', async (key) => {
    const answer = await write('', {'idempotency-key': key});
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'Idempotency-Key: want 1 to 128 printable ASCII bytes',
    });
  });

  test('of idempotency_key_bytes_max it is taken', async () => {
    await write('', {'idempotency-key': LONGEST_KEY});
    expect(gateway.writes).toMatchObject([{idempotencyKey: LONGEST_KEY}]);
  });

  test('database_name_chars_max: a longer name is refused, whatever it names', async () => {
    const longest = 'd'.repeat(LIMITS.database_name_chars_max.value);
    for (const name of ['db', 'tenant']) {
      const answer = await write(`?${name}=${longest}d`);
      expect(answer.statusCode).toBe(400);
      const message = `${name}: it is over 128 characters`;
      expect(answer.json()).toMatchObject({code: 'INVALID_ARGUMENT', message});
    }
    await write(`?db=${longest}&tenant=${longest}`);
    expect(gateway.writes).toMatchObject([{database: longest, tenant: longest}]);
  });
});

describe('errors', () => {
  test.each(Object.entries(ERRORS))('%s has the status of the catalogue', async (code, traits) => {
    gateway.onWrite = async () => {
      throw new DbError(code as keyof typeof ERRORS, 'what to do', {set: '7'}, new Error('secret'));
    };
    const answer = await write('');
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
    const answer = await write('', {'x-request-id': 'asked-7'});
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
    await write('');
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

describe('POST /api/v1/sql', () => {
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
    status = 'fail';
    notReady = 'the log is being replayed';
    expect(await app.inject('/health')).toMatchObject({statusCode: 503});
    const ready = await app.inject('/ready');
    expect(ready.statusCode).toBe(503);
    expect(ready.headers['retry-after']).toBe('1');
    expect(ready.json()).toEqual({status: 'not ready', message: 'the log is being replayed'});
  });
});

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
    // The path names the database, whatever the body says.
    ['PATCH', '/databases/d', {name: 'e'}, 'database-alter', {tenant: 'default', name: 'd'}],
    ['DELETE', '/databases/a%2Fb', undefined, 'database-drop', {tenant: 'default', name: 'a/b'}],
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
    ['POST', '/operations/3/cancel', undefined, 'operation-cancel', {id: 3}],
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
    ['POST', '/databases', '{"name"', 'not JSON'],
    ['POST', '/databases', '[]', ''],
    ['GET', '/replica-sets/x', undefined, 'id: not an id'],
    ['GET', '/replica-sets/-1', undefined, 'id: not an id'],
    ['POST', '/replica-sets/7/move-replica', '{"from": 1}', 'to: not an id'],
    ['GET', '/operations/1.5', undefined, 'id: not an id'],
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

test('http_connections_max, header_bytes_max and request_ms_max hold for the server', () => {
  const {server} = app;
  expect(server.maxConnections).toBe(LIMITS.http_connections_max.value);
  expect(server.requestTimeout).toBe(LIMITS.request_ms_max.value);
  expect(Reflect.get(server, 'maxHeaderSize')).toBe(LIMITS.header_bytes_max.value);
});

describe('the door of administrators', () => {
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
  const health = {
    version: '1.2.3',
    health: () => ({status, message: 'a message', subsystems: {engine: ENGINE}}),
    notReady: () => undefined,
  };
  const ann = {authorization: 'Bearer ann'};
  let guarded: ReturnType<typeof createApp>;
  beforeEach(() => {
    audited.length = 0;
    guarded = createApp({gateway, health, log, clock: new NodeClock(), doors});
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
    const app = createApp({gateway, health, log, clock: new NodeClock(), doors: revoking});
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
    expect(gateway.statements.map(({caller}) => caller?.type)).toEqual([
      'stranger',
      'administrator',
    ]);
    const written = await guarded.inject({method: 'POST', url: '/api/v1/write', payload: 'a v=1'});
    expect(written.statusCode).toBe(204);
    expect((await guarded.inject('/ready')).statusCode).toBe(200);
  });
});

describe('against those who mean it ill', () => {
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
    expect(gateway.orders.map(({action}) => action)).toEqual([
      'node-maintenance',
      'recovery-apply',
    ]);
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
});
