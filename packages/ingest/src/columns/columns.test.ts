// Goal: what a scan gives is read from bodies as it was, whatever names and values; and no bytes make anything but a
// batch that may go into a log, or a refusal. Method: rows that a test makes, written and read again, as text; and
// bodies made by hand, cut and changed.

import {isUtf8} from 'node:buffer';
import {type ColumnId, DbError, LIMITS, type SeriesId} from '@flotilla/base';
import {
  ByteWriter,
  type ChunkColumn,
  type ColumnValues,
  type FieldType,
  type ParsedBatch,
  type SeriesChunk,
  SHARE_VALUES_MAX,
  type TableScan,
} from '@flotilla/column';
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {renderBatch} from '../line-protocol/batch-text.ts';
import {type ColumnPrecision, UNITS_PER_MS} from './column-body.ts';
import {ColumnReader, rowTextOf} from './column-reader.ts';
import {type ColumnBody, ColumnWriter} from './column-writer.ts';

type Value = number | bigint | boolean | string;

interface Row {
  readonly offset: number;
  /** Of each field; undefined: none. */
  readonly values: readonly (Value | undefined)[];
}

interface Series {
  /** Of each tag; empty: none. */
  readonly tags: readonly string[];
  readonly rows: readonly Row[];
}

const TAG_IDS = [1, 2] as ColumnId[];
const FIELDS: readonly {readonly name: string; readonly type: FieldType}[] = [
  {name: 'f', type: 'float'},
  {name: 'i', type: 'integer'},
  {name: 'u', type: 'unsigned'},
  {name: 'b', type: 'boolean'},
  {name: 's', type: 'string'},
];

/** A chunk for so many rows of a series at most. */
function scanOf(series: readonly Series[], chunkRows: number): TableScan {
  const chunks = series.flatMap(({rows}, id) =>
    Array.from({length: Math.ceil(rows.length / chunkRows)}, (_, i) =>
      chunkOf(id as SeriesId, rows.slice(i * chunkRows, (i + 1) * chunkRows)),
    ),
  );
  return {
    next: async () => (chunks.length === 0 ? undefined : chunks.splice(0, 2)),
    tagValue: (id, column) => series[id]!.tags[TAG_IDS.indexOf(column)] || undefined,
    seriesKey: () => new Uint8Array(0),
    close: () => undefined,
  };
}

function chunkOf(series: SeriesId, rows: readonly Row[]): SeriesChunk {
  const columns = FIELDS.map(({type}, field): ChunkColumn | undefined => {
    const values = rows.map((row) => row.values[field]);
    if (values.every((value) => value === undefined)) return undefined;
    const present = Uint8Array.from(values, (value) => (value === undefined ? 0 : 1));
    return {values: valuesOf(type, values), ...(present.includes(0) && {present})};
  });
  const offsets = Float64Array.from(rows, ({offset}) => offset);
  return {series, rowCount: rows.length, offsets, columns};
}

/** A slot without a value holds anything. */
function valuesOf(type: FieldType, values: readonly (Value | undefined)[]): ColumnValues {
  const slots = values.map((value) => value ?? (type === 'string' ? 'none' : 2 ** 60));
  switch (type) {
    case 'float':
      return {type, values: Float64Array.from(slots, Number)};
    case 'boolean':
      return {type, values: Uint8Array.from(slots, (value) => (value === true ? 1 : 0))};
    case 'string': {
      const texts = slots.map((value) => Buffer.from(value as string));
      let end = 0;
      const ends = Uint32Array.from(texts, (text) => (end += text.length));
      return {type, ends, bytes: new Uint8Array(Buffer.concat(texts))};
    }
    default: {
      const numbers = Float64Array.from(slots, Number);
      if (numbers.every((value) => Math.abs(value) < 2 ** 53)) return {type, values: numbers};
      const exact = slots.map((value) => BigInt(value as number | bigint));
      return type === 'integer'
        ? {type, values: numbers, wide: BigInt64Array.from(exact)}
        : {type, values: numbers, wide: BigUint64Array.from(exact)};
    }
  }
}

