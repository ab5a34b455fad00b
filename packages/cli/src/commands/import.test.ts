import {createHash} from 'node:crypto';
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {gzipSync, zstdCompressSync} from 'node:zlib';
import {afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {
  cleanUp,
  fakeCluster,
  Refusal,
  type Routes,
  run,
  temporaryDirectory,
} from '../program.fixture.ts';
import {EXIT} from '../terminal.ts';
import {Duckdb, literal} from '../transfer/duckdb.ts';
import {newManifest, writeManifest} from '../transfer/manifest.ts';

afterEach(cleanUp);
// Not in the time of the first test that wants it.
beforeAll(() => import('../transfer/parquet-bodies.ts'), 120_000);

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
});

function file(name: string, content: string | Buffer): string {
  const made = path.join(directory, name);
  writeFileSync(made, content);
  return made;
}

function rejected(lines: readonly {line: number; code: string}[], count = lines.length): Refusal {
  const told = lines.map((each) => ({reason: 'bad', text: `line ${each.line}`, ...each}));
  const details = {written: 0, rejected: count, lines: told, replicaSets: []};
  return new Refusal(400, {code: 'LINES_REJECTED', message: 'x', details});
}

const numbered = (count: number): string =>
  Array.from({length: count}, (_, i) => `m v=${i} ${i}\n`).join('');

