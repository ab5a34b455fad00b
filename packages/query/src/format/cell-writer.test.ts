// What is written as bytes is what a plain reading of the same values gives.

import {Buffer} from 'node:buffer';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import type {Vector} from '../execute/vector.ts';
import {ROWS, texts, vectors} from '../fixtures/random-vector.ts';
import {formatResult} from './format-result.ts';
import {valueText} from './value-text.ts';

const columns = fc.array(
  fc
    .record({name: texts, values: vectors})
    .map((column) => ({...column, type: column.values.type})),
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