interface Trial {
  readonly table: string;
  readonly tags: readonly string[];
  readonly precision: ColumnPrecision;
  readonly startMs: number;
  readonly series: readonly Series[];
  readonly chunkRows: number;
  readonly bodyBytes?: number;
}

async function bodiesOf(given: Trial): Promise<ColumnBody[]> {
  const {table, tags, series, precision, startMs, chunkRows, bodyBytes} = given;
  const writer = new ColumnWriter(
    {
      name: table,
      tags: tags.map((name, i) => ({column: TAG_IDS[i]!, name})),
      fields: FIELDS,
    },
    {startMs, precision},
    bodyBytes,
  );
  const bodies: ColumnBody[] = [];
  for await (const body of writer.read(scanOf(series, chunkRows))) bodies.push(body);
  return bodies;
}

/** In pieces as small as they come. */
function read(body: Uint8Array): ParsedBatch {
  const reader = new ColumnReader(body);
  for (;;) {
    const batch = reader.readOn(1);
    if (batch !== undefined) return batch;
  }
}

function rowsOf(batch: ParsedBatch): string[] {
  if (batch.rowCount === 0) return [];
  return renderBatch(batch)
    .split('\n')
    .map((line) => line.slice(line.indexOf(': ') + 2));
}

/** What `renderBatch` says of a batch with that one row. */
function textOf({table, tags, precision, startMs}: Trial, series: Series, row: Row): string {
  const quote = (text: string) => (/^\w+$/.test(text) ? text : JSON.stringify(text));
  const pairs = tags
    .map((name, i) => [name, series.tags[i]!] as const)
    .filter(([, value]) => value !== '')
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([name, value]) => `${quote(name)}=${quote(value)}`);
  const fields = FIELDS.flatMap(({name, type}, i) => {
    const value = row.values[i];
    if (value === undefined) return [];
    if (type === 'float') return [`${name}=${Object.is(value, -0) ? '-0' : value}`];
    if (type === 'string') return [`${name}=${JSON.stringify(value)}`];
    return [`${name}=${value}${type === 'integer' ? 'i' : type === 'unsigned' ? 'u' : ''}`];
  });
  const nanoseconds =
    BigInt(startMs) * 1_000_000n + BigInt(row.offset) * BigInt(1_000_000 / UNITS_PER_MS[precision]);
  return `${quote(table)}{${pairs.join(',')}} ${fields.sort().join(',')} ${nanoseconds}`;
}

const name = fc
  .string({unit: fc.constantFrom(...'ab ,=\\"#é😀\t\r\n'), minLength: 1, maxLength: 6})
  .filter((text) => text !== 'time');
const optional = <T>(one: fc.Arbitrary<T>) => fc.option(one, {nil: undefined, freq: 2});
const row: fc.Arbitrary<Row> = fc.record({
  offset: fc.oneof(fc.integer({min: 0, max: 5_000_000}), fc.nat(2 ** 52), fc.constant(2 ** 53 - 1)),
  values: fc.tuple(
    optional(fc.double()),
    optional(fc.oneof(fc.integer(), fc.bigInt({min: -(2n ** 63n), max: 2n ** 63n - 1n}))),
    optional(fc.oneof(fc.nat(), fc.bigInt({min: 0n, max: 2n ** 64n - 1n}))),
    optional(fc.boolean()),
    optional(fc.string({unit: 'binary', maxLength: 8})),
  ),
});
const trial: fc.Arbitrary<Trial> = fc.record({
  table: name,
  tags: fc.uniqueArray(name, {minLength: 2, maxLength: 2}),
  precision: fc.constantFrom('ns', 'us'),
  startMs: fc.integer({min: -(10 ** 11), max: 10 ** 11}),
  series: fc.array(
    fc.record({
      tags: fc.array(fc.oneof(fc.constant(''), name), {minLength: 2, maxLength: 2}),
      rows: fc.array(row, {maxLength: 12}),
    }),
    {maxLength: 4},
  ),
  chunkRows: fc.integer({min: 1, max: 6}),
  bodyBytes: fc.integer({min: 1, max: 1_000}),
});

