import {DbError, LIMITS} from '@flotilla/base';
import fc from 'fast-check';
import {beforeAll, describe, expect, test} from 'vitest';
import {parseStatement} from './parse-statement.ts';
import {loadSqlParser} from './postgres-tree.ts';

beforeAll(loadSqlParser);

function errorOf(text: string): DbError {
  try {
    parseStatement(text);
  } catch (error) {
    if (error instanceof DbError) return error;
    throw error;
  }
  throw new Error(`parsed: ${text}`);
}

test('sql_bytes_max: a longer statement is refused, by its bytes and not its characters', () => {
  const bytesMax = LIMITS.sql_bytes_max.value;
  const whole = `SHOW TABLES --${'x'.repeat(bytesMax - 14)}`;
  expect(parseStatement(whole)).toMatchObject({kind: 'show-tables'});
  expect(errorOf(`${whole}x`)).toMatchObject({code: 'BODY_TOO_LARGE'});
  expect(errorOf(`SHOW TABLES --${'é'.repeat(bytesMax / 2)}`)).toMatchObject({
    code: 'BODY_TOO_LARGE',
    message: `the statement is over sql_bytes_max (${bytesMax} bytes)`,
  });
});

describe('databases, in the grammar of CnosDB', () => {
  test('CREATE DATABASE with every option', () => {
    const text = `create database if not exists "My db" WITH TTL '30d' SHARD 4 VNODE_DURATION '12h'
      REPLICA 3 PRECISION 'us' FAILOVER 'manual' MAX_SERIES 2000000;`;
    expect(parseStatement(text)).toEqual({
      kind: 'create-database',
      name: 'My db',
      ifNotExists: true,
      options: {
        ttlMs: 30 * 86_400_000,
        shards: 4,
        bucketDurationMs: 12 * 3_600_000,
        replicas: 3,
        precision: 'us',
        failover: 'manual',
        maxSeries: 2_000_000,
      },
    });
  });

  test.each([
    ['CREATE DATABASE d', {kind: 'create-database', name: 'd', ifNotExists: false, options: {}}],
    ["create database D ttl '10'", {options: {ttlMs: 864_000_000}, name: 'd'}],
    ['CREATE DATABASE d TTL none, SHARD auto', {options: {ttlMs: null, shards: 'auto'}}],
    [
      'ALTER DATABASE d SET max_series = 999999999999999',
      {options: {maxSeries: 999_999_999_999_999}},
    ],
    ['ALTER DATABASE d SET MAX_SERIES NONE', {options: {maxSeries: null}}],
    ["ALTER DATABASE d SET BUCKET_DURATION '1d'", {options: {bucketDurationMs: 86_400_000}}],
    ['DROP DATABASE IF EXISTS d', {kind: 'drop-database', ifExists: true}],
    [
      "DROP TABLE a.b AFTER '0s'",
      {kind: 'drop-table', table: {database: 'a', name: 'b'}, afterMs: 0},
    ],
    ['DESCRIBE DATABASE d', {kind: 'describe-database', name: 'd'}],
    ['DESCRIBE TABLE t', {kind: 'describe-table', table: {name: 't'}}],
    ['desc "T"', {kind: 'describe-table', table: {name: 'T'}}],
    ['-- all\nSHOW DATABASES', {kind: 'show-databases'}],
    ['SHOW TABLES ON d', {kind: 'show-tables', database: 'd'}],
    ['SHOW TABLES', {kind: 'show-tables', database: undefined}],
    ['show replicas;;', {kind: 'show-replicas'}],
    ['SHOW OPERATIONS', {kind: 'show-operations'}],
    ['REPLICA ADD REPLICA_ID 7 NODE_ID 2', {order: {type: 'add-replica', set: 7, node: 2}}],
    [
      'replica remove replica_id 7 node_id 2',
      {kind: 'order', order: {type: 'remove-replica-on', set: 7, node: 2}},
    ],
    ['REPLICA PROMOTE REPLICA_ID 7 NODE_ID 2', {order: {type: 'transfer-leader', set: 7, node: 2}}],
    ['REPLICA DESTROY REPLICA_ID 7', {kind: 'order', order: {type: 'destroy', set: 7}}],
    ['replica destory replica_id 7', {kind: 'order', order: {type: 'destroy', set: 7}}],
    ['MOVE VNODE 31 TO NODE 2', {order: {type: 'move-replica', replica: 31, node: 2}}],
    ['COPY VNODE 31 TO NODE 2', {order: {type: 'copy-replica', replica: 31, node: 2}}],
    ['COMPACT VNODE 31', {order: {type: 'compact', replicas: [31]}}],
    ['compact vnode 31, 32 33', {order: {type: 'compact', replicas: [31, 32, 33]}}],
    ['CHECKSUM GROUP 7', {order: {type: 'checksum', set: 7}}],
    ['DROP VNODE 31;', {order: {type: 'remove-replica', replica: 31}}],
  ])('%s', (text, expected) => {
    expect(parseStatement(text)).toMatchObject(expected);
  });

  test.each([
    ['CREATE TABLE t (f DOUBLE CODEC(GORILLA))', 'CODEC is not supported yet'],
    ['CREATE TABLE t (f GEOMETRY(POINT, 0))', 'GEOMETRY is not supported yet'],
    ['ALTER TABLE t ALTER f SET CODEC(ZSTD)', 'ALTER TABLE .. ALTER is not supported yet'],
    ['ALTER TABLE t ADD FIELD f DOUBLE CODEC(GORILLA)', 'CODEC is not supported yet'],
    ["CREATE TENANT a WITH _limiter = '{}'", '_LIMITER of a tenant is not supported yet'],
    ['ALTER TENANT a ADD USER u AS owner', 'ALTER TENANT .. ADD USER is not supported yet'],
    ['SHOW QUERIES', 'SHOW QUERIES is not supported yet'],
    ['EXPLAIN ANALYZE SELECT 1', 'EXPLAIN ANALYZE is not supported yet'],
    [
      'EXPLAIN INSERT INTO t (time) VALUES (1)',
      'EXPLAIN of other than SELECT is not supported yet',
    ],
    ['KILL QUERY 1', 'KILL QUERY is not supported yet'],
    ['SELECT a, row_number() OVER () FROM t', 'window functions are not supported yet'],
    ['SELECT * FROM a JOIN b ON a.x = b.x', 'JOIN is not supported yet'],
    ['SELECT * FROM a ASOF JOIN b ON a.x = b.x', 'ASOF JOIN is not supported yet'],
    ['SELECT * FROM a, b', 'joins are not supported yet'],
    [
      'WITH x AS (SELECT 1) SELECT * FROM x',
      'WITH (common table expressions) is not supported yet',
    ],
    ['SELECT * FROM (SELECT 1) x', 'subqueries are not supported yet'],
    ['SELECT (SELECT 1)', 'subqueries are not supported yet'],
    ['SELECT 1 UNION SELECT 2', 'UNION, INTERSECT and EXCEPT are not supported yet'],
    ['SELECT count(DISTINCT a) FROM t', 'count(DISTINCT ..) is not supported yet'],
    ['SELECT a FROM t GROUP BY ROLLUP (a)', 'GROUPING SETS, ROLLUP and CUBE are not supported yet'],
    ['DELETE FROM t', 'DELETE without WHERE is not carried out'],
    ['VALUES (1)', 'VALUES as a query is not supported yet'],
    ['INSERT INTO t SELECT 1', 'INSERT without VALUES is not supported yet'],
  ])('%s is refused by name', (text, message) => {
    const error = errorOf(text);
    expect(error.code).toBe('UNSUPPORTED');
    expect(error.message.split(' at line')[0]).toBe(message);
  });
});

