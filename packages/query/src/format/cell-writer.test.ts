// What is written as bytes is what a plain reading of the same values gives.

import {Buffer} from 'node:buffer';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import type {Vector} from '../execute/vector.ts';
import type {ValueType} from '../plan/plan.ts';
import {formatResult} from './format-result.ts';
import {valueText} from './value-text.ts';

const [INT64_MIN, INT64_MAX, UINT64_MAX] = [-(2n ** 63n), 2n ** 63n - 1n, 2n ** 64n - 1n];
const ROWS = 6;

function listOf<T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.array(item, {minLength: ROWS, maxLength: ROWS});
}

const safe = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({min: -100, max: 100}),
  fc.constantFrom(-0, 2 ** 53, -(2 ** 53), 999_999_999_999_999, 10 ** 15),
);
const special = fc.constantFrom(0, -0, NaN, Infinity, 2 ** 53, -(2 ** 53), 1e21, 0.1, 1e-7, 5e-324);
const texts = fc.oneof(
  fc.string({unit: 'binary', maxLength: 8}),
  fc.constantFrom('', 'host_1', '"', '\\', ',', '\r', '\n', 'x'.repeat(64), 'x'.repeat(65)),
  fc.string({unit: 'binary', minLength: 60, maxLength: 70}),
  fc.string({minLength: 1_020, maxLength: 1_030}),
);
const times = fc.oneof(
  fc.bigInt(INT64_MIN, INT64_MAX),
  fc.bigInt(-3_000_000_000n, 3_000_000_000n),
  fc.integer({min: -10_000, max: 10_000}).map((seconds) => BigInt(seconds) * 1_000_000_000n),
  fc.constantFrom(INT64_MIN, INT64_MAX, 0n, -1n),
);
const presence = fc.option(
  listOf(fc.integer({min: 0, max: 1})).map((all) => Uint8Array.from(all)),
  {
    nil: undefined,
  },
);

type Values = Omit<Vector, 'constant' | 'present'>;
const values: fc.Arbitrary<Values> = fc.oneof(
  listOf(texts).map((all) => ({type: 'string' as const, values: all})),
  listOf(fc.integer({min: 0, max: 1})).map((all) => ({
    ...{type: 'boolean' as const, values: Uint8Array.from(all)},
  })),
  listOf(fc.oneof(fc.double(), safe, special)).map((all) => ({
    ...{type: 'float' as const, values: Float64Array.from(all)},
  })),
  listOf(safe).map((all) => ({
    ...{type: 'integer' as const, values: Float64Array.from(all)},
  })),
  listOf(fc.bigInt(INT64_MIN, INT64_MAX)).map((all) => ({
    ...{type: 'integer' as const, values: Float64Array.from(all, Number)},
    wide: BigInt64Array.from(all),
  })),
  listOf(fc.bigInt(0n, UINT64_MAX)).map((all) => ({
    ...{type: 'unsigned' as const, values: Float64Array.from(all, Number)},
    wide: BigUint64Array.from(all),
  })),
  listOf(times).map((all) => ({
    ...{type: 'time' as const, startMs: 0, unitNs: 1, values: Float64Array.from(all, Number)},
    wide: BigInt64Array.from(all),
  })),
  fc
    .record({
      all: listOf(fc.integer({min: 0, max: 1e12})),
      unitNs: fc.constantFrom(1, 1_000, 1_000_000),
      startMs: fc.integer({min: -1e12, max: 1e12}),
    })
    .map(({all, unitNs, startMs}) => ({
      ...{type: 'time' as const, values: Float64Array.from(all), startMs, unitNs},
    })),
) as fc.Arbitrary<Values>;

const columns = fc.array(
  fc
    .record({values, present: presence, constant: fc.boolean(), name: texts})
    .map(({name, values: {type, ...rest}, present, constant}) => ({
      ...{name, type: type as ValueType},
      values: {type, ...rest, present, constant} as Vector,
    })),
  {minLength: 1, maxLength: 4},
);
const batches = fc
  .array(fc.integer({min: 0, max: ROWS}), {minLength: 1, maxLength: 3})
  .chain((counts) => columns.map((all) => counts.map((rowCount) => ({rowCount, columns: all}))));

function jsonOf(vector: Vector, row: number): string {
  const text = valueText(vector, row);
  if (text === undefined) return 'null';
  if (vector.type === 'string') return JSON.stringify(text);
  if (vector.type === 'time') return `"${text}"`;
  return text === 'NaN' || text.endsWith('Infinity') ? 'null' : text;
}

function csvOf(text: string | undefined): string {
  if (text === undefined) return '';
  return text !== '' && !/[",\r\n]/.test(text) ? text : `"${text.replaceAll('"', '""')}"`;
}

async function* each<T>(all: readonly T[]): AsyncGenerator<T> {
  yield* all;
}

async function textOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all).toString();
}

test('every value is written as it is read', async () => {
  await fc.assert(
    fc.asyncProperty(batches, async (all) => {
      const rows = all.flatMap(({rowCount, columns}) =>
        Array.from({length: rowCount}, (_, row) => ({row, columns})),
      );
      const objects = rows.map(({row, columns}) => {
        const cells = columns.map(({name, values: vector}) => {
          return `${JSON.stringify(name)}:${jsonOf(vector, row)}`;
        });
        return `{${cells.join(',')}}`;
      });
      const lines = rows.map(({row, columns}) =>
        columns.map(({values: vector}) => csvOf(valueText(vector, row))).join(','),
      );
      const header = all[0]!.columns.map(({name}) => csvOf(name)).join(',');
      // Half of a pair of surrogates has no bytes of its own.
      const wanted = (text: string) => Buffer.from(text).toString();
      expect(await textOf(formatResult('json', each(all)))).toBe(
        wanted(objects.length === 0 ? '[]\n' : `[${objects.join(',\n')}]\n`),
      );
      expect(await textOf(formatResult('ndjson', each(all)))).toBe(
        wanted(objects.map((object) => `${object}\n`).join('')),
      );
      expect(await textOf(formatResult('csv', each(all)))).toBe(
        wanted([header, ...lines].map((line) => `${line}\r\n`).join('')),
      );
    }),
    {numRuns: 1_000},
  );
});
