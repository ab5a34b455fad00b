import {DbError, ERRORS, type ErrorCode, type Log} from '@flotilla/base';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {NodeClock} from '../../../adapters/index.ts';
import type {EngineGateway, HttpAnswer, WriteCall} from '../../../engine/gateway.ts';
import {createApp} from '../../app.ts';
import {errorAnswer} from '../../error-answer.ts';

const NO_CONTENT: HttpAnswer = {status: 204, headers: {}, body: undefined};
/** At each of them Telegraf throws the batch away or does something else than sending it again. */
const FORBIDDEN_AT_500 =
  /partial write|unable to parse|points beyond retention policy|retention policy not found|hinted handoff queue not empty|database not found/;

let writes: WriteCall[];
let onWrite: () => Promise<HttpAnswer>;
let app: ReturnType<typeof createApp>;
let logged: unknown[];

beforeEach(() => {
  writes = [];
  logged = [];
  onWrite = async () => NO_CONTENT;
  const gateway = {
    write: (call: WriteCall) => {
      writes.push(call);
      return onWrite();
    },
  } as unknown as EngineGateway;
  const health = {version: '1.2.3', health: () => ({}) as never, notReady: () => undefined};
  const log = {error: (fields: unknown) => logged.push(fields)} as unknown as Log;
  app = createApp({gateway, health, log, clock: new NodeClock()});
});
afterEach(() => app.close());

function post(url: string, headers: Record<string, string> = {}, payload = 'cpu v=1') {
  return app.inject({method: 'POST', url, headers, payload});
}

/** As the engine answers: a failure whole, in Flotilla's words. */
function answering(error: DbError): void {
  const {status, headers, body} = errorAnswer(error);
  onWrite = async () => ({status, headers, body: Buffer.from(`${JSON.stringify(body)}\n`)});
}

const BAD_LINES = [
  {line: 2, code: 'LINE_SYNTAX', reason: 'invalid value', text: 'cpu v=x'},
  {line: 5, code: 'TYPE_CONFLICT', reason: 'column "v" is a float', text: 'cpu v="a"'},
];
function rejected(written: number, lines = BAD_LINES, count = lines.length): DbError {
  return new DbError('LINES_REJECTED', 'some lines', {written, rejected: count, lines});
}

describe('what is handed over', () => {
  const common = {
    encoding: '',
    acceptPartial: true,
    waitedMs: expect.any(Number),
    precision: 'ns',
    idempotencyKey: undefined,
    body: Buffer.from('cpu v=1'),
  };
  const v1 = {...common, tenant: 'default', database: 'd'};
  const v2 = {...common, tenant: 'default', orDefaultTenant: true, database: 'd'};

  test.each([
    ['/write?db=d', v1],
    ['/write?db=d&rp=', v1],
    ['/write?db=d&rp=autogen', v1],
    ['/write?db=d&precision=', v1],
    ['/write?db=d&precision=n', {...v1, precision: 'n'}],
    ['/write?db=d&precision=ms', {...v1, precision: 'ms'}],
    ['/write?consistency=all&db=d&u=me&p=secret&pretty=true', v1],
    ['/write?db=d&db=e', v1],
    ['/write?db=d&tenant=t', {...v1, tenant: 't'}],
    ['/write?db=d&tenant=cnosdb', v1],
    ['/write?db=d&accept_partial=false', {...v1, acceptPartial: false}],
    ['/write?db=a%2Fautogen', {...v1, database: 'a/autogen'}],
    ['/api/v2/write?bucket=d&org=o', {...v2, tenant: 'o'}],
    ['/api/v2/write?bucket=d', v2],
    ['/api/v2/write?bucket=d&org=', v2],
    ['/api/v2/write?bucket=d/autogen', v2],
    ['/api/v2/write?bucket=a/b', {...v2, database: 'a/b'}],
    ['/api/v2/write?bucket=d&precision=us', {...v2, precision: 'us'}],
    ['/api/v2/write?bucket=d&orgID=1&accept_partial=false', {...v2, acceptPartial: false}],
  ])('%s', async (url, call) => {
    const answer = await post(url);
    expect(answer).toMatchObject({statusCode: 204, payload: ''});
    expect(writes).toEqual([{...call, requestId: expect.any(String)}]);
  });

  test.each(['text/plain; charset=utf-8', 'application/octet-stream', 'a/b', undefined])(
    'a body of content type %s, with a key and an encoding',
    async (type) => {
      const headers: Record<string, string> = {'content-encoding': 'gzip', 'idempotency-key': 'k'};
      if (type !== undefined) headers['content-type'] = type;
      await post('/write?db=d', headers);
      expect(writes).toMatchObject([
        {encoding: 'gzip', idempotencyKey: 'k', body: Buffer.from('cpu v=1')},
      ]);
    },
  );

  test('credentials of any kind are ignored', async () => {
    for (const authorization of ['Token t', 'Basic dTpw', 'Bearer x', 'nonsense'])
      expect(await post('/write?db=d', {authorization})).toMatchObject({statusCode: 204});
  });
});