describe('errors say where', () => {
  test('PostgreSQL counts code points, its tree bytes, we UTF-16', () => {
    const syntax = errorOf("SELECT '😀é' FRO t WHERE");
    expect(syntax).toMatchObject({code: 'SYNTAX_ERROR', details: {line: 1}});
    const unsupported = errorOf("SELECT\n  '😀é', row_number() OVER () FROM t");
    expect(unsupported.details).toMatchObject({position: 16, line: 2, column: 10});
  });

  test('the caret stands below the place', () => {
    const error = errorOf('SHOW TABLES\n  OF d');
    expect(error.details).toMatchObject({position: 14, line: 2, column: 3});
    expect(error.message).toBe(
      "expected the end of the statement, found 'of' at line 2, column 3\n  OF d\n  ^",
    );
  });

  test.each([
    ['', 0],
    ['  -- nothing\n', 13],
    ['SELECT 1; SELECT 2', 10],
    ['SHOW DATABASES; SHOW TABLES', 16],
    ['CREATE DATABASE', 15],
    ["CREATE DATABASE d TTL 'soon'", 22],
    ['CREATE DATABASE d SHARD 0', 24],
    ["CREATE DATABASE d TTL '1d' TTL '2d'", 27],
    ["ALTER DATABASE d SET PRECISION 'ms'", 21],
    ['SHOW NOTHING', 5],
    ["SELECT 'abc", 7],
    ['FROB x', 0],
    ['SHOW "x', 5],
    ["SELECT INTERVAL 'long ago'", 16],
    ["SELECT TIMESTAMP '2024-13-01'", 17],
  ])('%j at %i', (text, position) => {
    expect(errorOf(text)).toMatchObject({code: 'SYNTAX_ERROR', details: {position}});
  });

  test('any text parses or fails with a place', () => {
    const words = [
      'SELECT',
      'SHOW',
      'CREATE',
      'DATABASE',
      '*',
      'FROM',
      't',
      "'x'",
      '1',
      ';',
      '(',
      ')',
    ];
    const texts = fc.oneof(
      fc.array(fc.constantFrom(...words)).map((picked) => picked.join(' ')),
      fc.string().map((tail) => `SHOW ${tail}`),
    );
    fc.assert(
      fc.property(texts, (text) => {
        try {
          parseStatement(text);
        } catch (error) {
          expect(error).toBeInstanceOf(DbError);
        }
      }),
      {numRuns: 300},
    );
  });
});

