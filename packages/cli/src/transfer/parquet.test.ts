// Goal: what an export writes as Parquet is what an import reads from it, to the bit; and a file from elsewhere gives
// exactly its values, or is refused with the name of what has no form. Method: rows through a file on the disk and
// back; files that DuckDB itself makes.

import {spawnSync} from 'node:child_process';
import {existsSync, readdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import type {RowChunk} from '@flotilla/server/offline';
import fc from 'fast-check';
import {afterEach, beforeEach, describe, expect, it, test} from 'vitest';
import {cleanUp, temporaryDirectory} from '../program.fixture.ts';
import type {CsvCell} from './csv-reader.ts';
import {Duckdb, literal} from './duckdb.ts';
import {ParquetFile} from './parquet-file.ts';
import {type LayoutTerms, layoutOf} from './parquet-layout.ts';
import {ParquetSource} from './parquet-source.ts';
import {FIELD_TYPES, type FieldType, type TableShape} from './table-shape.ts';

afterEach(cleanUp);

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
});

const LIMITS = {timeNs: 9_223_372_036_854_775_806n, textBytes: 1_000, rowTextBytes: 4_000};
const TERMS: LayoutTerms = {table: 'cpu', types: new Map(), tags: [], unit: 's', limits: LIMITS};

type Item = bigint | number | boolean | string | null;

interface ReadFile {
  readonly shape: TableShape;
  /** Time, tags and fields. */
  readonly rows: readonly (readonly Item[])[];
  readonly faults: readonly (string | null)[];
}

async function read(
  file: string,
  terms: Partial<LayoutTerms> = {},
  skipped = 0,
): Promise<ReadFile> {
  const source = await ParquetSource.open(file);
  try {
    const types = new Map<string, 'tag' | FieldType>([
      ...(source.shape?.tags ?? []).map((name) => [name, 'tag'] as const),
      ...(source.shape?.fields ?? []).map(({name, type}) => [name, type] as const),
    ]);
    const layout = layoutOf(source.columns, {...TERMS, types, ...terms});
    const rows: Item[][] = [];
    const faults: (string | null)[] = [];
    for await (const part of source.rows(layout, skipped)) {
      faults.push(...part.faults);
      for (let row = 0; row < part.chunk.rowCount; row++) rows.push(itemsOf(part.chunk, row));
    }
    return {shape: layout.shape, rows, faults};
  } finally {
    source.close();
  }
}

function itemsOf({times, tags, columns}: RowChunk, row: number): Item[] {
  return [
    times[row]!,
    ...tags.map((values) => Buffer.from(values[row]!).toString()),
    ...columns.map((column) => {
      if (column === undefined || column.present?.[row] === 0) return null;
      const {values} = column;
      switch (values.type) {
        case 'float':
          return values.values[row]!;
        case 'boolean':
          return values.values[row] === 1;
        case 'string':
          return Buffer.from(
            values.bytes.subarray(row === 0 ? 0 : values.ends[row - 1]!, values.ends[row]!),
          ).toString();
        default:
          return values.wide![row]!;
      }
    }),
  ];
}

const ITEMS: Record<FieldType, fc.Arbitrary<Item>> = {
  float: fc.oneof(
    fc.double(),
    fc.constantFrom(-0, 5e-324, 1.7976931348623157e308, Number.NaN, -Infinity),
  ),
  integer: fc.oneof(
    fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
    fc.constantFrom(2n ** 63n - 1n, -(2n ** 63n)),
  ),
  unsigned: fc.oneof(fc.bigInt(0n, 2n ** 64n - 1n), fc.constantFrom(2n ** 64n - 1n)),
  boolean: fc.boolean(),
  string: fc.oneof(
    fc.string({unit: 'binary'}),
    fc.constantFrom('', '\ufeffa mark', '\0', 'a\0b', '😀 longer than twelve letters\r\n"'),
  ),
};
const TIME = fc.oneof(
  fc.bigInt(-9_223_372_036_853_000_000n, 9_223_372_036_853_999_999n),
  fc.constantFrom(9_223_372_036_853_999_999n, -9_223_372_036_853_000_000n, 0n, -1n),
);
const NAME = fc.oneof(
  fc.string({unit: 'binary', minLength: 1, maxLength: 8}),
  fc.constantFrom('a', 'A', 'Time', '"', "'", 'fault', 'c0', '\ufeffb', '*', 'a.b'),
);
const tagText = fc
  .string({unit: 'binary', maxLength: 20})
  .map((text) => (text === '' ? null : text));

