// Goal: what goes into bodies is what a node reads out of them, whatever the order of rows, and who goes on behind a
// body makes the next ones as they were. Method: rows that a test makes, in chunks of any size, written, read back
// and compared one by one.

import type {ChunkColumn, ColumnValues, FieldType, ParsedBatch} from '@flotilla/column';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {COLUMN_TIME_NS_MAX} from './column-body.ts';
import {ColumnReader} from './column-reader.ts';
import {type RowChunk, RowWriter} from './row-writer.ts';

type Value = number | bigint | boolean | string;

interface Row {
  readonly time: bigint;
  /** Empty: the series has not that tag. */
  readonly tags: readonly string[];
  readonly values: readonly (Value | undefined)[];
}

const TAGS = ['host', 'a zone', 'é'];
const TYPES = ['float', 'integer', 'unsigned', 'boolean', 'string'] as const;
const TABLE = {
  name: 'cpu',
  tags: TAGS,
  fields: TYPES.map((type) => ({name: `of ${type}`, type})),
};
const NS_MIN = -COLUMN_TIME_NS_MAX;
const NS_MAX = COLUMN_TIME_NS_MAX;

function chunkOf(rows: readonly Row[]): RowChunk {
  return {
    rowCount: rows.length,
    times: BigInt64Array.from(rows, ({time}) => time),
    tags: TAGS.map((_, i) => rows.map(({tags}) => Buffer.from(tags[i]!))),
    columns: TYPES.map((type, i): ChunkColumn | undefined => {
      const values = rows.map((row) => row.values[i]);
      if (values.every((value) => value === undefined)) return undefined;
      const present = Uint8Array.from(values, (value) => (value === undefined ? 0 : 1));
      return {values: valuesOf(type, values), ...(present.includes(0) && {present})};
    }),
  };
}

/** Integers always with all of their bits, as they come out of a file. */
function valuesOf(type: FieldType, values: readonly (Value | undefined)[]): ColumnValues {
  switch (type) {
    case 'float':
      return {type, values: Float64Array.from(values, (value) => Number(value ?? 0))};
    case 'boolean':
      return {type, values: Uint8Array.from(values, (value) => Number(value ?? 0))};
    case 'string': {
      const texts = values.map((value) => Buffer.from((value as string | undefined) ?? ''));
      let end = 0;
      const ends = Uint32Array.from(texts, ({length}) => (end += length));
      return {type, ends, bytes: new Uint8Array(Buffer.concat(texts))};
    }
    default: {
      const exact = values.map((value) => BigInt(value ?? 0));
      const numbers = Float64Array.from(exact, Number);
      return type === 'integer'
        ? {type, values: numbers, wide: BigInt64Array.from(exact)}
        : {type, values: numbers, wide: BigUint64Array.from(exact)};
    }
  }
}

function bodiesOf(rows: readonly Row[], {chunkRows, bodyBytes}: typeof ONE_CHUNK) {
  const writer = new RowWriter(TABLE, bodyBytes);
  const bodies: {body: Uint8Array; endRow: number}[] = [];
  for (let first = 0; first < rows.length; first += chunkRows) {
    const part = rows.slice(first, first + chunkRows);
    const chunk = chunkOf(part);
    for (let row = 0; row < part.length; ) {
      row = writer.add(chunk, row, part.length);
      if (row < part.length) bodies.push({body: writer.take(), endRow: first + row});
    }
  }
  if (!writer.isEmpty) bodies.push({body: writer.take(), endRow: rows.length});
  return bodies;
}

const ONE_CHUNK = {chunkRows: 1_000, bodyBytes: 1_000_000};

function read(body: Uint8Array): ParsedBatch {
  const reader = new ColumnReader(body);
  for (;;) {
    const batch = reader.readOn(1_000);
    if (batch !== undefined) return batch;
  }
}

function rowsOf({tables: [table]}: ParsedBatch): Row[] {
  const {rowCount, series, seriesOfRow, timesMs, timesNs, fields} = table!;
  const rows = Array.from({length: rowCount}, (_, row) => {
    const {tagNames, tagValues} = series[seriesOfRow[row]!]!;
    return {
      time: BigInt(timesMs[row]!) * 1_000_000n + BigInt(timesNs[row]!),
      tags: TAGS.map((tag) => tagValues[tagNames.indexOf(tag)] ?? ''),
      values: TYPES.map((): Value | undefined => undefined),
    };
  });
  for (const {name, rows: places, count, values} of fields) {
    const at = TYPES.findIndex((type) => `of ${type}` === name);
    for (let i = 0; i < count; i++) rows[places[i]!]!.values[at] = valueAt(values, i);
  }
  return rows;
}

function valueAt(column: ColumnValues, i: number): Value {
  switch (column.type) {
    case 'float':
      return column.values[i]!;
    case 'boolean':
      return column.values[i] === 1;
    case 'string':
      return Buffer.from(
        column.bytes.subarray(i === 0 ? 0 : column.ends[i - 1]!, column.ends[i]!),
      ).toString();
    default:
      return column.wide?.[i] ?? BigInt(column.values[i]!);
  }
}

const time = fc.oneof(
  fc.bigInt(NS_MIN, NS_MAX),
  fc.bigInt(0n, 50n),
  fc.bigInt(-9_000_000_000_000n, 9_000_000_000_000n).map((ms) => ms * 1_000_000n),
  fc.bigInt(-9_000_000_000_000_000n, 9_000_000_000_000_000n).map((us) => us * 1_000n),
);
const tag = fc.constantFrom('', 'a', 'b', '\ufeffé', '1:a', '\0');
const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, {nil: undefined});
const row = fc.record({
  time,
  tags: fc.tuple(tag, tag, tag),
  values: fc
    .tuple(
      optional(fc.oneof(fc.double(), fc.constantFrom(-0, Number.NaN, Infinity))),
      optional(fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.bigInt(-9n, 9n))),
      optional(fc.oneof(fc.bigInt(0n, 2n ** 64n - 1n), fc.bigInt(0n, 9n))),
      optional(fc.boolean()),
      optional(fc.string({unit: 'binary', maxLength: 40})),
    )
    .filter((values) => values.some((value) => value !== undefined)),
});

test('each row is read as it was, in its order, and who goes on makes the same bodies', () => {
  fc.assert(
    fc.property(
      fc.array(row, {maxLength: 60}),
      fc.integer({min: 1, max: 20}),
      fc.constantFrom(1, 200, 2_000, 1_000_000),
      (rows, chunkRows, bodyBytes) => {
        const bodies = bodiesOf(rows, {chunkRows, bodyBytes});
        expect(bodies.flatMap(({body}) => rowsOf(read(body)))).toEqual(rows);
        const [first] = bodies;
        if (first === undefined) return;
        const others = bodiesOf(rows.slice(first.endRow), {chunkRows: 7, bodyBytes});
        expect(others.map(({body}) => body)).toEqual(bodies.slice(1).map(({body}) => body));
      },
    ),
    {numRuns: 300},
  );
});

test('a series is named once, and rows of whole milliseconds a century apart share a body', () => {
  const rows = Array.from({length: 400}, (_, i) => ({
    time: BigInt(i % 2) * 3_155_760_000_000_000_000n + BigInt(i) * 1_000_000n,
    tags: ['h'.repeat(100), '', ''],
    values: [i, undefined, undefined, undefined, undefined],
  }));
  const bodies = bodiesOf(rows, ONE_CHUNK);
  expect(bodies).toHaveLength(1);
  expect(bodies[0]!.body.length).toBeLessThan(400 * 21 + 300);
});