describe('import of lines', () => {
  it.each([
    ['a.lp', (text: string) => text],
    ['a.lp.gz', gzipSync],
    ['a.lp.zst', zstdCompressSync],
    [
      'several frames.lp.zst',
      (text: string) => Buffer.concat(text.match(/.*\n/g)!.map((line) => zstdCompressSync(line))),
    ],
  ])('%s', async (name, pack) => {
    const {url, seen} = await fakeCluster({'POST /api/v1/write': () => undefined});
    const given = file(name, pack('m v=1 1\nm v=2 2\n'));
    const args = ['import', given, '--db', 'd', '--tenant', 't', '--precision', 's'];
    expect(await run(args, {url})).toMatchObject({
      code: 0,
      out: 'sent 2 lines (16 B) from 1 file\n',
    });
    expect(seen).toMatchObject([
      {path: '/api/v1/write?db=d&tenant=t&precision=s', body: 'm v=1 1\nm v=2 2\n'},
    ]);
  });

  it('names refused lines by their place in the file', async () => {
    const {url} = await fakeCluster({
      'POST /api/v1/write': ({body}) =>
        body.startsWith('m v=0 ') ? undefined : rejected([{line: 2, code: 'LINE_SYNTAX'}]),
    });
    const {code, out} = await run(['import', file('a.lp', numbered(10_005))], {url});
    expect(code).toBe(EXIT.linesRejected);
    expect(out).toMatch(/^line 10002: bad: line 2\nsent 10005 lines .*, 1 refused\n$/);
  });

  it('holds no more than a body for a quote that nobody closes, and none for what is no line', async () => {
    const {url, seen} = await fakeCluster({'POST /api/v1/write': () => undefined});
    const text = `m v="1 1\n${numbered(1_000_000)}`;
    await run(['import', file('a.lp', text)], {url});
    expect(seen.map(({body}) => body).join('') === text).toBe(true);
    expect(Math.max(...seen.map(({body}) => body.length))).toBeLessThan(1_000_000);
    const noLine = await run(['import', file('b', Buffer.alloc(9_000_000))], {url});
    expect(noLine).toMatchObject({
      code: EXIT.failed,
      err: expect.stringContaining('line 1 is over 8000000 bytes'),
    });
  });

  it('sends again what asked for too many new buckets, from the first line too many', async () => {
    const {url, seen, keys} = await fakeCluster({
      'POST /api/v1/write': ({body}) => {
        const lines = body.split('\n').length - 1;
        if (lines <= 2) return undefined;
        const over = [3, 4].map((line) => ({line, code: 'BUCKET_LIMIT'}));
        return rejected(lines === 5 ? [{line: 1, code: 'LINE_SYNTAX'}, ...over] : over, 4);
      },
    });
    const {code, out} = await run(['import', file('a.lp', numbered(5)), '--json'], {url});
    expect(code).toBe(EXIT.linesRejected);
    expect(seen.map(({body}) => body.split('\n')[0])).toEqual(['m v=0 0', 'm v=2 2', 'm v=4 4']);
    expect(new Set(keys).size).toBe(3);
    expect(JSON.parse(out)).toMatchObject({refused: 1, refusedLines: [{line: 1}]});
  });

  it.each([
    ['which no answer names yet', []],
    ['of which one is told', [{line: 150, code: 'BUCKET_LIMIT'}]],
  ])(
    'sends again what asked for too many new buckets behind many bad lines, %s',
    async (_, told) => {
      const expired = Array.from({length: 100}, (_none, i) => ({
        line: i + 1,
        code: 'TIME_EXPIRED',
      }));
      const first = [...expired.slice(0, 100 - told.length), ...told];
      const answers = [rejected(first, 140), rejected(expired, 110), rejected(expired, 110)];
      const {url, seen, keys} = await fakeCluster({'POST /api/v1/write': () => answers.shift()});
      const state = path.join(directory, 'state');
      const args = ['import', file('a.lp', numbered(200)), '--resume', state, '--json'];
      expect(JSON.parse((await run(args, {url})).out)).toMatchObject({refused: 110});
      // Under the same key, by which what was written before is not written again.
      expect(new Set(seen.map(({body}, i) => `${keys[i]} ${body}`)).size).toBe(1);
      expect(seen).toHaveLength(3);
    },
  );

  it('gives up lines for which the database has no bucket left', async () => {
    const {url, seen} = await fakeCluster({
      'POST /api/v1/write': () => rejected([{line: 1, code: 'BUCKET_LIMIT'}], 5),
    });
    const {out} = await run(['import', file('a.lp', numbered(5)), '--json'], {url});
    expect(JSON.parse(out)).toMatchObject({refused: 5});
    expect(seen).toHaveLength(1);
  });

  it('goes on where it ended, under the keys of before', async () => {
    let isFull = true;
    const routes: Routes = {
      'POST /api/v1/write': ({body}) =>
        isFull && !body.startsWith('m v=0 ') ? new Refusal(507, {code: 'DISK_FULL'}) : undefined,
    };
    const {url, seen, keys} = await fakeCluster(routes);
    const given = file('a.lp', numbered(10_005));
    const state = path.join(directory, 'state');
    const args = ['import', given, '--resume', state];
    const broken = await run(args, {url});
    expect(broken.code).toBe(EXIT.failed);
    expect(broken.err).toContain(
      'written by now: 10000 lines; the same command goes on from there',
    );
    isFull = false;
    expect(await run(args, {url})).toMatchObject({
      code: 0,
      out: expect.stringContaining('sent 5 lines'),
    });
    expect(seen.map(({body}) => body.split('\n')[0])).toEqual([
      'm v=0 0',
      'm v=10000 10000',
      'm v=10000 10000',
    ]);
    expect(keys[2]).toBe(keys[1]);
    expect((await run(args, {url})).out).toContain(
      'sent 0 lines (0 B) from 1 file, 1 of them written before',
    );
    expect(seen).toHaveLength(3);
    // Another run, of which nobody remembers anything, writes it all: rows may have been deleted since.
    await run(['import', given], {url});
    expect(keys[3]).not.toBe(keys[0]);
    const other = await run(['import', file('b.lp', 'm v=1 1'), '--resume', state], {url});
    expect(other).toMatchObject({
      code: EXIT.usage,
      err: expect.stringContaining('an import of a.lp'),
    });
  });

  it('reads stdin, and only reads on a dry run', async () => {
    const {url, seen} = await fakeCluster({'POST /api/v1/write': () => undefined});
    const stdin = 'm v=1 1\n';
    expect((await run(['import', '-', '--dry-run'], {url, stdin})).out).toBe(
      'dry run, nothing was written: read 1 line (8 B) from 1 file\n',
    );
    expect(seen).toEqual([]);
    await run(['import'], {url, stdin});
    expect(seen).toHaveLength(1);
  });
});