interface Trial {
  readonly shape: TableShape;
  readonly rows: readonly (readonly Item[])[];
}

const trial: fc.Arbitrary<Trial> = fc
  .uniqueArray(
    NAME.filter((name) => name !== 'time' && !name.includes('\0')),
    {minLength: 2, maxLength: 9},
  )
  .chain(([table = '', ...names]) => {
    const fieldNames = names.slice(Math.floor(names.length / 3));
    const tags = names.slice(0, names.length - fieldNames.length);
    const fields = fieldNames.map((name, i) => ({name, type: FIELD_TYPES[i % 5]!}));
    const row = fc.tuple(
      TIME,
      ...tags.map(() => tagText),
      ...fields.map(({type}) => fc.option(ITEMS[type], {nil: null})),
    );
    const hasField = (items: readonly Item[]) =>
      items.some((item, i) => i > tags.length && item !== null);
    const rows = fc.array(row.filter(hasField), {minLength: 1, maxLength: 30});
    return fc.record({shape: fc.constant({name: table, tags, fields}), rows});
  });

function cellOf(item: Item): CsvCell {
  if (item === null) return undefined;
  return Object.is(item, -0) ? '-0' : String(item);
}

async function write({shape, rows}: Trial, name = 'rows.parquet'): Promise<string> {
  const file = path.join(directory, name);
  const output = await ParquetFile.create(file, shape);
  for (const items of rows) output.add(items.map(cellOf));
  await output.end('zstd');
  return file;
}

test('each row is read as it was written, with the names and types of its table', async () => {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(trial, async (given) => {
      const {shape, rows, faults} = await read(await write(given, `${count++}.parquet`));
      expect(shape).toEqual({...given.shape, name: 'cpu'});
      const tags = given.shape.tags.length;
      const wanted = given.rows.map((items) =>
        items.map((item, i) => (i > 0 && i <= tags ? (item ?? '') : item)),
      );
      expect(rows).toEqual(wanted);
      expect(faults).toEqual(rows.map(() => null));
    }),
    {numRuns: 25},
  );
  expect(readdirSync(directory)).toHaveLength(count);
}, 120_000);

const SHAPE: TableShape = {name: 'cpu', tags: ['host'], fields: [{name: 'load', type: 'float'}]};

test('rows keep their order over many chunks, and whoever has read some goes on behind them', async () => {
  const rows = Array.from({length: 50_000}, (_, i) => [BigInt(i), `h${i % 3}`, i / 7] as Item[]);
  const file = await write({shape: SHAPE, rows});
  expect((await read(file)).rows).toEqual(rows);
  expect((await read(file, {}, 30_001)).rows).toEqual(rows.slice(30_001));
}, 60_000);

test('a file says itself what its columns are, wherever it lies', async () => {
  const file = await write({shape: SHAPE, rows: [[1n, 'a', 1]]}, 'k=v [1]?*.parquet');
  const source = await ParquetSource.open(file);
  expect(source).toMatchObject({shape: SHAPE, rowCount: 1});
  source.close();
});

test('what is abandoned leaves nothing', async () => {
  const output = await ParquetFile.create(path.join(directory, 'gone.parquet'), SHAPE);
  output.add(['1', 'a', '1']);
  await output.abandon();
  expect(readdirSync(directory)).toEqual([]);
});

/** A file from elsewhere: of these rows. */
async function foreign(select: string): Promise<string> {
  const file = path.join(directory, 'foreign.parquet');
  const duckdb = await Duckdb.open(`${file}.spill`);
  await duckdb.run(`COPY (${select}) TO ${literal(file)} (FORMAT parquet)`);
  duckdb.close();
  return file;
}