test('expressions that would exhaust the stack are refused, and the parser lives on', () => {
  for (const count of [300, 20_000]) {
    expect(errorOf(`SELECT 1${'+1'.repeat(count)}`).code).toBe('UNSUPPORTED');
    expect(['UNSUPPORTED', 'SYNTAX_ERROR']).toContain(
      errorOf(`SELECT ${'- '.repeat(count)}x`).code,
    );
    expect(parseStatement('SELECT 1').kind).toBe('select');
  }
  expect(parseStatement(`SELECT 1 FROM t WHERE a = 1${' OR a = 1'.repeat(2_000)}`).kind).toBe(
    'select',
  );
});

test('what PostgreSQL writes in many ways becomes one tree', () => {
  const statement = parseStatement(
    'SELECT count(*) FILTER (WHERE a > 1), a BETWEEN 1 AND 2, b IS NOT TRUE FROM d.t x LIMIT 5 OFFSET 2',
  );
  expect(statement).toMatchObject({
    kind: 'select',
    from: {database: 'd', name: 't', alias: 'x', at: 76},
    limit: 5,
    offset: 2,
    items: [
      {expression: {kind: 'call', name: 'count', star: false, args: [{kind: 'case'}]}},
      {expression: {kind: 'and', of: [{operator: '>='}, {operator: '<='}]}},
      {expression: {kind: 'not', of: {kind: 'and'}}},
    ],
  });
});