test('rows come back as they were, without those that have no value', async () => {
  await fc.assert(
    fc.asyncProperty(trial, async (given) => {
      fc.pre(given.tags.every((tag) => !FIELDS.some((field) => field.name === tag)));
      const bodies = await bodiesOf(given);
      const want = given.series.flatMap((series) =>
        series.rows
          .filter(({values}) => values.some((value) => value !== undefined))
          .map((each) => textOf(given, series, each)),
      );
      expect(bodies.flatMap(({body}) => rowsOf(read(body)))).toEqual(want);
      expect(bodies.reduce((sum, {rows}) => sum + rows, 0)).toBe(want.length);
    }),
    {numRuns: 500},
  );
});

const PLAIN: Trial = {
  table: 'cpu',
  tags: ['host', 'area'],
  precision: 'us',
  startMs: 1_600_000_000_000,
  series: [
    {tags: ['a', ''], rows: [{offset: 1, values: [1.5, 2n ** 60n, 7, true, 'é']}]},
    {tags: ['b', 'x'], rows: [{offset: 1_001, values: [2.5, undefined, undefined, false, '']}]},
  ],
  chunkRows: 9,
};

/** Bodies of version 1 are read for as long as there are builds that write them. */
test('version 1 keeps its bytes', async () => {
  const [body] = await bodiesOf(PLAIN);
  expect(Buffer.from(body!.body).toString('hex')).toMatchInlineSnapshot(
    `"01010363707502046172656104686f73740202000161017801628080f4f6905d0000000001000000000000000000f03f0000000000488f400501660802000000000000f83f00000000000004400169110100000000000000000000001001750201000000000000000000001c4001620b02010001730c020200000002000000c3a9"`,
  );
  expect(rowsOf(read(body!.body))).toEqual([
    'cpu{host=a} b=true,f=1.5,i=1152921504606846976i,s="é",u=7u 1600000000000001000',
    'cpu{area=x,host=b} b=false,f=2.5,s="" 1600000000001001000',
  ]);
  expect(rowTextOf(read(body!.body))(2)).toBe('cpu,area=x,host=b .. 1600000000001001000');
});

test('a body is some two megabytes, however long its strings and tags are', async () => {
  const series = Array.from({length: 300}, (_, i) => ({
    tags: [`${i}`.padEnd(20_000, 'x'), ''],
    rows: [{offset: i, values: [i, undefined, undefined, undefined, undefined]}],
  }));
  const ofSeries = await bodiesOf({...PLAIN, series});
  expect(Math.max(...ofSeries.map(({body}) => body.length))).toBeLessThan(4 * 1024 * 1024);
  expect(ofSeries.flatMap(({body}) => rowsOf(read(body))).length).toBe(300);
  const long = 'x'.repeat(LIMITS.string_bytes_max.value);
  const rows = Array.from({length: 200}, (_, i) => ({
    offset: i,
    values: [i, undefined, undefined, undefined, i % 2 === 0 ? long : 'short'],
  }));
  const bodies = await bodiesOf({...PLAIN, series: [{tags: ['a', ''], rows}], chunkRows: 200});
  expect(bodies.reduce((sum, {rows: count}) => sum + count, 0)).toBe(200);
  const sizes = bodies.map(({body}) => body.length);
  expect(Math.max(...sizes)).toBeLessThan(4 * 1024 * 1024);
  expect(bodies.length).toBeLessThan(8);
});

