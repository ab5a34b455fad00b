import {Buffer} from 'node:buffer';
import {DbError} from '@flotilla/base';
import {beforeAll, expect, test} from 'vitest';
import {MemoryDatabase} from './fixtures/memory-database.ts';
import {insertToBatch} from './insert-batch.ts';
import type {InsertStatement} from './sql/ast.ts';
import {parseStatement} from './sql/parse-statement.ts';
import {loadSqlParser} from './sql/postgres-tree.ts';

beforeAll(loadSqlParser);

const NOW_MS = 1_704_067_200_000;

function insert(text: string) {
  const database = new MemoryDatabase({precision: 'ns', bucketMs: 1, shards: 1, chunkRows: 1});
  const fields = {f: 'float', i: 'integer', u: 'unsigned', b: 'boolean', s: 'string'} as const;
  database.createTable('t', ['host', 'Zone'], fields);
  const {table} = database.tables.get('t')!;
  return insertToBatch(parseStatement(text) as InsertStatement, table, {nowMs: NOW_MS});
}

test('rows become a batch as line protocol makes it', () => {
  const batch = insert(`INSERT INTO t (time, host, "Zone", f, i, u, b, s) VALUES
    ('2024-01-01T00:00:00.000000001Z', 'a', 'z', 1, -9223372036854775808, 18446744073709551615, true, 'é'),
    (1704067200000000002, 'a', 'z', '2.5', '7', 7, 'false', ''),
    (now() - INTERVAL '1 hour', 'b', NULL, NULL, 3, NULL, NULL, NULL)`);
  const [table] = batch.tables;
  expect(batch).toMatchObject({rowCount: 3, badLineCount: 0});
  expect(table!.series.map(({tagNames, tagValues}) => [tagNames, tagValues])).toEqual([
    [
      ['Zone', 'host'],
      ['z', 'a'],
    ],
    [['host'], ['b']],
  ]);
  expect([...table!.seriesOfRow]).toEqual([0, 0, 1]);
  expect([...table!.timesMs]).toEqual([NOW_MS, NOW_MS, NOW_MS - 3_600_000]);
  expect([...table!.timesNs]).toEqual([1, 2, 0]);
  const field = (name: string) => table!.fields.find((each) => each.name === name)!;
  expect(field('f')).toMatchObject({count: 2, rows: Int32Array.of(0, 1)});
  expect(field('f').values).toMatchObject({values: Float64Array.of(1, 2.5)});
  expect(field('i').values).toMatchObject({wide: BigInt64Array.of(-(2n ** 63n), 7n, 3n)});
  expect(field('u').values).toMatchObject({wide: BigUint64Array.of(2n ** 64n - 1n, 7n)});
  expect(field('b').values).toMatchObject({values: Uint8Array.of(1, 0)});
  const text = field('s').values as {bytes: Uint8Array; ends: Uint32Array};
  expect([Buffer.from(text.bytes).toString(), ...text.ends]).toEqual(['é', 2, 2]);
});

test('without a list the columns are those of the table; without a time it is now', () => {
  const batch = insert("INSERT INTO t VALUES (NULL, 'a', NULL, 1.5, NULL, NULL, NULL, NULL)");
  expect(batch.tables[0]).toMatchObject({rowCount: 1, timesMs: Float64Array.of(NOW_MS)});
  expect(batch.tables[0]!.fields.map(({name}) => name)).toEqual(['f']);
});

test.each([
  ["INSERT INTO t (host, fx) VALUES ('a', 1)", 21, 'table t has no column fx'],
  ["INSERT INTO t (host, f, f) VALUES ('a', 1, 2)", 24, 'column f stands twice'],
  ["INSERT INTO t (host, f) VALUES ('a', 1), ('b')", 42, 'row 2 has 1 values for 2 columns'],
  ["INSERT INTO t (host, f) VALUES ('a', NULL)", 32, 'row 1 has no field'],
  ['INSERT INTO t (host, f) VALUES (5, 1)', 32, 'host takes string, not integer'],
  ['INSERT INTO t (i) VALUES (1.5)', 26, 'i takes integer, not float'],
  ["INSERT INTO t (i) VALUES ('x')", 26, "i: cannot cast 'x': it is not a whole number"],
  ['INSERT INTO t (u) VALUES (-1)', 26, 'u: unsigned out of range'],
  ['INSERT INTO t (f) VALUES (max(1))', 26, 'max() cannot stand in VALUES'],
  ['INSERT INTO t (f) VALUES (g)', 26, 'no column g: the statement has no FROM'],
])('%s', (text, position, message) => {
  try {
    insert(text);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(DbError);
    expect((error as DbError).message).toContain(message);
    expect(error).toMatchObject({code: 'QUERY_ERROR', details: {position}});
  }
});
