// What a DELETE may say, and what each replica set is told.

import type {DatabaseId, DbError, TenantId} from '@flotilla/base';
import {beforeAll, expect, test} from 'vitest';
import {MemoryDatabase} from '../fixtures/memory-database.ts';
import type {DeleteStatement} from '../sql/ast.ts';
import {parseStatement} from '../sql/parse-statement.ts';
import {loadSqlParser} from '../sql/postgres-tree.ts';
import {planDelete} from './plan-delete.ts';

beforeAll(loadSqlParser);

const HOUR_MS = 3_600_000;
const HOUR_NS = 3_600_000_000_000n;
const HOST = 1;

function targets(sql: string, expiredBeforeMs?: number) {
  const database = new MemoryDatabase({
    precision: 'ns',
    bucketMs: HOUR_MS,
    shards: 2,
    chunkRows: 10,
  });
  database.createTable('m', ['host', 'region'], {v: 'float', w: 'integer'});
  for (let hour = 0n; hour < 4n; hour++)
    database.insert('m', {timeNs: hour * HOUR_NS, tags: {host: 'a'}, fields: {v: 1}});
  const statement = parseStatement(sql) as DeleteStatement;
  const context = {tenant: 1 as TenantId, database: 1 as DatabaseId, nowNs: 2n * HOUR_NS};
  const catalog = database.catalog();
  const value = {...catalog.database(context.database)!, expiredBeforeMs};
  catalog.applyUpdate({version: 2, changes: [{kind: 'database', id: value.id, value}]});
  return planDelete(statement, catalog, context).targets;
}

function errorOf(sql: string): DbError {
  try {
    targets(sql);
  } catch (error) {
    return error as DbError;
  }
  throw new Error(`planned: ${sql}`);
}

test('every replica set of the buckets that the range touches, and no other', () => {
  const some = targets(
    `DELETE FROM m WHERE time >= ${HOUR_NS + 5n} AND time < ${2n * HOUR_NS + 9n}`,
  );
  expect(some.map(({set}) => set)).toEqual([3, 4, 5, 6]);
  expect(some.map(({deletion: {startOffset, endOffset}}) => [startOffset, endOffset])).toEqual([
    [5, 3.6e12],
    [5, 3.6e12],
    [0, 9],
    [0, 9],
  ]);
  expect(targets('DELETE FROM m WHERE true')).toHaveLength(8);
  expect(targets("DELETE FROM m WHERE time < now() - INTERVAL '1 hour'")).toHaveLength(2);
  expect(targets('DELETE FROM m WHERE false')).toEqual([]);
  expect(targets('DELETE FROM m WHERE time > 5 AND time < 5')).toEqual([]);
});

test('what has expired is deleted with the rest: it may come back', () => {
  const all = targets("DELETE FROM m WHERE host = 'a'", 3 * HOUR_MS + 7);
  expect(all).toEqual(targets("DELETE FROM m WHERE host = 'a'"));
  expect(all).toHaveLength(8);
});

test.each([
  ["host = 'a'", {op: 'in', column: HOST, values: ['a']}],
  ["host <> 'a'", {op: 'not', of: {op: 'in', column: HOST, values: ['a']}}],
  ["x.host IN ('a', 'b')", {op: 'in', column: HOST, values: ['a', 'b']}],
  ["host ~ '^a' AND time > 7", {op: 'match', column: HOST, pattern: '^a', ignoreCase: false}],
  ["host LIKE 'a%'", {op: 'match', column: HOST, pattern: expect.any(String), ignoreCase: false}],
  ["host !~ 'a'", {op: 'not', of: {op: 'match', column: HOST, pattern: 'a', ignoreCase: false}}],
  ["host < 'b'", {op: 'compare', column: HOST, with: '<', value: 'b'}],
  ['time BETWEEN 1 AND 9', undefined],
  ['NOT host IS NULL', {op: 'not', of: {op: 'null', column: HOST}}],
  [
    "host = 'a' OR region = 'b'",
    {
      op: 'or',
      of: [
        {op: 'in', column: HOST, values: ['a']},
        {op: 'in', column: 2, values: ['b']},
      ],
    },
  ],
])('WHERE %s', (where, tags) => {
  const [first] = targets(`DELETE FROM m AS x WHERE ${where}`);
  expect(first!.deletion.tags).toEqual(tags);
});

test.each([
  ['DELETE FROM m', 'UNSUPPORTED', 'DELETE without WHERE is not carried out', 12],
  ['DELETE FROM m WHERE v > 1', 'UNSUPPORTED', 'DELETE by a field is not supported', 20],
  ["DELETE FROM m WHERE host = 'a' AND w = 1", 'UNSUPPORTED', 'DELETE by a field', 35],
  ["DELETE FROM m WHERE host = 'a' OR w = 1", 'UNSUPPORTED', 'DELETE by a field', 34],
  ["DELETE FROM m WHERE host = 'a' OR time < 5", 'UNSUPPORTED', 'by this condition', 31],
  ['DELETE FROM m WHERE time <> 5', 'UNSUPPORTED', 'DELETE by this condition', 25],
  ["DELETE FROM m WHERE lower(host) = 'a'", 'UNSUPPORTED', 'DELETE by this condition', 32],
  ['DELETE FROM m WHERE host IN (SELECT 1)', 'UNSUPPORTED', 'subquer', 25],
  ["DELETE FROM m USING n WHERE host = 'a'", 'UNSUPPORTED', 'DELETE .. USING is not supported', 20],
  ['DELETE FROM m USING (SELECT 1) x WHERE true', 'UNSUPPORTED', 'DELETE .. USING', 12],
  ["DELETE FROM m WHERE host = 'a' RETURNING v", 'UNSUPPORTED', 'RETURNING is not supported', 41],
  ["WITH c AS (SELECT 1) DELETE FROM m WHERE host = 'a'", 'UNSUPPORTED', 'WITH is not', 0],
  ["DELETE FROM m WHERE hst = 'a'", 'QUERY_ERROR', 'no column hst', 20],
  ["DELETE FROM n WHERE host = 'a'", 'TABLE_NOT_FOUND', 'no table n', 12],
  ['DELETE FROM m WHERE host', 'QUERY_ERROR', 'WHERE takes a condition', 20],
  ['DELETE FROM m WHERE count(*) > 1', 'QUERY_ERROR', 'WHERE', 20],
])('%s is refused by name, at its place', (sql, code, message, position) => {
  const error = errorOf(sql);
  expect(error.message).toContain(message);
  expect(error).toMatchObject({code, details: {position}});
});

test('a condition that would be kept for long may not be long', () => {
  const error = errorOf(`DELETE FROM m WHERE host IN ('${'a'.repeat(17_000)}')`);
  expect(error.message).toContain('delete_condition_bytes_max');
  expect(error).toMatchObject({code: 'QUERY_ERROR', details: {position: 25}});
});