describe('tables, tenants and series', () => {
  const name = (text: string) => ({name: text});

  test.each([
    [
      'CREATE TABLE IF NOT EXISTS d.t (time TIMESTAMP, f DOUBLE, n BIGINT UNSIGNED, TAGS(a, "B"))',
      {
        kind: 'create-table',
        ifNotExists: true,
        table: {database: 'd', name: 't'},
        tags: ['a', 'B'],
        fields: [
          {name: 'f', type: 'float'},
          {name: 'n', type: 'unsigned'},
        ],
      },
    ],
    ['CREATE TABLE t (tags BIGINT)', {tags: [], fields: [{name: 'tags', type: 'integer'}]}],
    [
      'ALTER TABLE t ADD TAG a',
      {change: {kind: 'add-column', column: {name: 'a', kind: 'tag', type: 'string'}}},
    ],
    [
      'ALTER TABLE t ADD FIELD f STRING',
      {change: {kind: 'add-column', column: {name: 'f', kind: 'field', type: 'string'}}},
    ],
    ['ALTER TABLE t ADD COLUMN f DOUBLE', {change: {kind: 'add-column', column: name('f')}}],
    ['ALTER TABLE t DROP f', {change: {kind: 'drop-column', name: 'f'}}],
    ['ALTER TABLE t DROP COLUMN f;', {change: {kind: 'drop-column', name: 'f'}}],
    ['ALTER TABLE t DROP column;', {change: {kind: 'drop-column', name: 'column'}}],
    ['ALTER TABLE t RENAME COLUMN a TO b', {change: {kind: 'rename-column', name: 'a', to: 'b'}}],
    ['ALTER TABLE t RENAME column TO b', {change: {kind: 'rename-column', name: 'column'}}],
    ['ALTER TABLE t RENAME TO u', {change: {kind: 'rename-table', to: 'u'}}],
    ['RENAME TABLE t TO u', {kind: 'alter-table', change: {kind: 'rename-table', to: 'u'}}],
    [
      "CREATE TENANT IF NOT EXISTS a WITH COMMENT = 'it''s'",
      {kind: 'create-tenant', ifNotExists: true, name: 'a', comment: "it's"},
    ],
    ["ALTER TENANT a SET COMMENT = 'x'", {kind: 'alter-tenant', name: 'a', comment: 'x'}],
    ['ALTER TENANT a UNSET COMMENT', {kind: 'alter-tenant', comment: ''}],
    ['DROP TENANT IF EXISTS a', {kind: 'drop-tenant', ifExists: true, name: 'a'}],
    ["DROP TENANT a AFTER '7d'", {kind: 'drop-tenant', name: 'a', afterMs: 7 * 86_400_000}],
    ["DROP DATABASE a AFTER '0s'", {kind: 'drop-database', name: 'a', afterMs: 0}],
    ['RECOVER DATABASE d', {kind: 'recover-database', name: 'd', ifExists: false, as: undefined}],
    [
      'RECOVER DATABASE IF EXISTS d AS "E"',
      {kind: 'recover-database', name: 'd', ifExists: true, as: 'E'},
    ],
    ['RECOVER TENANT t AS u;', {kind: 'recover-tenant', name: 't', as: 'u'}],
    [
      'RECOVER TABLE IF EXISTS d.t AS u',
      {kind: 'recover-table', table: {database: 'd', name: 't'}, ifExists: true, as: 'u'},
    ],
    ['DESCRIBE TENANT a', {kind: 'describe-tenant', name: 'a'}],
    ['SHOW COLUMNS ON d FROM t', {kind: 'describe-table', table: {database: 'd', name: 't'}}],
    ['SHOW TAG KEYS', {kind: 'show-tag-keys'}],
    ['SHOW CARDINALITY', {kind: 'show-cardinality'}],
    ['SHOW CARDINALITY ON d LIMIT 5;', {kind: 'show-cardinality', database: 'd', limit: 5}],
    [
      'SHOW CARDINALITY ON e FROM d.t',
      {kind: 'show-cardinality', database: 'd', table: {name: 't'}, limit: undefined},
    ],
    ['SHOW TAG KEYS FROM d.t', {kind: 'show-tag-keys', database: 'd', table: {name: 't'}}],
    [
      "SHOW SERIES ON d FROM t WHERE a = 'x' ORDER BY key DESC LIMIT 3 OFFSET 1;",
      {
        kind: 'show-series',
        table: {database: 'd', name: 't'},
        where: {kind: 'compare', at: 32},
        orderBy: [{descending: true}],
        limit: 3,
        offset: 1,
      },
    ],
    [
      'SHOW TAG VALUES FROM t WITH KEY NOT IN (a, "b")',
      {kind: 'show-tag-values', keys: {isListed: false, names: [{text: 'a'}, {text: 'b'}]}},
    ],
    ['SHOW TAG VALUES FROM t WITH KEY <> a', {keys: {isListed: false, names: [{text: 'a'}]}}],
    ['EXPLAIN SELECT 1 FROM t', {kind: 'explain', select: {from: name('t')}}],
  ])('%s', (text, statement) => {
    expect(parseStatement(text)).toMatchObject(statement);
  });

  test.each([
    ['SHOW CARDINALITY LIMIT 0', 23],
    ['SHOW CARDINALITY FROM t LIMIT 1.5', 30],
    ['SHOW CARDINALITY LIMIT 3 FROM t', 25],
    ['CREATE TABLE t (TAGS(a))', 13],
    ['CREATE TABLE t (f DOUBLE, f DOUBLE)', 26],
    ['CREATE TABLE t (time DOUBLE)', 16],
    ['CREATE TABLE t (f TEXT)', 18],
    ['ALTER TABLE t GROW f', 14],
    ['ALTER TABLE t DROP', 18],
    ['SHOW TAG VALUES FROM t', 22],
    ['SHOW SERIES FROM t GROUP BY a', 19],
    ['SHOW SERIES FROM t WHERE a = 1 GROUP BY b', 40],
    ["SHOW SERIES FROM t WHERE a = 'é' AND", 36],
    ['SHOW SERIES FROM t LIMIT 1; SHOW TABLES', 28],
  ])('%j fails at %i', (text, position) => {
    expect(errorOf(text)).toMatchObject({code: 'SYNTAX_ERROR', details: {position}});
  });
});