describe('headers of every answer', () => {
  test.each([
    ['POST', '/write?db=d'],
    ['POST', '/write'],
    ['POST', '/api/v2/write?bucket=d'],
    ['GET', '/ping'],
    ['GET', '/query?q=SELECT'],
  ] as const)('%s %s', async (method, url) => {
    const {headers} = await app.inject({method, url, headers: {'x-request-id': 'mine'}});
    expect(headers).toMatchObject({
      'x-influxdb-version': expect.stringMatching(/^\d+\.\d+\.\d+\+flotilla\.1\.2\.3$/),
      'x-influxdb-build': 'Flotilla',
      'request-id': 'mine',
      'x-request-id': 'mine',
    });
  });
});

describe("InfluxDB 1's words", () => {
  test.each([
    ['/write', 'database is required'],
    ['/write?db=', 'database is required'],
    ['/write?db=d&rp=weekly', 'retention policy not found: "weekly"'],
    ['/write?db=d&accept_partial=perhaps', 'accept_partial'],
  ])('%s is 400', async (url, text) => {
    const answer = await post(url);
    expect(answer.statusCode).toBe(400);
    expect(Object.keys(answer.json())).toEqual(['error']);
    expect(answer.json().error).toContain(text);
    expect(answer.headers['x-influxdb-error']).toBe(answer.json().error);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.payload.endsWith('}\n')).toBe(true);
    expect(writes).toEqual([]);
  });

  test.each(Object.entries(ERRORS))('%s', async (code, {http}) => {
    answering(new DbError(code as ErrorCode, 'partial write to the table "timeout"'));
    const answer = await post('/write?db=d');
    const isRetriable = [429, 503, 504, 507].includes(http);
    expect(answer.statusCode).toBe(isRetriable ? 500 : http);
    expect(Object.keys(answer.json())).toEqual(['error']);
    expect(answer.headers['retry-after']).toBeUndefined();
    if (!isRetriable) return;
    expect(answer.json().error).toMatch(/^timeout: /);
    expect(answer.json().error).toContain(code);
    expect(answer.payload).not.toMatch(FORBIDDEN_AT_500);
  });

  test('a failure that is thrown is worded like one that is answered', async () => {
    onWrite = async () => {
      throw new DbError('UNAVAILABLE', 'the node is starting');
    };
    const answer = await post('/write?db=d');
    expect(answer.statusCode).toBe(500);
    expect(answer.json().error).toMatch(/^timeout: UNAVAILABLE/);
  });

  test('what can be sent again counts bad lines and quotes none', async () => {
    const details = {
      written: 3,
      rejected: 2,
      lines: [{...BAD_LINES[0], reason: 'partial write', text: 'database not found'}, BAD_LINES[1]],
      replicaSets: Array.from({length: 12}, (_, i) => ({id: String(i), outcome: 'refused'})),
    };
    answering(new DbError('NO_LEADER', 'unable to parse', details));
    const {error} = (await post('/write?db=d')).json();
    expect(error).toMatch(/^timeout: NO_LEADER: /);
    expect(error).toContain('Replica sets: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ..');
    expect(error).toContain('3 rows are written, 2 lines are bad; send it again');
    expect(error).not.toMatch(FORBIDDEN_AT_500);
  });

  test('details of another kind do no harm', async () => {
    answering(new DbError('UNAVAILABLE', 'later', {replicaSets: [12, 17], lines: 3}));
    const answer = await post('/write?db=d');
    expect(answer.statusCode).toBe(500);
    expect(answer.json().error).toContain('0 rows are written; send it again');
  });

  test('an unknown database is named so that Telegraf makes it', async () => {
    answering(new DbError('DATABASE_NOT_FOUND', 'create it', {database: 'a "b"'}));
    const answer = await post('/write?db=d');
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toEqual({error: 'database not found: "a \\"b\\""'});
  });

  test('bad lines beside good ones', async () => {
    answering(rejected(7));
    const answer = await post('/write?db=d');
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toEqual({
      error:
        "partial write: unable to parse 'cpu v=x': line 2: invalid value\n" +
        'field type conflict \'cpu v="a"\': line 5: column "v" is a float dropped=2',
    });
    expect(answer.headers['x-influxdb-error']).not.toContain('\n');
  });

  test('bad lines alone, more than are listed', async () => {
    answering(rejected(0, BAD_LINES.slice(0, 1), 250));
    expect((await post('/write?db=d')).json()).toEqual({
      error: "unable to parse 'cpu v=x': line 2: invalid value\nand 249 more lines",
    });
  });

  test('a bad line that quotes the words for an unknown database is not quoted', async () => {
    const text = 'log text="database not found"oops';
    answering(rejected(1, [{...BAD_LINES[0]!, text}]));
    expect((await post('/write?db=d')).json()).toEqual({
      error: 'partial write: unable to parse line 2 dropped=1',
    });
  });

  test('a text of any script fits a header', async () => {
    answering(new DbError('INVALID_ARGUMENT', `日本\r\n${'x'.repeat(2000)}`));
    const answer = await post('/write?db=d');
    expect(answer.statusCode).toBe(400);
    expect(String(answer.headers['x-influxdb-error'])).toHaveLength(1024);
  });

  test('a wrong method is 405 with Allow', async () => {
    const answer = await app.inject({method: 'GET', url: '/write?db=d'});
    expect(answer.statusCode).toBe(405);
    expect(answer.headers['allow']).toBe('POST');
    expect(answer.json()).toEqual({error: expect.stringContaining('POST')});
  });

  test('a mistake of ours is 500 without its text, which the log has', async () => {
    onWrite = async () => {
      throw new TypeError('secret');
    };
    const answer = await post('/write?db=d');
    expect(answer.statusCode).toBe(500);
    expect(answer.json()).toEqual({error: 'internal error'});
    expect(logged).toMatchObject([{err: new TypeError('secret')}]);
  });
});