test('a row that would be too much for a log entry goes field by field', async () => {
  const fields = Array.from({length: 70}, (_, i) => ({name: `s${i}`, type: 'string' as const}));
  const long = valuesOf('string', ['x'.repeat(LIMITS.string_bytes_max.value), 'short']);
  const columns = fields.map((_, i) => ({
    values: long,
    ...(i > 0 && {present: Uint8Array.of(1, 0)}),
  }));
  const chunks = [{series: 0 as SeriesId, rowCount: 2, offsets: Float64Array.of(3, 4), columns}];
  const writer = new ColumnWriter({name: 't', tags: [], fields}, {startMs: 0, precision: 'ms'});
  const given = new Map<string, string[]>();
  const scan = {
    ...scanOf([], 1),
    next: async () => (chunks.length > 0 ? chunks.splice(0) : undefined),
  };
  for await (const {body} of writer.read(scan)) {
    const [table] = read(body).tables;
    for (const {name: called, rows, count} of table!.fields) {
      const times = [...rows.subarray(0, count)].map((one) => `${called}@${table!.timesMs[one]}`);
      given.set(called, [...(given.get(called) ?? []), ...times]);
    }
  }
  expect([...given.values()].flat().sort()).toEqual(
    ['s0@4', ...fields.map(({name: called}) => `${called}@3`)].sort(),
  );
});