describe('import of CSV', () => {
  const routes = (): Routes => ({
    'POST /api/v1/write': () => undefined,
    'POST /api/v1/sql': ({body}) =>
      body === 'SHOW TABLES'
        ? [{table_name: 'cpu'}]
        : [
            {column_name: 'time', data_type: 'TIMESTAMP', column_type: 'TIME'},
            {column_name: 'host', data_type: 'STRING', column_type: 'TAG'},
            {column_name: 'load', data_type: 'DOUBLE', column_type: 'FIELD'},
          ],
  });

  it('takes types from the table and from --types, and names rows without a form', async () => {
    const {url, seen} = await fakeCluster(routes());
    const text = [
      'load,jobs,time,host',
      '1,2,2026-11-20T01:00:00Z,a',
      '"1",,1795136401000000000,',
      'x,2,2026-11-20T01:00:00Z,a',
      '1,2,2026-11-20T01:00:00Z',
      'NaN,2,2026-11-20T01:00:00Z,a',
      ',,2026-11-20T01:00:00Z,a',
      '3,4,2026-11-20T01:00:02Z,"b c"',
    ].join('\n');
    const args = ['import', file('cpu.csv', text), '--table', 'cpu', '--types', 'jobs=integer'];
    const {code, out} = await run(args, {url});
    expect(code).toBe(EXIT.linesRejected);
    expect(seen.at(-1)!.body).toBe(
      'cpu,host=a load=1,jobs=2i 1795136400000000000\n' +
        'cpu load=1 1795136401000000000\n' +
        'cpu,host=b\\ c load=3,jobs=4i 1795136402000000000\n',
    );
    expect(out).toBe(
      'line 4: "x" is no number of 64 bits: x,2,2026-11-20T01:00:00Z,a\n' +
        'line 5: 3 cells, the header names 4 columns: 1,2,2026-11-20T01:00:00Z\n' +
        'line 6: NaN and infinities cannot be stored: NaN,2,2026-11-20T01:00:00Z,a\n' +
        'line 7: no field has a value: ,,2026-11-20T01:00:00Z,a\n' +
        'sent 3 lines (126 B) from 1 file, 4 refused\n',
    );
  });

  it('names what the node refuses by the line of the file', async () => {
    const {url} = await fakeCluster({
      ...routes(),
      'POST /api/v1/write': () => rejected([{line: 4, code: 'TYPE_CONFLICT'}]),
    });
    const text = 'time,note,load\n1,"two\nlines",1\n2,"three\nmore\nlines",1\n3,,1\n';
    const args = ['import', '-', '--format', 'csv', '--table', 'cpu', '--types', 'note=string'];
    // The fourth line of the body is the second of the second row, which begins on line 4 of the file.
    expect((await run(args, {url, stdin: text})).out).toMatch(/^line 4: bad/);
  });

  it.each([
    [['--table', 'cpu'], 'time,load,what\n', /column "what": is it a tag/],
    [['--table', 'cpu'], 'load,host\n', /no column `time`/],
    [['--table', 'cpu'], 'time,host\n', /names no field/],
    [['--table', 'cpu'], 'time,load,load\n', /"load" twice/],
    [['--table', 'cpu', '--types', 'a=number'], 'time,a\n', /--types: want a column/],
    [[], 'time,load\n', /--table is missing/],
  ])('%j of %j is refused', async (more, text, message) => {
    const {url} = await fakeCluster(routes());
    const {code, err} = await run(['import', file('cpu.csv', text), ...more], {url});
    expect([code, err]).toEqual([EXIT.usage, expect.stringMatching(message)]);
  });
});

