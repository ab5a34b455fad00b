// Random queries over random rows, cut into 1 to 4 fragments or more, against the reference.

import fc from 'fast-check';
import {beforeAll, expect, test} from 'vitest';
import type {ResultBatch} from './execute/merge-results.ts';
import {scalarAt, timeNsAt} from './execute/vector.ts';
import {MemoryDatabase} from './fixtures/memory-database.ts';
import {query, rows, TABLE_FIELDS, TABLE_TAGS} from './fixtures/random-query.ts';
import {type ReferenceValue, referenceExecute} from './fixtures/reference-execute.ts';
import type {SelectStatement} from './sql/ast.ts';
import {parseStatement} from './sql/parse-statement.ts';
import {loadSqlParser} from './sql/postgres-tree.ts';

beforeAll(loadSqlParser);

function valuesOf(batches: readonly ResultBatch[]): ReferenceValue[][] {
  return batches.flatMap(({rowCount, columns}) =>
    Array.from({length: rowCount}, (_, row) =>
      columns.map(({values}) => {
        const value = scalarAt(values, row);
        if (value === null) return null;
        if (values.type === 'time') return timeNsAt(values, row);
        const exact = values.type === 'integer' || values.type === 'unsigned';
        return exact ? BigInt(value as number) : (value as ReferenceValue);
      }),
    ),
  );
}

function same(a: ReferenceValue, b: ReferenceValue): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') return a === b;
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b);
  return a === b || Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(a), Math.abs(b));
}

const layout = fc.record({
  precision: fc.constantFrom('ns', 'us', 'ms'),
  bucketMs: fc.constantFrom(3_600_000, 86_400_000, 604_800_000),
  shards: fc.integer({min: 1, max: 4}),
  chunkRows: fc.constantFrom(1, 3, 1_000),
} as const);

test('the engine answers as the reference does', async () => {
  await fc.assert(
    fc.asyncProperty(
      rows,
      layout,
      fc.array(query, {minLength: 4, maxLength: 4}),
      async (all, options, texts) => {
        const database = new MemoryDatabase(options);
        database.createTable('t', TABLE_TAGS, TABLE_FIELDS);
        for (const row of all) database.insert('t', row);
        const {table, rows: stored} = database.tables.get('t')!;
        for (const text of texts) {
          const statement = parseStatement(text) as SelectStatement;
          const expected = referenceExecute(statement, table, [...stored.values()]);
          const actual = valuesOf(await database.query(statement));
          const equal =
            actual.length === expected.length &&
            actual.every((row, i) => row.every((value, j) => same(value, expected[i]![j]!)));
          if (!equal) expect({text, rows: actual}).toEqual({text, rows: expected});
        }
      },
    ),
    {numRuns: Number(process.env['FUZZ_RUNS'] ?? 150)},
  );
});