describe('times of a file from elsewhere', () => {
  const NS = 1_795_136_400_000_000_000n;
  it.each([
    ["TIMESTAMP_NS '2026-11-20 01:00:00.000000001'", NS + 1n],
    ["TIMESTAMP '2026-11-20 01:00:00.000001'", NS + 1_000n],
    ["TIMESTAMP_MS '2026-11-20 01:00:00.001'", NS + 1_000_000n],
    ["TIMESTAMP_S '2026-11-20 01:00:00'", NS],
    ["TIMESTAMPTZ '2026-11-20 01:00:00.000001+00'", NS + 1_000n],
    ["DATE '2026-11-20'", NS - 3_600_000_000_000n],
    ["TIMESTAMP '1969-12-31 23:59:59.999999'", -1_000n],
    ['1795136400', NS],
    ['1795136400::UINTEGER', NS],
  ])('%s', async (time, ns) => {
    const {rows, faults} = await read(await foreign(`SELECT ${time} AS time, 1.5::DOUBLE AS v`));
    expect({rows, faults}).toEqual({rows: [[ns, 1.5]], faults: [null]});
  });

  it.each([
    ['NULL::TIMESTAMP', 'it has no time'],
    ["TIMESTAMP '3000-01-01 00:00:00'", 'the time 3000-01-01 00:00:00 is out of range'],
    ["'infinity'::TIMESTAMP", 'the time infinity is out of range'],
    ['9223372036854775807', 'the time 9223372036854775807 is out of range'],
  ])('%s costs its row', async (time, fault) => {
    const {faults} = await read(await foreign(`SELECT ${time} AS time, 1 AS v`));
    expect(faults).toEqual([fault]);
  });

  it.each([
    ["'2026-11-20T01:00:00Z'", /`time` is VARCHAR/],
    ['1.5::DOUBLE', /`time` is DOUBLE/],
  ])('%s is none', async (time, message) => {
    await expect(read(await foreign(`SELECT ${time} AS time, 1 AS v`))).rejects.toThrow(message);
  });
});

describe('columns of a file from elsewhere', () => {
  it('are fields of their types, and tags where that is said', async () => {
    const {shape, rows} = await read(
      await foreign(
        `SELECT 1 AS time, 'a'::ENUM('a', 'b') AS host, 7::UTINYINT AS rack, 1::TINYINT AS i,
         18446744073709551615::UBIGINT AS u, 0.5::FLOAT AS f, true AS b, 'x'::ENUM('x') AS s`,
      ),
      {tags: ['host', 'rack']},
    );
    expect(shape.tags).toEqual(['host', 'rack']);
    expect(shape.fields.map(({type}) => type)).toEqual([
      ...['integer', 'unsigned', 'float', 'boolean', 'string'],
    ]);
    expect(rows).toEqual([
      [1_000_000_000n, 'a', '7', 1n, 18_446_744_073_709_551_615n, 0.5, true, 'x'],
    ]);
  });

  it('become what the table has them as, where the value is the same', async () => {
    const file = await foreign(
      `SELECT range AS time, x::DOUBLE AS i, n AS f, n AS u, 1 AS tagged
       FROM (VALUES (0, 3.0, 5), (1, 1.5, 5), (2, 'NaN'::DOUBLE, 5), (3, NULL, 9007199254740993), (4, 4, -5)) AS t(range, x, n)`,
    );
    const types = new Map([
      ['i', 'integer'],
      ['f', 'float'],
      ['u', 'unsigned'],
      ['tagged', 'tag'],
    ] as const);
    const {rows, faults} = await read(file, {types, unit: 'ns'});
    expect(rows[0]).toEqual([0n, '1', 3n, 5, 5n]);
    expect(faults).toEqual([
      null,
      'i: 1.5 is no value of type integer',
      'i: nan is no value of type integer',
      'f: 9007199254740993 is no value of type float',
      'u: -5 is no value of type unsigned',
    ]);
  });

  it.each([
    ['[1, 2]', /column "x" is INTEGER\[\], which no field holds/],
    ['{a: 1}', /column "x" is STRUCT/],
    ['1.5::DECIMAL(18, 3)', /column "x" is DECIMAL/],
    ["'\\xAA'::BLOB", /column "x" is BLOB/],
    ["TIMESTAMP '2026-11-20 01:00:00'", /column "x" is TIMESTAMP/],
  ])('%s is refused by name', async (item, message) => {
    const file = await foreign(`SELECT 1 AS time, ${item} AS x`);
    await expect(read(file)).rejects.toThrow(message);
  });

  it.each([
    ['SELECT 1 AS t, 1 AS v', {}, /no column `time`/],
    ['SELECT 1 AS time', {}, /has no field/],
    ['SELECT 1 AS time, 1 AS v', {tags: ['host']}, /no column "host"/],
    ['SELECT 1 AS time, 1.5::DOUBLE AS v', {tags: ['v']}, /"v" is DOUBLE: tags are/],
    ['SELECT 1 AS time, 1 AS v', {types: new Map([['v', 'boolean']])}, /a field of type boolean/],
    ['SELECT 1 AS time, 1 AS v', {tags: ['v'], types: new Map([['v', 'float']])}, /is a field of/],
  ] as const)('%s is refused', async (select, terms, message) => {
    await expect(
      read(await foreign(select), terms as unknown as Partial<LayoutTerms>),
    ).rejects.toThrow(message);
  });

  it('texts that are too long, and rows without a field, cost their row', async () => {
    const file = await foreign(
      `SELECT 1 AS time, t, s FROM (VALUES ('a', repeat('é', 501)), (repeat('t', 1000), 'b'), ('a', NULL), ('a', 'b')) AS v(t, s)`,
    );
    const {faults} = await read(file, {tags: ['t']});
    expect(faults).toEqual([
      's: 1002 bytes, at most 1000',
      'its tags have more than 995 bytes',
      'no field has a value',
      null,
    ]);
  });
});

