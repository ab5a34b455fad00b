// Rows from one database into another by `flotilla export` and `import`, as an operator runs them: in each form
// the other database holds the same to the bit, however often the import is repeated.

import {execFile} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {FlotillaClient} from '@flotilla/client';
import {ProcessCluster} from '@flotilla/testkit';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {Duckdb} from '../../packages/cli/src/transfer/duckdb.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const NODE = path.join(ROOT, 'node_modules/.bin/node');
const MAIN = path.join(ROOT, 'packages/cli/src/main.ts');
const TEST_MS_MAX = 120_000;
const ROWS = 5_000;

/** Weeks apart in three places, so that there are several buckets. */
const START_S = 1_600_000_000;
const YEAR_S = 365 * 86_400;

/** What is hard to carry: each type at its ends, texts with what separates, names with what is escaped. */
const HARD = [
  'types,t=ends i=9223372036854775807i,u=18446744073709551615u,f=1.7976931348623157e308 1600000000000000001',
  'types,t=other\\ ends i=-9223372036854775808i,u=0u,f=5e-324,b=true 1600000000000000002',
  'types,t=zero f=-0,b=false 1600000000000000003',
  'types,t=safe i=9007199254740993i,f=0.1 -1',
  'types f=3,s="" 1600000000000000004',
  'types s="two\nlines, \\"quoted\\" \\\\ and a \r; été 😀" 1600000000000000005',
  'a\\ table\\,\\ named=so,k\\ \\=\\,=v\\ \\=\\,\\x f\\ \\=\\,=1 1600000000000000006',
  '"quoted",time\\ zone=utc v=1i 1600000000000000007',
];

let cluster: ProcessCluster;
let client: FlotillaClient;
let directory: string;

beforeAll(async () => {
  cluster = await ProcessCluster.start({nodes: 1, engineThreads: 1});
  client = new FlotillaClient({urls: cluster.urls});
  directory = mkdtempSync(path.join(tmpdir(), 'flotilla-moving-'));
  await client.query("CREATE DATABASE source WITH SHARD 2 BUCKET_DURATION '7d'");
  const lines = Array.from({length: ROWS}, (_, i) => {
    const second = START_S + (i % 3) * YEAR_S + i;
    return `cpu,host=h${i % 7},rack=r${i % 2} usage=${i / 7},count=${i}i ${second}000000000`;
  });
  await client.write([...HARD, ...lines].join('\n'), {database: 'source'});
  await client.query('ALTER TABLE types DROP COLUMN b', {database: 'source'});
  await client.query('CREATE TABLE empty (v DOUBLE, TAGS(a))', {database: 'source'});
}, TEST_MS_MAX);
afterAll(async () => {
  client.close();
  await cluster.destroy();
  rmSync(directory, {recursive: true});
});

function flotilla(...args: string[]): Promise<{code: number | null; out: string; err: string}> {
  return new Promise((resolve) => {
    const child = execFile(
      NODE,
      [MAIN, ...args, '--url', cluster.urls[0]!],
      {maxBuffer: 1 << 26},
      (_error, out, err) => resolve({code: child.exitCode, out, err}),
    );
  });
}

/** Columns and all rows of each table, values as text: no bit is lost in it. */
async function contentsOf(database: string): Promise<Record<string, string[]>> {
  const tables = await client.query('SHOW TABLES', {database});
  const contents: Record<string, string[]> = {};
  for (const table of tables.map((row) => String(Object.values(row)[0]))) {
    const name = `"${table.replaceAll('"', '""')}"`;
    const described = await client.queryText(`DESCRIBE TABLE ${name}`, 'csv', {database});
    const columns = (await client.query(`DESCRIBE TABLE ${name}`, {database}))
      .map(({column_name}) => String(column_name))
      .sort()
      .map((column) => `"${column}"`);
    const sql = `SELECT ${columns.join(', ')} FROM ${name}`;
    const rows = await client.queryText(sql, 'csv', {database});
    contents[table] = [...described.split('\r\n').sort(), ...rows.split('\r\n').sort()];
  }
  return contents;
}

