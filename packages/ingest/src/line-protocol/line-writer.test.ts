// Goal: what is written as lines is read back as it was, whatever the names and values. Method: rows of a scan
// that a test makes, through the parser.

import type {ColumnId, SeriesId} from '@flotilla/base';
import type {ChunkColumn, ColumnValues, SeriesChunk, TableScan} from '@flotilla/column';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {renderBatch} from './batch-text.ts';
import {DEFAULT_LIMITS, LineProtocolParser} from './line-protocol-parser.ts';
import {LineWriter} from './line-writer.ts';

const TAGS = [1, 2] as ColumnId[];
/** 2026-01-01, in nanoseconds. */
const START = 1_767_225_600_000_000_000n;

interface Rows {
  readonly tags: readonly (string | undefined)[];
  readonly offsets: readonly number[];
  readonly columns: readonly (ChunkColumn | undefined)[];
}

/** A series for each. */
function scanOf(all: readonly Rows[]): TableScan & {readonly isClosed: () => boolean} {
  const chunks = all.map(({offsets, columns}, series): SeriesChunk => {
    const rowCount = offsets.length;
    return {series: series as SeriesId, rowCount, offsets: Float64Array.from(offsets), columns};
  });
  let isClosed = false;
  return {
    next: async () => (chunks.length === 0 ? undefined : chunks.splice(0, 1)),
    tagValue: (series, column) => all[series]!.tags[TAGS.indexOf(column)],
    seriesKey: () => new Uint8Array(0),
    close: () => {
      isClosed = true;
    },
    isClosed: () => isClosed,
  };
}

async function write(
  names: {readonly table: string; readonly tags: readonly string[]; readonly fields: string[]},
  rows: readonly Rows[],
): Promise<{text: string; rows: number; untold: number}> {
  const scan = scanOf(rows);
  const writer = new LineWriter(
    {
      name: names.table,
      tags: names.tags.map((name, i) => ({column: TAGS[i]!, name})),
      fields: names.fields.map((name) => ({name})),
    },
    START,
  );
  let text = '';
  let count = 0;
  for await (const lines of writer.read(scan)) {
    text += lines.text;
    count += lines.rows;
  }
  expect(scan.isClosed()).toBe(true);
  return {text, rows: count, untold: writer.untold};
}

function parsed(text: string): string {
  const parser = new LineProtocolParser({limits: DEFAULT_LIMITS, seriesCacheMax: 100});
  parser.begin(Buffer.from(text), {precision: 'ns', nowMs: 0});
  for (;;) {
    const batch = parser.readOn(1_000_000);
    if (batch !== undefined) return renderBatch(batch);
  }
}

const floats = (...values: number[]): ColumnValues => ({
  type: 'float',
  values: Float64Array.from(values),
});

function strings(...texts: string[]): ColumnValues {
  const bytes = texts.map((text) => Buffer.from(text));
  let end = 0;
  const ends = Uint32Array.from(bytes, (each) => (end += each.length));
  return {type: 'string', ends, bytes: new Uint8Array(Buffer.concat(bytes))};
}

test('values of each type keep every bit', async () => {
  const columns: ChunkColumn[] = [
    {values: floats(-0, 1e300, 5e-324)},
    {
      values: {
        type: 'integer',
        values: Float64Array.from([1, -(2 ** 63), 2 ** 53]),
        wide: BigInt64Array.from([1n, -(2n ** 63n), 2n ** 53n + 1n]),
      },
    },
    {
      values: {
        type: 'unsigned',
        values: Float64Array.from([0, 2 ** 64, 7]),
        wide: BigUint64Array.from([0n, 2n ** 64n - 1n, 7n]),
      },
    },
    {values: {type: 'boolean', values: Uint8Array.of(1, 0, 1)}},
    {values: strings('a "b" \\ c\nd', '', 'é😀'), present: Uint8Array.of(1, 1, 0)},
  ];
  const names = {table: 't', tags: ['x', 'y'], fields: ['f', 'i', 'u', 'b', 's']};
  const {text, rows, untold} = await write(names, [
    {tags: ['1', undefined], offsets: [0, 1, 2 ** 52], columns},
  ]);
  expect([rows, untold]).toEqual([3, 0]);
  expect(parsed(text).split('\n')).toEqual([
    '1: t{x=1} b=true,f=-0,i=1i,s="a \\"b\\" \\\\ c\\nd",u=0u 1767225600000000000',
    '3: t{x=1} b=false,f=1e+300,i=-9223372036854775808i,s="",u=18446744073709551615u 1767225600000000001',
    '4: t{x=1} b=true,f=5e-324,i=9007199254740993i,u=7u 1771729199627370496',
  ]);
});

const name = fc
  .string({unit: fc.constantFrom(...'ab ,=\\"#é😀\t\r'), minLength: 1, maxLength: 6})
  .filter((text) => text !== 'time');

test('names and values of tags are read back, or counted where no line can hold them', async () => {
  const trial = fc.record({
    table: name,
    tags: fc.uniqueArray(name, {minLength: 2, maxLength: 2}),
    field: name,
    values: fc.array(fc.option(name, {nil: undefined}), {minLength: 2, maxLength: 2}),
  });
  await fc.assert(
    fc.asyncProperty(trial, async ({table, tags, field, values}) => {
      fc.pre(!tags.includes(field));
      const used = tags.filter((_, i) => values[i] !== undefined);
      const all = [table, field, ...used, ...values.filter((value) => value !== undefined)];
      const isUntold = all.some((text) => text.endsWith('\\')) || /^[#\t]/.test(table);
      const rows = [{tags: values, offsets: [5], columns: [{values: floats(1.5)}]}];
      const written = await write({table, tags, fields: [field]}, rows);
      expect(written).toMatchObject(isUntold ? {rows: 0, untold: 1} : {rows: 1, untold: 0});
      if (isUntold) return;
      const quote = (text: string) => (/^\w+$/.test(text) ? text : JSON.stringify(text));
      const order = used
        .map((tag) => [tag, values[tags.indexOf(tag)]!] as const)
        .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const head = order.map(([tag, value]) => `${quote(tag)}=${quote(value)}`).join(',');
      expect(parsed(written.text)).toBe(
        `1: ${quote(table)}{${head}} ${quote(field)}=1.5 1767225600000000005`,
      );
    }),
    {numRuns: 500},
  );
});

test('a row without a value is left out, and one with a value that no line can hold is counted', async () => {
  const columns = [
    {values: floats(1, 2, Number.POSITIVE_INFINITY), present: Uint8Array.of(1, 0, 1)},
    undefined,
  ];
  const names = {table: 't', tags: [], fields: ['f', 'g']};
  const {text, rows, untold} = await write(names, [{tags: [], offsets: [0, 1, 2], columns}]);
  expect([text, rows, untold]).toEqual(['t f=1 1767225600000000000\n', 1, 1]);
});