test('what is no Parquet file is told by its name', async () => {
  const file = path.join(directory, 'no.parquet');
  writeFileSync(file, 'a,b\n1,2\n');
  await expect(ParquetSource.open(file)).rejects.toThrow(/no\.parquet cannot be read as Parquet/);
  expect(existsSync(`${file}.spill`)).toBe(false);
});

describe('where DuckDB cannot be loaded', () => {
  const PROCESSES_MS_MAX = 120_000;
  const MAIN = path.resolve(import.meta.dirname, '../main.ts');
  /** As where it is not installed. */
  const HOOK = `import {registerHooks} from 'node:module';
    registerHooks({resolve(name, context, next) {
      if (name.startsWith('@duckdb/')) throw new Error('no such package\\nRequire stack: ...');
      return next(name, context);
    }});`;

  function flotilla(...args: string[]) {
    const hook = `data:text/javascript,${encodeURIComponent(HOOK)}`;
    const given = ['--import', hook, MAIN, ...args, '--url', 'http://127.0.0.1:1'];
    return spawnSync(process.execPath, given, {encoding: 'utf8'});
  }

  it(
    'Parquet is refused with what to install, before anything is begun',
    () => {
      const out = path.join(directory, 'out');
      const file = path.join(directory, 'a.parquet');
      writeFileSync(file, 'PAR1');
      for (const args of [
        ['export', out, '--format', 'parquet'],
        ['import', file, '--table', 'm'],
      ]) {
        const {status, stderr} = flotilla(...args);
        expect([status, stderr]).toEqual([
          1,
          expect.stringMatching(
            /DuckDB, which cannot be loaded: no such package; install the package @duckdb\/node-api/,
          ),
        ]);
      }
      expect(readdirSync(out)).toEqual([]);
    },
    PROCESSES_MS_MAX,
  );

  it(
    'nothing else misses it',
    () => {
      const {status, stderr} = flotilla('export', '-', '--table', 'm', '--format', 'csv');
      expect([status, stderr]).toEqual([2, expect.not.stringContaining('DuckDB')]);
    },
    PROCESSES_MS_MAX,
  );
});