test('damage is a refusal or another batch that may go into a log, never anything else', async () => {
  const flips = fc.array(fc.record({at: fc.nat(), to: fc.integer({min: 0, max: 255})}), {
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(trial, flips, fc.nat(), async (given, changes, cut) => {
      for (const {body} of await bodiesOf(given)) {
        const bytes = body.slice();
        for (const {at, to} of changes) bytes[at % bytes.length] = to;
        for (const candidate of [bytes, bytes.subarray(0, cut % bytes.length)]) {
          try {
            expectSound(read(candidate));
          } catch (error) {
            if (!(error instanceof DbError)) throw error;
            expect(error.code).toBe('INVALID_ARGUMENT');
          }
        }
      }
    }),
    {numRuns: 500},
  );
});

/** What nothing behind the reader looks at again. */
function expectSound({tables, rowCount}: ParsedBatch): void {
  const [table] = tables;
  expect([tables.length, table!.rowCount]).toEqual([1, rowCount]);
  const has = new Set<number>();
  for (let i = 0; i < rowCount; i++) {
    expect(table!.series[table!.seriesOfRow[i]!]).toBeDefined();
    expect(Number.isSafeInteger(table!.timesMs[i])).toBe(true);
    expect(table!.timesNs[i]! >= 0 && table!.timesNs[i]! < 1e6).toBe(true);
  }
  for (const {rows, count, values} of table!.fields) {
    for (let i = 0; i < count; i++) {
      has.add(rows[i]!);
      expect(rows[i]! > (rows[i - 1] ?? -1) && rows[i]! < rowCount).toBe(true);
    }
    if (values.type === 'string') {
      const starts = [0, ...values.ends];
      for (let i = 0; i < count; i++)
        expect(isUtf8(values.bytes.subarray(starts[i]!, starts[i + 1]!))).toBe(true);
    } else if (values.type === 'boolean') {
      expect(values.values.every((flag) => flag <= 1)).toBe(true);
    } else if (values.type !== 'float' && values.wide === undefined) {
      expect(values.values.every(Number.isSafeInteger)).toBe(true);
    }
  }
  expect(has.size).toBe(rowCount);
}

interface Parts {
  readonly version?: number;
  readonly precision?: number;
  readonly table?: string | Uint8Array;
  readonly tags?: readonly string[];
  readonly rows?: number;
  readonly series?: readonly (readonly string[])[];
  readonly startMs?: number;
  readonly seriesOfRow?: readonly number[];
  readonly offsets?: readonly number[];
  readonly fields?: readonly ((writer: ByteWriter) => void)[];
  readonly behind?: number;
}

/** One row `t,a=1 v=1.5 1000`, but for what is said otherwise. */
function made(parts: Parts = {}): Uint8Array {
  const {version = 1, precision = 0, table = 't', tags = ['a'], rows = 1} = parts;
  const {series = [['1']], startMs = 1, seriesOfRow = [0], offsets = [0]} = parts;
  const {fields = [field()], behind = 0} = parts;
  const writer = new ByteWriter();
  writer.u8(version);
  writer.u8(precision);
  text(writer, table);
  writer.varint(tags.length);
  for (const tag of tags) text(writer, tag);
  writer.varint(rows);
  writer.varint(series.length);
  for (const value of series.flat()) text(writer, value);
  writer.signedVarint(startMs);
  writer.bytes(new Uint8Array(Int32Array.from(seriesOfRow).buffer));
  writer.bytes(new Uint8Array(Float64Array.from(offsets).buffer));
  writer.varint(fields.length);
  for (const write of fields) write(writer);
  writer.bytes(new Uint8Array(behind));
  return writer.copy();
}

function text(writer: ByteWriter, given: string | Uint8Array): void {
  const bytes = typeof given === 'string' ? Buffer.from(given) : given;
  writer.varint(bytes.length);
  writer.bytes(bytes);
}

function field({
  name: called = 'v',
  tag = 8,
  count = 1,
  values = new Uint8Array(Float64Array.of(1.5).buffer),
}: {
  name?: string;
  tag?: number;
  count?: number;
  values?: Uint8Array;
} = {}) {
  return (writer: ByteWriter): void => {
    text(writer, called);
    writer.u8(tag);
    writer.varint(count);
    writer.bytes(values);
  };
}

const bytesOf = (array: Float64Array | Int32Array | Uint32Array): Uint8Array =>
  new Uint8Array(array.buffer);
const string = (ends: readonly number[], bytes: ArrayLike<number>): Uint8Array =>
  Buffer.concat([bytesOf(Uint32Array.from(ends)), Uint8Array.from(bytes)]);
const sparse = (row: number, value: number): Uint8Array =>
  Uint8Array.from([...bytesOf(Int32Array.of(row)), ...bytesOf(Float64Array.of(value))]);
const letters = (count: number): Uint8Array => new Uint8Array(count).fill(97);
const MIB = 1024 * 1024;
const TWO = {rows: 2, seriesOfRow: [0, 0], offsets: [0, 1]};

describe('made by hand', () => {
  test('the plain one is taken, and one without tags, of another name, and without rows', () => {
    expect(rowsOf(read(made()))).toEqual(['t{a=1} v=1.5 1000000']);
    expect(rowsOf(read(made({tags: [], series: [[]]})))).toEqual(['t{} v=1.5 1000000']);
    expect(rowsOf(read(made({table: 'time'})))).toEqual(['time{a=1} v=1.5 1000000']);
    // The first time that a line may have, and the last.
    const least = {startMs: -9_223_372_036_855, offsets: [224_194]};
    expect(rowsOf(read(made(least)))).toEqual(['t{a=1} v=1.5 -9223372036854775806']);
    const most = {startMs: 9_223_372_036_854, offsets: [775_806]};
    expect(rowsOf(read(made(most)))).toEqual(['t{a=1} v=1.5 9223372036854775806']);
    const none = {rows: 0, series: [], seriesOfRow: [], offsets: [], fields: []};
    expect(read(made(none)).rowCount).toBe(0);
  });

  test.each<[string, Parts]>([
    ['of version 2', {version: 2}],
    ['precision is unknown', {precision: 3}],
    ['"" is no name', {table: ''}],
    ['"time" is no name', {tags: ['time']}],
    ['"time" is no name', {fields: [field({name: 'time'})]}],
    ['is no name', {fields: [field({name: 'a\0'})]}],
    ['a name is over 1024 bytes', {table: 'x'.repeat(1_025)}],
    ['not UTF-8', {table: Uint8Array.of(0xff)}],
    ['tags do not ascend', {tags: ['b', 'a'], series: [['1', '2']]}],
    ['tags do not ascend', {tags: ['a', 'a'], series: [['1', '2']]}],
    ['a series is over 1048576 bytes', {series: [['x'.repeat(MIB)]]}],
    ['want 1 at most; have 2', {series: [['1'], ['2']]}],
    ['row 1 is of no series', {seriesOfRow: [1]}],
    ['row 1 is of no series', {seriesOfRow: [-1]}],
    ['row 1 is no offset', {offsets: [0.5]}],
    ['row 1 is no offset', {offsets: [-1]}],
    ['row 1 is no offset', {offsets: [Number.NaN]}],
    ['row 1 is out of range', {startMs: 9_223_372_036_855}],
    ['row 1 is out of range', {startMs: -9_223_372_036_855, offsets: [224_193]}],
    ['column of type 13', {fields: [field({tag: 13})]}],
    ['column of type 40', {fields: [field({tag: 40})]}],
    ['has 0 of 1 rows', {fields: [field({tag: 0, count: 0})]}],
    ['do not ascend', {fields: [field(), field({name: 'w', tag: 0, values: sparse(1, 1)})]}],
    ['do not ascend', {fields: [field(), field({name: 'w', tag: 0, values: sparse(-1, 1)})]}],
    ['0.5 is no integer', {fields: [field({tag: 9, values: bytesOf(Float64Array.of(0.5))})]}],
    ['is no integer', {fields: [field({tag: 9, values: bytesOf(Float64Array.of(2 ** 53))})]}],
    ['-1 is no integer', {fields: [field({tag: 10, values: bytesOf(Float64Array.of(-1))})]}],
    ['said to have 64 bits', {fields: [field({tag: 24})]}],
    ['2 is no boolean', {fields: [field({tag: 11, values: Uint8Array.of(2)})]}],
    ['want 9 bytes', {fields: [field({tag: 12, values: string([9], [97])})]}],
    ['string is not UTF-8', {fields: [field({tag: 12, values: string([1], [0xff])})]}],
    ['does not end', {fields: [field({tag: 12, values: string([MIB + 1], letters(MIB + 1))})]}],
    [
      'strings of row 1 are over 4194304 bytes',
      {
        fields: Array.from({length: 5}, (_, i) =>
          field({name: `s${i}`, tag: 12, values: string([MIB], letters(MIB))}),
        ),
      },
    ],
    [
      'does not end',
      {...TWO, fields: [field({tag: 12, count: 2, values: string([2, 1], [97, 97])})]},
    ],
    [
      'within a character',
      {...TWO, fields: [field({tag: 12, count: 2, values: string([1, 2], [0xc3, 0xa9])})]},
    ],
    ['row 2 has no value', {...TWO, fields: [field({tag: 0, values: sparse(0, 1)})]}],
    ['row 1 has no value', {fields: []}],
    ['stands twice', {fields: [field(), field()]}],
    ['stands twice', {fields: [field({name: 'a'})]}],
    ['1 bytes stand behind', {behind: 1}],
    ['want', {rows: 1_000_000}],
  ])('%s', (reason, parts) => {
    expect(() => read(made(parts))).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(reason),
      }),
    );
  });

  test('more values than a share may hold are refused, though their body is short', () => {
    const fieldCount = LIMITS.columns_per_table_max.value;
    const rows = Math.ceil(SHARE_VALUES_MAX / fieldCount);
    const all = {rows, seriesOfRow: Array(rows).fill(0), offsets: Array.from(Array(rows).keys())};
    const flags = (i: number) =>
      field({name: `f${i}`, tag: 11, count: rows, values: new Uint8Array(rows)});
    const body = made({...all, fields: Array.from({length: fieldCount}, (_, i) => flags(i))});
    expect(rows * fieldCount).toBeGreaterThan(SHARE_VALUES_MAX);
    expect(body.length).toBeLessThan(LIMITS.write_body_bytes_max.value);
    expect(() => read(body)).toThrow(/over 16777216 values/);
    const most = made({...all, fields: Array.from({length: fieldCount - 1}, (_, i) => flags(i))});
    expect(read(most).rowCount).toBe(rows);
  });

  test('negative zeros of integers are zeros', () => {
    const [table] = read(
      made({fields: [field({tag: 9, values: bytesOf(Float64Array.of(-0))})]}),
    ).tables;
    const {values} = table!.fields[0]!;
    expect(values.type === 'integer' && Object.is(values.values[0], 0)).toBe(true);
  });
});
