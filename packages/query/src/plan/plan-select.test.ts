// How WHERE becomes fragments: buckets pruned by time, offsets exact, tags for the series index.

import {type DatabaseId, LIMITS, type TenantId} from '@flotilla/base';
import type {CatalogChange, Precision} from '@flotilla/catalog';
import {beforeAll, expect, test} from 'vitest';
import {MemoryDatabase} from '../fixtures/memory-database.ts';
import type {SelectStatement} from '../sql/ast.ts';
import {parseStatement} from '../sql/parse-statement.ts';
import {loadSqlParser} from '../sql/postgres-tree.ts';
import type {Fragment} from './plan.ts';
import {planSelect} from './plan-select.ts';

beforeAll(loadSqlParser);

const HOUR_MS = 3_600_000;
const HOUR_NS = 3_600_000_000_000n;

function fragments(
  where: string,
  options: {precision?: Precision; expiredBeforeMs?: number} = {},
): readonly Fragment[] {
  const database = new MemoryDatabase({
    precision: options.precision ?? 'ns',
    bucketMs: HOUR_MS,
    shards: 2,
    chunkRows: 10,
  });
  database.createTable('m', ['host', 'region'], {v: 'float', w: 'integer'});
  for (let hour = 0n; hour < 4n; hour++) {
    database.insert('m', {timeNs: hour * HOUR_NS, tags: {host: 'a'}, fields: {v: 1}});
  }
  const catalog = database.catalog();
  if (options.expiredBeforeMs !== undefined) {
    const value = {...catalog.database(1 as DatabaseId)!, expiredBeforeMs: options.expiredBeforeMs};
    const change: CatalogChange = {kind: 'database', id: 1, value};
    catalog.applyUpdate({version: 2, changes: [change]});
  }
  const statement = parseStatement(`SELECT v FROM m ${where}`) as SelectStatement;
  const context = {tenant: 1 as TenantId, database: 1 as DatabaseId, nowNs: 0n};
  return planSelect(statement, catalog, context).fragments;
}

const ranges = (of: readonly Fragment[]) =>
  of
    .filter((_, i) => i % 2 === 0)
    .map(({startMs, scan}) => [startMs / HOUR_MS, scan.startOffset, scan.endOffset]);

test('every bucket and shard without a time range', () => {
  const all = fragments('');
  expect(all.map(({set}) => set)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(ranges(all)[1]).toEqual([1, 0, 3.6e12]);
});

test.each([
  ['WHERE time >= 3600000000005 AND time < 3600000000009', [[1, 5, 9]]],
  ['WHERE time > 3600000000005 AND time <= 3600000000009', [[1, 6, 10]]],
  ['WHERE time = 7200000000000', [[2, 0, 1]]],
  [
    "WHERE time >= '1970-01-01T02:59:00Z'",
    [
      [2, 3.54e12, 3.6e12],
      [3, 0, 3.6e12],
    ],
  ],
  ['WHERE time < 0', []],
  ['WHERE time > 5 AND time < 5', []],
  ['WHERE false', []],
  ['WHERE 1 > 2 OR NULL', []],
] as const)('%s', (where, expected) => {
  expect(ranges(fragments(where))).toEqual(expected);
});

test('bounds finer than the precision round up', () => {
  const of = fragments('WHERE time >= 1000001 AND time < 3000001', {precision: 'ms'});
  expect(ranges(of)).toEqual([[0, 2, 4]]);
});

test('what has expired is not read', () => {
  const of = fragments("WHERE time < '1970-01-01T03:00:00Z'", {expiredBeforeMs: HOUR_MS + 7});
  expect(ranges(of)).toEqual([
    [1, 7e6, 3.6e12],
    [2, 0, 3.6e12],
  ]);
  // A replica that knows an older catalog must not hide more: what had expired may be back.
  expect(of.map(({scan}) => scan.plannedAt)).toEqual([2, 2, 2, 2]);
});

test('conditions on tags go to the series index, the rest stays', () => {
  const [fragment] = fragments(
    "WHERE (host = 'a' OR region IN ('x', 'y')) AND NOT host ~ 'b' AND region IS NOT NULL AND v > 1",
  );
  expect(fragment!.scan.tags).toEqual({
    op: 'and',
    of: [
      {
        op: 'or',
        of: [
          {op: 'in', column: 1, values: ['a']},
          {op: 'in', column: 2, values: ['x', 'y']},
        ],
      },
      {op: 'not', of: {op: 'match', column: 1, pattern: 'b', ignoreCase: false}},
      {op: 'not', of: {op: 'null', column: 2}},
    ],
  });
  expect(fragment!.filter).toMatchObject({
    op: 'compare',
    with: '>',
    of: [{input: 2}, {value: '1'}],
  });
});

test('a tag beside a field is left to the rows; fields nobody reads are not asked for', () => {
  const [fragment] = fragments("WHERE host = 'a' OR w > 1");
  expect(fragment!.scan.tags).toBeUndefined();
  expect(fragment!.filter).toMatchObject({op: 'or'});
  expect(fragment!.scan.fields.map(({column}) => column)).toEqual([4, 3]);
  expect(fragments('')[0]!.scan.fields).toEqual([{column: 3, type: 'float'}]);
});

test('a fragment is plain JSON', () => {
  const [fragment] = fragments("WHERE v > 'NaN'::float AND w <> 9007199254740993");
  const {filter: _, ...rest} = fragment!;
  expect(JSON.parse(JSON.stringify(fragment))).toMatchObject(JSON.parse(JSON.stringify(rest)));
  expect(JSON.stringify(fragment)).toContain('"9007199254740993"');
});

test('select_columns_max: as many columns and keys are planned, one more is refused, by a star too', () => {
  const database = new MemoryDatabase({
    precision: 'ns',
    bucketMs: HOUR_MS,
    shards: 1,
    chunkRows: 9,
  });
  database.createTable('m', ['host'], {v: 'float'});
  const plan = (text: string) => {
    const context = {tenant: 1 as TenantId, database: 1 as DatabaseId, nowNs: 0n};
    return planSelect(parseStatement(text) as SelectStatement, database.catalog(), context);
  };
  const max = LIMITS.select_columns_max.value;
  const many = (count: number, what = 'v') => new Array<string>(count).fill(what).join(', ');
  expect(plan(`SELECT ${many(max)} FROM m`).output).toHaveLength(max);
  expect(plan(`SELECT ${many(max - 5)} FROM m ORDER BY v, host`).output).toHaveLength(max - 5);
  const refused = expect.objectContaining({
    code: 'QUERY_ERROR',
    details: {limit: 'select_columns_max', max},
  });
  for (const text of [
    `SELECT ${many(max + 1)} FROM m`,
    `SELECT ${many(max + 1, '1')}`,
    `SELECT ${many(Math.ceil(max / 3) + 1, '*')} FROM m`,
    `SELECT v FROM m ORDER BY ${many(max)}`,
    `SELECT count(*) FROM m GROUP BY ${many(max)}`,
  ])
    expect(() => plan(text)).toThrow(refused);
});