describe('import of Parquet', () => {
  async function parquet(select: string): Promise<string> {
    const made = path.join(directory, 'cpu.parquet');
    const duckdb = await Duckdb.open(`${made}.spill`);
    await duckdb.run(`COPY (${select}) TO ${literal(made)} (FORMAT parquet)`);
    duckdb.close();
    return made;
  }
  const rowsOf = (count: number, letters = 1): string =>
    `SELECT make_timestamp_ns(range) AS time, 'h' || range % 3 AS host,
       CASE WHEN range <> 5 THEN repeat('x', ${letters}) END AS note FROM range(${count})`;
  const routes = (): Routes => ({
    'POST /api/v1/sql': () => [],
    'POST /api/v1/write/columns': () => undefined,
  });

  it('names rows without a form, and goes on where it ended, under the keys of before', async () => {
    let writes = 0;
    let isFull = true;
    const {url, keys} = await fakeCluster({
      ...routes(),
      'POST /api/v1/write/columns': () =>
        ++writes > 2 && isFull ? new Refusal(507, {code: 'DISK_FULL'}) : undefined,
    });
    const state = path.join(directory, 'state');
    const of = ['--table', 'cpu', '--tags', 'host'];
    const args = ['import', await parquet(rowsOf(70, 100_000)), ...of, '--resume', state];
    const broken = await run(args, {url});
    expect([broken.code, broken.err]).toEqual([EXIT.failed, expect.stringContaining('goes on')]);
    expect(broken.err).toContain('line 6: no field has a value: cpu,host=h2 .. 5');
    isFull = false;
    const rest = await run([...args, '--json'], {url});
    const before = Number(/written by now: (\d+) rows/.exec(broken.err)![1]);
    expect(JSON.parse(rest.out)).toMatchObject({rows: 69 - before, refused: 0});
    expect(keys[3]).toBe(keys[2]);
    expect(new Set(keys).size).toBe(keys.length - 1);
  });

  it('sends a body again that asked for too many new buckets, and names what is refused', async () => {
    const answers = [
      rejected([{line: 3, code: 'BUCKET_LIMIT'}], 8),
      rejected([{line: 7, code: 'TYPE_CONFLICT'}], 1),
    ];
    const {url, keys} = await fakeCluster({
      ...routes(),
      'POST /api/v1/write/columns': () => answers.shift(),
    });
    const args = ['import', await parquet(rowsOf(10)), '--table', 'cpu', '--tags', 'host'];
    const {code, out} = await run(args, {url});
    expect(code).toBe(EXIT.linesRejected);
    // Row 6 is in no body.
    expect(out).toContain('line 8: bad: line 7\nsent 9 rows');
    expect(new Set(keys).size).toBe(2);
  });

  it.each([
    [['--tags', 'host'], /--table is missing/],
    [['--table', 'cpu', '--types', 'host=tag'], /--types is only for CSV/],
    [['--table', 'cpu', '--tags', 'rack'], /--tags: the file has no column "rack"/],
  ])('%j is refused', async (more, message) => {
    const {url, seen} = await fakeCluster(routes());
    const given = ['import', await parquet(rowsOf(3)), ...more];
    const {code, err} = await run(given, {url});
    expect([code, err]).toEqual([EXIT.usage, expect.stringMatching(message)]);
    expect(seen.filter(({path: asked}) => asked.includes('write'))).toEqual([]);
  });

  it('is read from files alone', async () => {
    const stdin = await run(['import', '-', '--format', 'parquet', '--table', 'm'], {stdin: 'x'});
    expect(stdin).toMatchObject({code: EXIT.usage, err: expect.stringContaining('name a file')});
    const packed = await run(['import', file('a.parquet.gz', 'x'), '--table', 'm']);
    expect(packed).toMatchObject({code: EXIT.usage, err: expect.stringContaining('unpack it')});
    const lines = await run(['import', file('a.lp', 'm v=1'), '--tags', 'm']);
    expect(lines).toMatchObject({code: EXIT.usage, err: expect.stringContaining('for Parquet')});
  });
});