test.each([
  ['lp', 'gzip'],
  ['csv', 'zstd'],
  ['parquet', 'zstd'],
  ['parquet', 'none'],
])(
  'as %s, %s: the same rows and columns, and no more for being imported again',
  async (format, compression) => {
    const files = path.join(directory, `${format}-${compression}`);
    const target = `from_${format}_${compression}`;
    const form = ['--format', format, '--compress', compression];
    const exported = await flotilla('export', files, '--db', 'source', ...form, '--json');
    expect(exported).toMatchObject({code: 0, err: ''});
    expect(JSON.parse(exported.out)).toMatchObject({tables: 5, rows: ROWS + HARD.length});
    await client.query(`CREATE DATABASE ${target} WITH SHARD 1 BUCKET_DURATION '1d'`);
    const wanted = await contentsOf('source');
    expect(Object.keys(wanted)).toHaveLength(5);
    for (const state of ['one', 'two']) {
      const resume = `${files}-${state}`;
      const imported = await flotilla('import', files, '--db', target, '--resume', resume);
      expect(imported).toMatchObject({code: 0, err: ''});
      expect(await contentsOf(target)).toEqual(wanted);
    }
  },
  TEST_MS_MAX,
);

test(
  'Parquet from elsewhere, floats that no line can say among its values, and from there on',
  async () => {
    const file = path.join(directory, 'elsewhere.parquet');
    const duckdb = await Duckdb.open(`${file}.spill`);
    await duckdb.run(
      `COPY (SELECT TIMESTAMP '2026-11-20 01:00:00.000001' + INTERVAL (i) SECOND AS time,
         ('h' || i % 2)::ENUM('h0', 'h1') AS host,
         list_extract(['NaN'::DOUBLE, '-Infinity'::DOUBLE, -0.0::DOUBLE, NULL, 0.1::FLOAT::DOUBLE], i + 1) AS load,
         (18446744073709551611 + i)::UBIGINT AS jobs
       FROM range(5) AS t(i)) TO '${file}' (FORMAT parquet)`,
    );
    duckdb.close();
    for (const name of ['elsewhere', 'onwards']) await client.query(`CREATE DATABASE ${name}`);
    const first = ['import', file, '--db', 'elsewhere', '--table', 'cpu', '--tags', 'host'];
    expect(await flotilla(...first)).toMatchObject({code: 0, err: ''});
    const sql = 'SELECT time, host, load, jobs FROM cpu ORDER BY time';
    expect(await client.queryText(sql, 'csv', {database: 'elsewhere'})).toBe(
      [
        'time,host,load,jobs',
        '2026-11-20T01:00:00.000001Z,h0,NaN,18446744073709551611',
        '2026-11-20T01:00:01.000001Z,h1,-Infinity,18446744073709551612',
        '2026-11-20T01:00:02.000001Z,h0,-0,18446744073709551613',
        '2026-11-20T01:00:03.000001Z,h1,,18446744073709551614',
        '2026-11-20T01:00:04.000001Z,h0,0.10000000149011612,18446744073709551615',
        '',
      ].join('\r\n'),
    );
    const files = path.join(directory, 'onwards');
    const form = ['--db', 'elsewhere', '--format', 'parquet', '--json'];
    const exported = await flotilla('export', files, ...form);
    expect(JSON.parse(exported.out)).toMatchObject({rows: 5, files: 1});
    // One of its files alone says as much.
    const alone = path.join(files, '0001-cpu/000001.parquet');
    expect(await flotilla('import', alone, '--db', 'onwards')).toMatchObject({code: 0, err: ''});
    expect(await contentsOf('onwards')).toEqual(await contentsOf('elsewhere'));
  },
  TEST_MS_MAX,
);

test(
  'one table through a pipe, and more buckets than one request may make',
  async () => {
    const {out} = await flotilla('export', '-', '--db', 'source', '--table', 'cpu');
    expect(out.split('\n')).toHaveLength(ROWS + 1);
    await client.query("CREATE DATABASE days WITH SHARD 1 BUCKET_DURATION '1d'");
    const days = Array.from({length: 40}, (_, i) => `m v=${i} ${START_S + i * 86_400}\n`).join('');
    const file = path.join(directory, 'days.lp');
    writeFileSync(file, days);
    const args = ['--db', 'days', '--precision', 's', '--json'];
    const imported = await flotilla('import', file, ...args);
    expect(JSON.parse(imported.out)).toMatchObject({rows: 40, refused: 0});
    expect(await client.query('SELECT count(*) AS n FROM m', {database: 'days'})).toEqual([
      {n: 40},
    ]);
  },
  TEST_MS_MAX,
);
