// SQL over HTTP on one real node: formats, refusals, and what statements do.

import {LIMITS} from '@flotilla/base';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {errorOf, NS, rows, sql, startNode, stopNode, T0, write, written} from './http.fixture.ts';

beforeAll(startNode);
afterAll(stopNode);

describe('SQL', () => {
  test.each([
    ['application/json', 'application/json', '[{"a":1,"b":"x,\\"y"},\n{"a":null,"b":"z"}]\n'],
    ['application/x-ndjson', 'application/x-ndjson', '{"a":1,"b":"x,\\"y"}\n{"a":null,"b":"z"}\n'],
    ['text/csv', 'text/csv', 'a,b\r\n1,"x,""y"\r\n,z\r\n'],
    ['application/csv', 'text/csv', 'a,b\r\n1,"x,""y"\r\n,z\r\n'],
  ])('%s', async (accept, type, expected) => {
    await written('db=public&precision=s', `forms a=1i,b="x,\\"y" ${T0}\nforms b="z" ${T0 + 1}`);
    const answer = await sql('SELECT a, b FROM forms ORDER BY time', 'db=public', accept);
    expect(answer.headers.get('content-type')).toContain(type);
    expect(answer.text).toBe(expected);
  });

  test('text/plain is a table', async () => {
    const {text} = await sql('SHOW DATABASES', 'db=public', 'text/plain');
    expect(text).toContain('database_name');
    expect(text).toContain('public');
    expect(text).toMatch(/^[+|]/m);
  });

  test('answer_bytes_max: a table over it is refused before its first byte, and is well without its wide cells', async () => {
    // A column of a table is as wide as its widest cell, so one row of short strings costs as much.
    const wide = LIMITS.string_bytes_max.value - 1;
    const lines = Array.from(
      {length: 200},
      (_, i) => `wide s="" ${T0}${NS.slice(0, -3)}${100 + i}`,
    );
    lines[7] = `wide s="${'x'.repeat(wide)}" ${T0}${NS.slice(0, -3)}107`;
    expect((await write('db=public', lines.join('\n'))).status).toBe(204);
    const columns = Array.from({length: 100}, (_, i) => `s AS s${i}`).join(', ');
    const refused = await sql(`SELECT ${columns} FROM wide`, 'db=public', 'text/plain');
    expect(refused.status).toBe(400);
    expect(JSON.parse(refused.text)).toMatchObject({
      code: 'QUERY_ERROR',
      message: `the answer has over answer_bytes_max (${LIMITS.answer_bytes_max.value}) bytes: ask for fewer rows or columns`,
      details: {limit: 'answer_bytes_max'},
    });
    const narrow = `SELECT ${columns} FROM wide WHERE s = ''`;
    const answer = await sql(narrow, 'db=public', 'text/plain');
    expect(answer.text.slice(-9)).toBe('199 rows\n');
  });

  test('another Accept is refused and says which there are', async () => {
    const answer = await sql('SHOW DATABASES', 'db=public', 'application/xml');
    expect(answer.status).toBe(400);
    expect(errorOf(answer).message).toContain('text/csv');
  });

  test.each([
    ['SELEC 1', 'SYNTAX_ERROR', 0],
    ['SELECT FROM WHERE', 'SYNTAX_ERROR', 12],
    ['SHOW BANANAS', 'SYNTAX_ERROR', 5],
    ['', 'SYNTAX_ERROR', undefined],
  ])('%s: %s at %s', async (text, code, position) => {
    const answer = await sql(text);
    expect(answer.status).toBe(400);
    expect(errorOf(answer).code).toBe(code);
    if (position !== undefined) expect(errorOf(answer).details.position).toBe(position);
  });

  test.each([
    ['CREATE USER u', 'CREATE USER'],
    ['KILL QUERY 1', 'KILL QUERY'],
    ['SELECT * FROM enc a JOIN enc b ON a.time = b.time', 'JOIN'],
    ['WITH x AS (SELECT 1) SELECT * FROM x', 'WITH'],
  ])('%s is unsupported by name', async (text, name) => {
    await written('db=public', `enc,how=now v=1i ${T0}${NS}`);
    const answer = await sql(text);
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining(name),
    });
  });

  test.each([
    ['SELECT v FROM nothing_here', 404, 'TABLE_NOT_FOUND'],
    ['SELECT nothing_here FROM enc', 400, 'QUERY_ERROR'],
  ])('%s: %i %s', async (text, status, code) => {
    await written('db=public', `enc,how=now v=1i ${T0}${NS}`);
    const answer = await sql(text);
    expect(answer.status).toBe(status);
    expect(errorOf(answer)).toMatchObject({code, message: expect.stringContaining('nothing_here')});
  });

  test('a database from CREATE to DROP', async () => {
    await rows("CREATE DATABASE life WITH TTL '30d' SHARD 2 REPLICA 1 PRECISION 'us'");
    const again = await sql('CREATE DATABASE life');
    expect(again.status).toBe(409);
    expect(errorOf(again).code).toBe('ALREADY_EXISTS');
    await rows('CREATE DATABASE IF NOT EXISTS life');
    expect(await rows('SHOW DATABASES')).toContainEqual({database_name: 'life'});
    expect(await rows('DESCRIBE DATABASE life')).toMatchObject([
      {
        ...{ttl: '30d', shard: '2', bucket_duration: '7d', replica: '1', precision: 'us'},
        max_series: 'none',
      },
    ]);
    await rows("ALTER DATABASE life SET TTL '60d'");
    expect(await rows('DESCRIBE DATABASE life')).toMatchObject([{ttl: '60d'}]);
    await written('db=life', 'cpu,host=a usage=0.5,n=1i,ok=true,note="x",u=1u');
    expect(await rows('SHOW TABLES', 'db=life')).toEqual([{table_name: 'cpu'}]);
    expect(await rows('SHOW TABLES ON life')).toEqual([{table_name: 'cpu'}]);
    expect(await rows('DESCRIBE TABLE cpu', 'db=life')).toEqual([
      {column_name: 'time', data_type: 'TIMESTAMP', column_type: 'TIME'},
      {column_name: 'host', data_type: 'STRING', column_type: 'TAG'},
      {column_name: 'usage', data_type: 'DOUBLE', column_type: 'FIELD'},
      {column_name: 'n', data_type: 'BIGINT', column_type: 'FIELD'},
      {column_name: 'ok', data_type: 'BOOLEAN', column_type: 'FIELD'},
      {column_name: 'note', data_type: 'STRING', column_type: 'FIELD'},
      {column_name: 'u', data_type: 'BIGINT UNSIGNED', column_type: 'FIELD'},
    ]);
    expect(
      (await rows('SHOW REPLICAS')).filter(({database}) => database === 'life').length,
    ).toBeGreaterThanOrEqual(2);
    await rows('DROP TABLE cpu', 'db=life');
    expect(await sql('SELECT * FROM cpu', 'db=life')).toMatchObject({status: 404});
    expect(await rows('SHOW TABLES', 'db=life')).toEqual([]);
    await written('db=life', 'cpu other="of another type now"');
    expect(await rows('SELECT other FROM cpu', 'db=life')).toHaveLength(1);
    await rows('DROP DATABASE life');
    expect(await sql('SHOW TABLES', 'db=life')).toMatchObject({status: 404});
    expect(await write('db=life', 'cpu v=1')).toMatchObject({status: 404});
    await rows('DROP DATABASE IF EXISTS life');
  });

  test('INSERT', async () => {
    await written('db=public&precision=s', `inserted,host=a v=1,n=1i ${T0}`);
    expect(
      await rows(
        "INSERT INTO inserted (time, host, v, n) VALUES ('2023-11-14T22:13:21Z', 'b', 2.5, 7), ('2023-11-14T22:13:22Z', 'b', 3.5, NULL)",
      ),
    ).toEqual([{rows: 2}]);
    expect(await rows('SELECT host, v, n FROM inserted ORDER BY time')).toEqual([
      {host: 'a', v: 1, n: 1},
      {host: 'b', v: 2.5, n: 7},
      {host: 'b', v: 3.5, n: null},
    ]);
    const unknown = await sql("INSERT INTO nowhere (time, v) VALUES ('2023-11-14T22:13:21Z', 1)");
    expect(unknown.status).toBe(404);
  });

  test('groups and bins over shards and buckets', async () => {
    await rows("CREATE DATABASE bins WITH BUCKET_DURATION '1d' SHARD 3");
    const lines: string[] = [];
    for (let hour = 0; hour < 72; hour++) {
      for (const host of ['a', 'b', 'c', 'd'])
        lines.push(`m,host=${host} v=${hour}i ${1_699_920_000 + hour * 3600}`);
    }
    await written('db=bins&precision=s', lines.join('\n'));
    const query =
      "SELECT date_bin(INTERVAL '1 day', time) AS day, host, count(*) AS n, min(v) AS low, max(v) AS high, avg(v) AS mean " +
      "FROM m WHERE host IN ('a', 'c') GROUP BY day, host ORDER BY day, host";
    const days = ['2023-11-14', '2023-11-15', '2023-11-16'];
    const expected = days.flatMap((day, i) =>
      ['a', 'c'].map((host) => ({
        day: `${day}T00:00:00Z`,
        host,
        n: 24,
        low: i * 24,
        high: i * 24 + 23,
        mean: i * 24 + 11.5,
      })),
    );
    expect(await rows(query, 'db=bins')).toEqual(expected);
    expect(await rows(query, 'db=bins&consistency=stale')).toEqual(expected);
    for (const max of ['60', '60s', '60000ms']) {
      const stale = `db=bins&consistency=stale&max_staleness=${max}`;
      expect(await rows('SELECT count(*) AS n FROM m', stale)).toEqual([{n: 288}]);
    }
  });
});
