// The HTTP interface of one real node: what a client sends, what comes back, what is kept.

import zlib from 'node:zlib';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {
  errorOf,
  NS,
  post,
  raw,
  rows,
  sql,
  startNode,
  stopNode,
  T0,
  url,
  write,
  written,
} from './http.fixture.ts';

const LIMIT_BYTES = 64 * 1024 * 1024;

beforeAll(startNode);
afterAll(stopNode);

describe('bodies', () => {
  test.each([
    ['identity', (body: Buffer) => body],
    ['gzip', zlib.gzipSync],
    ['deflate', zlib.deflateSync],
    ['zstd', zlib.zstdCompressSync],
  ] as const)('%s', async (encoding, encode) => {
    const body = Buffer.from(encode(Buffer.from(`enc,how=${encoding} v=1i ${T0}${NS}`)));
    expect(await write('db=public', body, {'content-encoding': encoding})).toMatchObject({
      status: 204,
    });
    expect(await rows(`SELECT v FROM enc WHERE how = '${encoding}'`)).toEqual([{v: 1}]);
  });

  test('another encoding is 415 and named', async () => {
    const answer = await write('db=public', 'a v=1', {'content-encoding': 'br'});
    expect(answer.status).toBe(415);
    expect(errorOf(answer)).toMatchObject({
      code: 'UNSUPPORTED_ENCODING',
      message: expect.stringContaining('br'),
    });
  });

  test('what is not of the encoding that it claims is 400', async () => {
    const answer = await write('db=public', 'a v=1', {'content-encoding': 'gzip'});
    expect(answer.status).toBe(400);
    expect(errorOf(answer).message).toContain('not valid gzip');
  });

  test('a gzip bomb stops at the limit: 413', async () => {
    const bomb = Buffer.from(zlib.gzipSync(Buffer.alloc(LIMIT_BYTES + 1, 'a v=1\n')));
    expect(bomb.length).toBeLessThan(1024 * 1024);
    const answer = await write('db=public', bomb, {'content-encoding': 'gzip'});
    expect(answer.status).toBe(413);
    expect(errorOf(answer)).toMatchObject({code: 'BODY_TOO_LARGE'});
  });

  test('an announced length over the limit is answered without waiting for the body', async () => {
    const answer = await raw(
      'POST /api/v1/write?db=public HTTP/1.1\r\nHost: x\r\n' +
        `Content-Length: ${LIMIT_BYTES + 1}\r\n\r\nonly the beginning`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('"code":"BODY_TOO_LARGE"');
  });

  test('an empty body writes nothing and is well', async () => {
    expect(await write('db=public', '')).toMatchObject({status: 204});
    expect(await write('db=public', '\n# a comment\n\n')).toMatchObject({status: 204});
  });
});

describe('lines', () => {
  test('bad ones are named, good ones are written', async () => {
    const lines = ['mixed v=1i 1', 'mixed', 'mixed v=2i 2', 'mixed v=x 3', 'mixed v="a" 4'];
    const answer = await write('db=public&precision=s', lines.join('\n'));
    expect(answer.status).toBe(400);
    const {code, details} = errorOf(answer);
    expect(code).toBe('LINES_REJECTED');
    expect(details).toMatchObject({written: 2, rejected: 3});
    expect(details.lines).toMatchObject([
      {line: 2, code: 'LINE_SYNTAX', text: 'mixed'},
      {line: 4, code: 'LINE_SYNTAX', text: 'mixed v=x 3'},
      {line: 5, code: 'TYPE_CONFLICT', text: 'mixed v="a" 4'},
    ]);
    expect(await rows('SELECT v FROM mixed ORDER BY time')).toEqual([{v: 1}, {v: 2}]);
  });

  test('the first hundred bad lines are listed, the rest is counted', async () => {
    const answer = await write('db=public', `${'bad\n'.repeat(250)}`);
    const {details} = errorOf(answer);
    expect(details.rejected).toBe(250);
    expect(details.lines).toHaveLength(100);
  });

  test('accept_partial=false writes nothing where one is bad', async () => {
    const answer = await write('db=public&accept_partial=false', 'whole v=1i 1\nwhole');
    expect(answer.status).toBe(400);
    expect(errorOf(answer).details).toMatchObject({written: 0, rejected: 1});
    const [count] = await rows('SHOW TABLES').then((tables) =>
      tables.filter(({table_name: name}) => name === 'whole'),
    );
    if (count !== undefined) expect(await rows('SELECT * FROM whole')).toEqual([]);
    await written('db=public&accept_partial=false', 'whole v=1i 1');
    expect(await rows('SELECT v FROM whole')).toEqual([{v: 1}]);
  });

  test.each([
    ['ns', `${T0}${NS}`],
    ['n', `${T0}${NS}`],
    ['us', `${T0}000000`],
    ['u', `${T0}000000`],
    ['µ', `${T0}000000`],
    ['ms', `${T0}000`],
    ['s', `${T0}`],
    ['m', `${Math.floor(T0 / 60)}`],
    ['h', `${Math.floor(T0 / 3600)}`],
  ])('precision %s', async (precision, time) => {
    const table = `precision_${precision.codePointAt(0)}_${precision.length}`;
    await written(`db=public&precision=${encodeURIComponent(precision)}`, `${table} v=1i ${time}`);
    const unitS = {m: 60, h: 3600}[precision] ?? 1;
    const expected = new Date(Math.floor(T0 / unitS) * unitS * 1000).toISOString();
    expect(await rows(`SELECT time FROM ${table}`)).toEqual([
      {time: expected.replace('.000Z', 'Z')},
    ]);
  });

  test('a line without a time gets the present', async () => {
    const beforeMs = Date.now();
    await written('db=public', 'present v=1i');
    const [{time} = {}] = await rows('SELECT time FROM present');
    expect(Date.parse(String(time))).toBeGreaterThanOrEqual(beforeMs - 1);
    expect(Date.parse(String(time))).toBeLessThanOrEqual(Date.now() + 1);
  });

  test.each([
    ['future', Math.floor(Date.now() / 1000) + 2 * 86_400, 'TIME_IN_FUTURE'],
    ['out_of_range', '99999999999', 'TIME_OUT_OF_RANGE'],
  ])('%s times are bad lines', async (table, time, code) => {
    const answer = await write('db=public&precision=s', `${table} v=1i ${time}`);
    expect(answer.status).toBe(400);
    expect(errorOf(answer).details.lines).toMatchObject([{line: 1, code}]);
  });

  test('the seventeenth new bucket is refused, and says what is usually wrong', async () => {
    expect(await sql("CREATE DATABASE many WITH BUCKET_DURATION '1h' SHARD 1")).toMatchObject({
      status: 200,
    });
    const lines = Array.from({length: 17}, (_, i) => `t v=${i}i ${T0 + i * 3600}`);
    const answer = await write('db=many&precision=s', lines.join('\n'));
    expect(answer.status).toBe(400);
    const {details} = errorOf(answer);
    expect(details).toMatchObject({written: 16, rejected: 1});
    expect(details.lines).toMatchObject([
      {code: 'BUCKET_LIMIT', reason: expect.stringContaining('precision')},
    ]);
    expect(await rows('SELECT count(*) AS n FROM t', 'db=many')).toEqual([{n: 16}]);
    // Bins over several buckets.
    expect(
      await rows(
        "SELECT date_bin(INTERVAL '4 hours', time) AS bin, sum(v) AS total FROM t GROUP BY bin ORDER BY bin",
        'db=many',
      ),
    ).toMatchObject([{total: 1}, {total: 14}, {total: 30}, {total: 46}, {total: 29}]);
  });

  test('a column keeps its type; a name is a tag or a field', async () => {
    await written('db=public', `typed,tag=a f=1,i=1i,u=1u,b=true,s="x" ${T0}${NS}`);
    const lines = ['f="x"', 'f=9007199254740993i', 'i=1', 'u=1i', 'b="x"', 's=t', 'tag=1'];
    const answer = await write(
      'db=public',
      lines.map((fields) => `typed,tag=a ${fields} ${T0}${NS}`).join('\n'),
    );
    expect(answer.status).toBe(400);
    expect(errorOf(answer).details.lines?.map(({code}) => code)).toEqual(
      lines.map(() => 'TYPE_CONFLICT'),
    );
    expect(await rows('SELECT f, i, u, b, s, tag FROM typed')).toEqual([
      {f: 1, i: 1, u: 1, b: true, s: 'x', tag: 'a'},
    ]);
    // An integer literal that is exact as a float is taken by a float column.
    await written('db=public', `typed,tag=a f=2i ${T0}${NS}`);
    expect(await rows('SELECT f FROM typed')).toEqual([{f: 2}]);
  });

  test('integers beyond 2^53 lose no bit', async () => {
    const values = ['9223372036854775807', '-9223372036854775808', '9007199254740993'];
    for (const [i, value] of values.entries()) {
      await written('db=public&precision=s', `wide i=${value}i,u=18446744073709551615u ${T0 + i}`);
    }
    for (const format of ['application/json', 'application/x-ndjson', 'text/csv', 'text/plain']) {
      const {text} = await sql('SELECT i, u FROM wide ORDER BY time', 'db=public', format);
      for (const value of [...values, '18446744073709551615']) expect(text).toContain(value);
    }
    const answer = await sql(`SELECT u FROM wide WHERE i = ${values[2]}`);
    expect(answer.text).toBe('[{"u":18446744073709551615}]\n');
    expect(await sql('SELECT sum(i) AS total FROM wide')).toMatchObject({
      text: '[{"total":9007199254740992}]\n',
    });
  });

  test('strings with newlines, quotes, backslashes and any script', async () => {
    const text = 'first\nsecond "quoted" \\ back, = 日本 🚢';
    const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
    await written('db=public', `strings s="${escaped}",n=1i ${T0}${NS}`);
    expect(await rows('SELECT s, n FROM strings')).toEqual([{s: text, n: 1}]);
  });

  test('the same Idempotency-Key is applied once', async () => {
    const key = {'idempotency-key': 'http-test-1'};
    const body = (value: number) => `once v=${value}i ${T0}${NS}`;
    expect(await write('db=public', body(1), key)).toMatchObject({status: 204});
    await written('db=public', body(2));
    expect(await write('db=public', body(1), key)).toMatchObject({status: 204});
    expect(await rows('SELECT v FROM once')).toEqual([{v: 2}]);
    const bad = await write('db=public', body(1), {'idempotency-key': 'x'.repeat(129)});
    expect(bad.status).toBe(400);
    expect(errorOf(bad).message).toContain('Idempotency-Key');
  });
});

describe('refusals', () => {
  test.each([
    ['/api/v1/write?db=nowhere', 404, 'DATABASE_NOT_FOUND', 'nowhere'],
    ['/api/v1/write?db=public&tenant=nobody', 404, 'TENANT_NOT_FOUND', 'nobody'],
    ['/api/v1/write?db=public&precision=week', 400, 'INVALID_ARGUMENT', 'precision'],
    ['/api/v1/write?db=public&presicion=s', 400, 'INVALID_ARGUMENT', 'presicion'],
    ['/api/v1/write?db=public&accept_partial=2', 400, 'INVALID_ARGUMENT', 'accept_partial'],
    ['/api/v1/sql?db=nowhere', 404, 'DATABASE_NOT_FOUND', 'nowhere'],
    ['/api/v1/sql?max_staleness=soon', 400, 'INVALID_ARGUMENT', 'max_staleness'],
    ['/api/v1/sql?consistency=some', 400, 'INVALID_ARGUMENT', 'consistency'],
    ['/api/v1/nothing', 404, 'ROUTE_NOT_FOUND', '/api/v1/nothing'],
  ])('%s: %i %s', async (path, status, code, named) => {
    const answer = await post(path, path.includes('/sql') ? 'SELECT 1 AS one' : 'a v=1i');
    expect(answer.status).toBe(status);
    expect(errorOf(answer)).toMatchObject({
      code,
      message: expect.stringContaining(named),
      error_code: code,
    });
  });

  test('a deadline that passes says so, or names the meta group where that was waited for', async () => {
    await written('db=public', `late v=1i ${T0}${NS}`);
    const answers = await Promise.all(
      Array.from({length: 20}, () => sql('SELECT * FROM late', 'db=public&timeout_ms=1')),
    );
    for (const answer of answers.filter(({status}) => status !== 200)) {
      expect(['DEADLINE_EXCEEDED', 'META_UNAVAILABLE'], answer.text).toContain(
        errorOf(answer).code,
      );
    }
  });

  test('another method is 405 and names the right one', async () => {
    for (const path of ['/api/v1/write', '/api/v1/sql']) {
      const answer = await fetch(url + path);
      expect(answer.status).toBe(405);
      expect(answer.headers.get('allow')).toBe('POST');
      expect(await answer.json()).toMatchObject({code: 'METHOD_NOT_ALLOWED'});
    }
  });
});