describe('import of an export', () => {
  const LINES = 'cpu,host=a load=1 1\ncpu,host=a load=2 2\n';

  async function exported(more: {readonly endedAt?: string} = {endedAt: 'now'}): Promise<string> {
    const scope = {tenant: 'default', database: 'm', format: 'lp', compression: 'none'} as const;
    const sha256 = createHash('sha256').update(LINES).digest('hex');
    const leftOut = {rows: 0, values: 0, rowsWithoutFields: 0};
    const written = {rows: 2, leftOut, bytes: LINES.length, sha256};
    const entry = {path: '0001-cpu/000001.lp', start: '0', end: '3', rowsExpected: 2, written};
    const shape = {name: 'cpu', tags: ['host'], fields: [{name: 'load', type: 'float' as const}]};
    const table = {shape, directory: '0001-cpu', nextFile: 2, files: [entry]};
    await writeManifest(directory, {...newManifest(scope), tables: [table], ...more});
    mkdirSync(path.join(directory, '0001-cpu'));
    file('0001-cpu/000001.lp', LINES);
    return directory;
  }

  it('makes the tables and sends the files', async () => {
    const {url, seen} = await fakeCluster({
      'POST /api/v1/sql': () => [],
      'POST /api/v1/write': () => undefined,
    });
    const {code, out} = await run(['import', await exported(), '--db', 'n'], {url});
    expect([code, out]).toEqual([0, 'sent 2 lines (40 B) from 1 file\n']);
    expect(seen.map(({body}) => body)).toEqual([
      'CREATE TABLE IF NOT EXISTS "cpu" ("load" DOUBLE, TAGS("host"))',
      LINES,
    ]);
  });

  it('sends nothing of a file that is not as it was written', async () => {
    const {url, seen} = await fakeCluster({'POST /api/v1/sql': () => []});
    const given = await exported();
    file('0001-cpu/000001.lp', LINES.replace('load=2', 'load=3'));
    for (const more of [[], ['--dry-run']]) {
      const {code, err} = await run(['import', given, ...more], {url});
      expect([code, err]).toEqual([EXIT.failed, expect.stringContaining('its SHA-256 differs')]);
    }
    expect(seen.filter(({path: asked}) => asked.includes('write'))).toEqual([]);
  });

  /** As the first exports wrote it. */
  const withoutSum = (text: string): string =>
    text.replace(/,\n "sha256": "[^"]*"\n\}\n$/, '\n}\n');

  it('sends nothing where the manifest is not as it was written, and takes one without a checksum', async () => {
    const {url, seen} = await fakeCluster({
      'POST /api/v1/sql': () => [],
      'POST /api/v1/write': () => undefined,
    });
    const given = await exported();
    const text = readFileSync(path.join(directory, 'manifest.json'), 'utf8');
    // Rows of the file would come under another name, and it verifies.
    file('manifest.json', text.replace('"name": "cpu"', '"name": "cpv"'));
    for (const words of [
      ['import', given],
      ['export', given, '--resume'],
    ]) {
      const {code, err} = await run(words, {url});
      expect([code, err]).toEqual([
        EXIT.failed,
        expect.stringMatching(
          /manifest\.json is not as the export wrote it: its own SHA-256 differs; take it from another copy, or export again into a new directory/,
        ),
      ]);
    }
    expect(seen).toEqual([]);
    expect(withoutSum(text)).not.toBe(text);
    file('manifest.json', withoutSum(text));
    expect(await run(['import', given], {url})).toMatchObject({
      code: 0,
      out: 'sent 2 lines (40 B) from 1 file\n',
    });
  });

  it('takes no export that is not whole, and no manifest that names files elsewhere', async () => {
    const {url} = await fakeCluster({});
    const unfinished = await run(['import', await exported({})], {url});
    expect(unfinished).toMatchObject({code: EXIT.usage, err: expect.stringContaining('--resume')});
    const text = withoutSum(readFileSync(path.join(directory, 'manifest.json'), 'utf8'));
    file('manifest.json', text.replace('0001-cpu/000001.lp', '../elsewhere'));
    const strange = await run(['import', directory], {url});
    expect(strange).toMatchObject({code: EXIT.usage, err: expect.stringContaining('outside of')});
    file('manifest.json', '{}');
    expect((await run(['import', directory], {url})).err).toContain('is no manifest of an export');
  });
});