describe("InfluxDB 2's words", () => {
  test.each([
    ['INVALID_ARGUMENT', 400, 'invalid'],
    ['UNAUTHENTICATED', 401, 'unauthorized'],
    ['FORBIDDEN', 403, 'forbidden'],
    ['DATABASE_NOT_FOUND', 404, 'not found'],
    ['BODY_TOO_LARGE', 413, 'request too large'],
    ['UNSUPPORTED_ENCODING', 415, 'invalid'],
    ['OVERLOADED', 429, 'too many requests'],
    ['INTERNAL', 500, 'internal error'],
    ['NO_LEADER', 503, 'unavailable'],
    ['OUTCOME_UNKNOWN', 504, 'unavailable'],
    ['DISK_FULL', 503, 'unavailable'],
  ] as const)('%s is %i, %s', async (code, status, named) => {
    answering(new DbError(code, 'what to do'));
    const answer = await post('/api/v2/write?bucket=d');
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toEqual({code: named, message: 'what to do'});
    expect(answer.headers['x-platform-error-code']).toBe(named);
    expect(answer.headers['retry-after']).toBe([429, 503].includes(status) ? '1' : undefined);
  });

  test('no bucket is 400', async () => {
    const answer = await post('/api/v2/write?org=o');
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('bucket'),
    });
  });

  test('bad lines are named', async () => {
    answering(rejected(1, BAD_LINES, 4));
    const answer = await post('/api/v2/write?bucket=d');
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toEqual({
      code: 'invalid',
      message:
        "4 lines rejected, 1 row written; line 2: invalid value: 'cpu v=x'; " +
        'line 5: column "v" is a float: \'cpu v="a"\'; and 2 more lines',
      line: 2,
    });
  });

  test('a wrong method is 405', async () => {
    const answer = await app.inject({method: 'PUT', url: '/api/v2/write'});
    expect(answer.statusCode).toBe(405);
    expect(answer.json()).toMatchObject({code: 'method not allowed'});
  });
});

describe('a body over the limit', () => {
  const length = String(64 * 1024 * 1024 + 1);
  test.each([
    ['/write?db=d', {error: expect.stringContaining('67108864')}],
    ['/api/v2/write?bucket=d', {code: 'request too large', message: expect.any(String)}],
  ])('%s is 413', async (url, body) => {
    const answer = await post(url, {'content-length': length});
    expect(answer.statusCode).toBe(413);
    expect(answer.json()).toEqual(body);
  });
});
