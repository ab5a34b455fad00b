import {existsSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {gunzipSync, zstdDecompressSync} from 'node:zlib';
import {afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {cleanUp, fakeCluster, Refusal, run, temporaryDirectory} from '../program.fixture.ts';
import {EXIT} from '../terminal.ts';
import {Manifest} from '../transfer/manifest.ts';

afterEach(cleanUp);
// Not in the time of the first test that wants it.
beforeAll(() => import('../transfer/parquet-bodies.ts'), 120_000);

interface FakeRow {
  readonly ns: bigint;
  readonly cells: string;
}

/** Behind the time; of table `cpu`, and one row of `mem`. */
let rows: FakeRow[];
/** Rows that an answer may have. */
let rowsMax: number;
/** Rows that a node tells of for each. */
let countedAs: number;
let selects: string[];
let directory: string;

const DAY = 86_400_000_000_000n;
const COLUMNS: Record<string, [string, string, string][]> = {
  cpu: [
    ['time', 'TIMESTAMP', 'TIME'],
    ['host', 'STRING', 'TAG'],
    ['load', 'DOUBLE', 'FIELD'],
    ['note', 'STRING', 'FIELD'],
  ],
  mem: [
    ['time', 'TIMESTAMP', 'TIME'],
    ['free', 'BIGINT UNSIGNED', 'FIELD'],
  ],
};

beforeEach(() => {
  directory = path.join(temporaryDirectory(), 'out');
  selects = [];
  rowsMax = Infinity;
  countedAs = 1;
  rows = [
    {ns: 1n, cells: 'a,1.5,"two, ""lines""\n"'},
    {ns: 2n, cells: 'b,-0,'},
    {ns: 400n * DAY, cells: ',,""'},
    {ns: 400n * DAY + 1n, cells: 'a,,'},
  ];
});

function answer(sql: string): unknown {
  if (sql === 'SHOW TABLES') return [{table_name: 'mem'}, {table_name: 'cpu'}];
  const table = /(?:TABLE|FROM) "(\w+)"/.exec(sql)![1]!;
  if (sql.startsWith('DESCRIBE'))
    return COLUMNS[table]!.map(([column_name, data_type, column_type]) => {
      return {column_name, data_type, column_type};
    });
  const start = BigInt(/time >= (-?\d+)/.exec(sql)?.[1] ?? -(2n ** 63n));
  const end = BigInt(/time < (-?\d+)/.exec(sql)?.[1] ?? 2n ** 63n - 1n);
  const asked = (table === 'cpu' ? rows : [{ns: 5n, cells: '18446744073709551615'}]).filter(
    ({ns}) => ns >= start && ns < end,
  );
  // As a node: a number that is no integer of 64 bits is a float, and no time.
  const binNs = BigInt(/date_bin\('(\d+) day/.exec(sql)?.[1] ?? 0) * DAY || 1n;
  const isPast = start < -(2n ** 63n) || asked.some(({ns}) => binOf(ns, binNs) < -(2n ** 63n));
  if (isPast) return new Refusal(400, {code: 'QUERY_ERROR', message: 'time out of range'});
  if (sql.includes('count(*)')) {
    if (!sql.includes('GROUP BY')) return [{row_count: asked.length * countedAs}];
    return asked.map(({ns}) => ({bin_start: textOf(binOf(ns, binNs)), row_count: countedAs}));
  }
  selects.push(sql);
  if (asked.length > rowsMax)
    return new Refusal(400, {code: 'QUERY_ERROR', details: {limit: 'rows_per_answer_max'}});
  const header = COLUMNS[table]!.map(([name]) => name).join(',');
  return `${header}\r\n${asked.map(({ns, cells}) => `${ns},${cells}\r\n`).join('')}`;
}

function binOf(ns: bigint, binNs: bigint): bigint {
  const rest = ns % binNs;
  return ns - (rest < 0n ? rest + binNs : rest);
}

function textOf(ns: bigint): string {
  return new Date(Number(ns / 1_000_000n)).toISOString();
}

async function cluster(): Promise<string> {
  return (await fakeCluster({'POST /api/v1/sql': ({body}) => answer(body)})).url;
}

function manifest(): Manifest {
  return Manifest.parse(JSON.parse(readFileSync(path.join(directory, 'manifest.json'), 'utf8')));
}

function filesOf(table: string): string[] {
  return manifest()
    .tables.find(({shape}) => shape.name === table)!
    .files.map((file) => path.join(directory, file.path));
}

describe('export', () => {
  it('writes every table, and what it wrote into a manifest', async () => {
    const {code, out} = await run(['export', directory, '--db', 'm'], {url: await cluster()});
    const counted =
      /^left out, since all of their fields were dropped: 1 row\nexported 4 rows of 2 tables into 2 files/;
    expect([code, out]).toEqual([0, expect.stringMatching(counted)]);
    const [cpu] = filesOf('cpu');
    expect(cpu).toMatch(/0001-cpu\/000001\.lp\.gz$/);
    expect(gunzipSync(readFileSync(cpu!)).toString()).toBe(
      'cpu,host=a load=1.5,note="two, \\"lines\\"\n" 1\n' +
        'cpu,host=b load=-0 2\n' +
        `cpu note="" ${400n * DAY}\n`,
    );
    const [mem] = filesOf('mem');
    expect(gunzipSync(readFileSync(mem!)).toString()).toBe('mem free=18446744073709551615u 5\n');
    const {database, format, endedAt, tables} = manifest();
    expect({database, format}).toEqual({database: 'm', format: 'lp'});
    expect(endedAt).toBeDefined();
    expect(tables[0]!.files[0]!.written).toMatchObject({
      rows: 3,
      leftOut: {rows: 0, values: 0, rowsWithoutFields: 1},
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('goes on: what is whole is not fetched again, what is gone or changed is', async () => {
    const url = await cluster();
    await run(['export', directory, '--format', 'csv', '--compress', 'zstd'], {url});
    const [cpu] = filesOf('cpu');
    const [mem] = filesOf('mem');
    expect(zstdDecompressSync(readFileSync(mem!)).toString()).toBe(
      'time,free\n5,18446744073709551615\n',
    );
    selects = [];
    const again = await run(['export', directory, '--resume'], {url});
    expect(again.out).toContain('2 of them kept');
    expect(selects).toEqual([]);
    rmSync(mem!);
    writeFileSync(cpu!, 'else');
    const healed = await run(['export', directory, '--resume', '--json'], {url});
    expect(JSON.parse(healed.out)).toMatchObject({files: 2, filesKept: 0, rows: 4});
    expect(selects).toHaveLength(2);
    expect(zstdDecompressSync(readFileSync(cpu!)).toString()).toContain(
      'a,1.5,"two, ""lines""\n"\n',
    );
  });

  it('writes Parquet, which an import reads without being told anything', async () => {
    const url = await cluster();
    const given = ['export', directory, '--format', 'parquet', '--table', 'cpu'];
    const {code, out} = await run(given, {url});
    expect([code, out]).toEqual([0, expect.stringContaining('exported 3 rows of 1 table into 1')]);
    const [file] = filesOf('cpu');
    expect(file).toMatch(/0001-cpu\/000001\.parquet$/);
    expect(manifest()).toMatchObject({format: 'parquet', compression: 'zstd'});
    const whole = readFileSync(file!);
    const {written} = manifest().tables[0]!.files[0]!;
    expect(written!.bytes).toBe(whole.length);
    writeFileSync(file!, whole.subarray(4));
    expect((await run(['export', directory, '--resume'], {url})).code).toBe(0);
    expect(readFileSync(file!).equals(whole)).toBe(true);
    const {seen, url: other} = await fakeCluster({
      'POST /api/v1/sql': () => [],
      'POST /api/v1/write/columns': () => undefined,
    });
    for (const source of [directory, file!])
      expect(await run(['import', source, '--db', 'n'], {url: other})).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^sent 3 rows \(\d+ B\) from 1 file\n$/),
      });
    const [made, ...bodies] = seen;
    expect(made!.body).toMatch(/^CREATE TABLE IF NOT EXISTS "cpu"/);
    expect(bodies[0]!.path).toBe('/api/v1/write/columns?db=n&tenant=default');
    // Of nanoseconds a body has no two that are 400 days apart.
    expect(bodies).toHaveLength(4);
    expect(bodies.slice(2)).toEqual(bodies.slice(0, 2));
  });

  it.each([1, 200_000])('begins with the first time there is, counted %i times', async (times) => {
    rows = [
      {ns: -9_223_372_036_854_775_806n, cells: 'a,1,'},
      {ns: -9_223_372_036_854_775_805n, cells: 'a,2,'},
      {ns: 0n, cells: 'a,3,'},
    ];
    countedAs = times;
    const args = ['export', directory, '--table', 'cpu', '--compress', 'none'];
    const {code, out} = await run(args, {url: await cluster()});
    expect([code, out]).toEqual([0, expect.stringMatching(/^exported 3 rows of 1 table/)]);
    const text = filesOf('cpu').map((name) => readFileSync(name, 'utf8'));
    expect(text.join('').split('\n').sort()).toEqual([
      '',
      'cpu,host=a load=1 -9223372036854775806',
      'cpu,host=a load=2 -9223372036854775805',
      'cpu,host=a load=3 0',
    ]);
  });

  it('asks for two windows at once, and begins none after a failure', async () => {
    rows = Array.from({length: 8}, (_, i) => ({ns: BigInt(i) * 400n * DAY, cells: 'a,1,'}));
    let isBroken = true;
    let [underway, most] = [0, 0];
    const counted = answer;
    const {url} = await fakeCluster({
      'POST /api/v1/sql': ({body}) => {
        // A window has one row, of as many as a file may have.
        if (body.includes('count(*)'))
          return (counted(body) as {row_count: number}[]).map((bin) => {
            return {...bin, row_count: 250_000 * bin.row_count};
          });
        if (!body.startsWith('SELECT "time"')) return counted(body);
        underway += 1;
        most = Math.max(most, underway);
        const isRefused = isBroken && body.includes(`>= ${1_200n * DAY} `);
        const refusal = new Refusal(400, {code: 'TABLE_NOT_FOUND', message: 'no such table'});
        return new Promise((resolve) => {
          setTimeout(
            () => {
              underway -= 1;
              resolve(isRefused ? refusal : counted(body));
            },
            isRefused ? 0 : 20,
          );
        });
      },
    });
    const given = ['export', directory, '--table', 'cpu', '--compress', 'none'];
    expect((await run(given, {url})).code).toBe(EXIT.failed);
    expect(most).toBe(2);
    const kept = manifest().tables[0]!.files.filter(({written}) => written !== undefined).length;
    expect([3, 4]).toContain(kept);
    isBroken = false;
    const healed = await run([...given.slice(0, 2), '--resume'], {url});
    expect(healed.out).toContain('exported 8 rows of 1 table into 8 files');
    expect(healed.out).toContain(`${kept} of them kept`);
    expect(
      filesOf('cpu')
        .map((file) => readFileSync(file, 'utf8'))
        .join(''),
    ).toBe(rows.map(({ns}) => `cpu,host=a load=1 ${ns}\n`).join(''));
  });

  it('leaves no file of a window that broke off, and says how to go on', async () => {
    const whole = answer;
    const {url} = await fakeCluster({
      'POST /api/v1/sql': ({body}) =>
        body.startsWith('SELECT "time", "free"')
          ? new Refusal(400, {code: 'TABLE_NOT_FOUND', message: 'no such table'})
          : whole(body),
    });
    const {code, err} = await run(['export', directory], {url});
    expect(code).toBe(EXIT.failed);
    expect(err).toContain(`go on with ./flotilla export ${directory} --resume`);
    const [entry] = manifest().tables.find(({shape}) => shape.name === 'mem')!.files;
    expect(entry!.written).toBeUndefined();
    for (const left of ['', '.part'])
      expect(existsSync(path.join(directory, `${entry!.path}${left}`))).toBe(false);
    expect(existsSync(filesOf('cpu')[0]!)).toBe(true);
  });

  it('halves a window that is too much for one answer', async () => {
    rowsMax = 1;
    const {code, out} = await run(['export', directory, '--table', 'cpu', '--compress', 'none'], {
      url: await cluster(),
    });
    expect([code, out]).toEqual([0, expect.stringContaining('exported 3 rows of 1 table ')]);
    const files = filesOf('cpu');
    expect(files.length).toBeGreaterThan(2);
    expect(files.map((file) => readFileSync(file, 'utf8')).join('')).toMatch(
      /^cpu,host=a load=1\.5.*?\ncpu,host=b load=-0 2\ncpu note="" \d+\n$/s,
    );
  });

  it('tells what line protocol has no form for, by its exit code too', async () => {
    rows = [
      {ns: 1n, cells: 'a,NaN,x'},
      {ns: 2n, cells: '"a\nb",1,'},
    ];
    const url = await cluster();
    const lines = await run(['export', '-', '--table', 'cpu'], {url});
    expect(lines).toMatchObject({code: EXIT.linesRejected, out: 'cpu,host=a note="x" 1\n'});
    expect(lines.err).toContain('1 row, 1 value (the first: a value of cpu is not finite)');
    const csv = await run(['export', '-', '--table', 'cpu', '--format', 'csv'], {url});
    expect(csv).toMatchObject({
      code: 0,
      out: 'time,host,load,note\n1,a,NaN,x\n2,"a\nb",1,\n',
    });
  });

  it('ends at Ctrl-C with what is whole', async () => {
    let stop = (): void => {};
    const {url} = await fakeCluster({
      'POST /api/v1/sql': ({body}) => {
        if (body.startsWith('SELECT "time", "free"')) stop();
        return answer(body);
      },
    });
    const options = {url, onInterrupt: (handler: () => void) => (stop = handler)};
    const {code} = await run(['export', directory], options);
    expect(code).toBe(EXIT.interrupted);
    expect(existsSync(filesOf('cpu')[0]!)).toBe(true);
    expect(existsSync(filesOf('mem')[0]!)).toBe(false);
  });

  it.each([
    [['-'], /takes one table/],
    [['-', '--table', 'a', '--table', 'b'], /takes one table/],
    [['-', '--table', 'a', '--compress', 'gzip'], /for a directory/],
    [['-', '--table', 'a', '--format', 'parquet'], /stdout takes no Parquet/],
    [['DIR', '--resume'], /has no manifest\.json/],
    [['.'], /is not empty/],
  ])('%j is refused', async (args, message) => {
    const given = args.map((arg) => (arg === 'DIR' ? directory : arg));
    const {code, err} = await run(['export', ...given], {url: await cluster()});
    expect([code, err]).toEqual([EXIT.usage, expect.stringMatching(message)]);
  });

  it('goes on in the form that it was begun in', async () => {
    const url = await cluster();
    await run(['export', directory, '--db', 'm'], {url});
    const {code, err} = await run(['export', directory, '--resume', '--format', 'csv'], {url});
    expect([code, err]).toEqual([EXIT.usage, expect.stringContaining('was begun with lp')]);
  });
});
