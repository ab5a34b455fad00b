import type {ParsedBatch} from '@flotilla/column';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {renderBatch} from './batch-text.ts';
import {toBody} from './body.ts';
import {DEFAULT_LIMITS, LineProtocolParser} from './line-protocol-parser.ts';
import {SeriesCache, type SeriesEntry} from './series-cache.ts';

const OPTIONS = {precision: 'ns', nowMs: 0} as const;
const newParser = (seriesCacheMax = 1000) =>
  new LineProtocolParser({limits: DEFAULT_LIMITS, seriesCacheMax});

/** By a parser that was given up in the middle of another body. */
function inPieces(bytes: Uint8Array, pieceBytes: number): ParsedBatch {
  const parser = newParser();
  parser.begin(Buffer.from('m,t=v1 i=1,g="x" 5\nm,t=v f=2\n'), OPTIONS);
  parser.readOn(1);
  parser.begin(bytes, OPTIONS);
  for (;;) {
    const batch = parser.readOn(pieceBytes);
    if (batch !== undefined) return batch;
  }
}

const name = fc
  .string({unit: fc.constantFrom(...'abz_ ,=é€😀\ue000"#0'), minLength: 1, maxLength: 6})
  .filter((text) => text !== 'time' && !/^[ #]/.test(text));
const tagValue = fc.string({unit: fc.constantFrom(...'ab ,=\\xé"'), minLength: 1, maxLength: 6});
const plainTagValue = tagValue.filter((text) => !/\\$|\\[ ,=]/.test(text));
const fieldValue = fc.oneof(
  fc.record({type: fc.constant('float'), value: fc.double({noNaN: true, noDefaultInfinity: true})}),
  fc.record({
    type: fc.constant('integer'),
    value: fc.bigInt({min: -(2n ** 63n), max: 2n ** 63n - 1n}),
  }),
  fc.record({type: fc.constant('unsigned'), value: fc.bigInt({min: 0n, max: 2n ** 64n - 1n})}),
  fc.record({type: fc.constant('boolean'), value: fc.boolean()}),
  fc.record({
    type: fc.constant('string'),
    value: fc.string({unit: fc.constantFrom(...'a"\\\n\r ,=é😀')}),
  }),
);
const row = fc.record({
  table: name,
  tags: fc.uniqueArray(fc.tuple(name, plainTagValue), {selector: ([key]) => key, maxLength: 4}),
  fields: fc.uniqueArray(fc.tuple(name, fieldValue), {
    selector: ([key]) => key,
    minLength: 1,
    maxLength: 4,
  }),
  time: fc.bigInt({min: -(2n ** 63n) + 2n, max: 2n ** 63n - 2n}),
});
type Row = typeof row extends fc.Arbitrary<infer T> ? T : never;
type Value = Row['fields'][number][1];

const escapeName = (text: string) => text.replace(/[ ,=]/g, '\\$&');
const quote = (text: string) => (/^\w+$/.test(text) ? text : JSON.stringify(text));

function literalOf({type, value}: Value): string {
  if (type === 'integer') return `${value}i`;
  if (type === 'unsigned') return `${value}u`;
  if (type === 'string') return `"${String(value).replace(/["\\]/g, '\\$&')}"`;
  return Object.is(value, -0) ? '-0' : String(value);
}

function toLine(given: Row): string {
  const tags = given.tags.map(([key, value]) => `,${escapeName(key)}=${escapeName(value)}`);
  const fields = given.fields.map(([key, value]) => `${escapeName(key)}=${literalOf(value)}`);
  return `${escapeName(given.table)}${tags.join('')} ${fields.join(',')} ${given.time}`;
}

/** As renderBatch writes it. */
function expectedRow(given: Row, line: number): string {
  const bytewise = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  const tags = [...given.tags]
    .sort(([a], [b]) => bytewise(a, b))
    .map(([key, value]) => `${quote(key)}=${quote(value)}`);
  const fields = given.fields.map(([key, value]) => {
    const text = value.type === 'string' ? JSON.stringify(value.value) : literalOf(value);
    return `${quote(key)}=${text}`;
  });
  return `${line}: ${quote(given.table)}{${tags.join(',')}} ${fields.sort().join(',')} ${given.time}`;
}

test('rows come back from their lines, whatever their names and values', () => {
  fc.assert(
    fc.property(fc.array(row, {minLength: 1, maxLength: 8}), fc.boolean(), (rows, ended) => {
      const lines = rows.map(toLine);
      const body = Buffer.from(lines.join('\n') + (ended ? '\n' : ''));
      let line = 1;
      const expected = rows.map((given, i) => {
        const text = expectedRow(given, line);
        line += lines[i]!.split('\n').length;
        return text;
      });
      const parser = newParser();
      expect(renderBatch(parser.parse(body, OPTIONS))).toBe(expected.join('\n'));
      expect(renderBatch(parser.parse(body, OPTIONS))).toBe(expected.join('\n'));
    }),
    {numRuns: 500},
  );
});

const goodLine = fc
  .record({
    table: fc.constantFrom('m', 'n'),
    tag: fc.integer({min: 0, max: 9}),
    value: fc.integer(),
  })
  .map(({table, tag, value}) => `${table},t=${tag} v=${value}i,w=${value} ${Math.abs(value)}`);

const noise = fc.oneof(
  fc.string({unit: fc.constantFrom(...'m,t=v1 "\\i.e-u#\t\r5'), maxLength: 40}),
  fc
    .tuple(goodLine, fc.nat(), fc.constantFrom('"', '\\', ' ', ',', '=', '\0', 'x', '', '1'))
    .map(([line, at, change]) => {
      const place = at % line.length;
      return line.slice(0, place) + change + line.slice(place + 1);
    }),
  row.map(toLine).map((line) => line.slice(0, line.length - 5)),
);

test('good lines around a bad one are kept', () => {
  fc.assert(
    fc.property(fc.array(goodLine), noise, fc.array(goodLine), (before, bad, after) => {
      const only = newParser().parse(Buffer.from([...before, ...after].join('\n')), OPTIONS);
      const parser = newParser();
      const bytes = Buffer.from([...before, bad, ...after].join('\n'));
      const kept = renderBatch(parser.parse(bytes, OPTIONS)).split('\n');
      const shift = bad.split('\n').length;
      const wanted = renderBatch(only)
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => {
          const [number, ...rest] = line.split(': ');
          const at = Number(number);
          return `${at > before.length ? at + shift : at}: ${rest.join(': ')}`;
        });
      for (const line of wanted) expect(kept).toContain(line);
    }),
    {numRuns: 1500},
  );
});

test('no bytes make it throw, and each line is a row, a bad line or nothing', () => {
  const parser = newParser(20);
  const bytes = fc.oneof(
    fc.uint8Array({maxLength: 200}),
    fc.array(noise, {maxLength: 12}).map((lines) => Buffer.from(lines.join('\n'))),
    fc
      .array(fc.constantFrom(...Buffer.from('m,t=v1 "\\\n\r5i.#')), {maxLength: 200})
      .map((list) => Uint8Array.from(list)),
  );
  fc.assert(
    fc.property(bytes, fc.integer({min: 1, max: 40}), (given, pieceBytes) => {
      const copy = given.slice();
      const batch = parser.parse(given, OPTIONS);
      expect(given).toEqual(copy);
      const newlines = given.filter((byte) => byte === 10).length;
      expect(batch.rowCount + batch.badLineCount).toBeLessThanOrEqual(newlines + 1);
      for (const {line} of batch.badLines) expect(line).toBeLessThanOrEqual(newlines + 1);
      expect(renderBatch(newParser().parse(given, OPTIONS))).toBe(renderBatch(batch));
      expect(renderBatch(inPieces(given, pieceBytes))).toBe(renderBatch(batch));
    }),
    {numRuns: 3000},
  );
});

test('the same text gives the same series object, until more are known than may be', () => {
  const parser = newParser(2);
  const seriesOf = (body: string) => parser.parse(Buffer.from(body), OPTIONS).tables[0]!.series[0];
  const first = seriesOf('m,t=1 v=1');
  expect(seriesOf('m,t=1 v=2')).toBe(first);
  parser.parse(Buffer.from('m,t=2 v=1\nm,t=3 v=1'), OPTIONS);
  expect(seriesOf('m,t=1 v=2')).not.toBe(first);
});

test('series of one body are listed once each, by first appearance, without those of bad lines', () => {
  const body = 'm,t=9 v=x\nm,t=1 v=1\nm,t=2 v=1\nm,t=1 v=2\nm,t=3 v=1 x\nm,t=2 v=3\n';
  const table = newParser().parse(Buffer.from(body), OPTIONS).tables[0]!;
  expect(table.series.map((series) => series.tagValues[0])).toEqual(['1', '2']);
  expect([...table.seriesOfRow.subarray(0, 4)]).toEqual([0, 1, 0, 1]);
});

test('bad lines beyond the list are counted, and their text is cut', () => {
  const parser = new LineProtocolParser({
    limits: {...DEFAULT_LIMITS, rejected_lines_listed: 2},
    seriesCacheMax: 10,
  });
  const batch = parser.parse(Buffer.from(`${'é'.repeat(300)}\nbad\nbad\nbad\n`), OPTIONS);
  expect(batch.badLineCount).toBe(4);
  expect(batch.badLines.map((bad) => bad.text)).toEqual(['é'.repeat(200), 'bad']);
  const others = 'm v=1 99999999999999999999\nm v=1 99999999999999999999\n';
  const {badLines} = parser.parse(Buffer.from(`bad\nbad\nbad\n${others}`), OPTIONS);
  expect(badLines.map(({line, code}) => `${line} ${code}`)).toEqual([
    '1 LINE_SYNTAX',
    '2 LINE_SYNTAX',
    '4 TIME_OUT_OF_RANGE',
  ]);
});

/** A field of every fifth row, seldom beyond 2^53. */
function sparse(i: number): string {
  if (i % 5 !== 0) return '';
  return `,w=${i % 1000 === 995 ? 2n ** 60n + BigInt(i) : i}i`;
}

test('many rows, tables and columns grow in step', () => {
  const lines = Array.from({length: 5000}, (_, i) => {
    return `t${i % 3},h=${i % 70} a=${i},s="x${i}",b=${i % 2 === 0}${sparse(i)} ${i}`;
  });
  const parser = newParser();
  const body = Buffer.from(lines.join('\n'));
  for (let round = 0; round < 2; round++) {
    const batch = parser.parse(body, OPTIONS);
    const texts = renderBatch(batch).split('\n');
    expect(texts.length).toBe(5000);
    texts.forEach((text, i) => {
      const fields = `a=${i},b=${i % 2 === 0},s="x${i}"${sparse(i)}`;
      expect(text).toBe(`${i + 1}: t${i % 3}{h=${i % 70}} ${fields} ${i}`);
    });
  }
});

test('a body of too many tables or fields keeps the first ones', () => {
  const limits = {...DEFAULT_LIMITS, tables_per_database_max: 2, columns_per_table_max: 3};
  const parser = new LineProtocolParser({limits, seriesCacheMax: 10});
  const body = 'a v=1 1\nb v=1 2\nc v=1 3\na w=1,x=1,y=1 4\na w=1,x=1 5\na z=1 6\nb p=1,q=1 7\n';
  for (const given of [body, body, 'c v=1 1\na z=1,y=1 2\nb v=1 3\na x=1,w=1 4']) {
    const batch = parser.parse(Buffer.from(given), OPTIONS);
    const rows = batch.tables.reduce((sum, table) => sum + table.rowCount, 0);
    expect(rows).toBe(batch.rowCount);
    const seen = batch.badLines.map(({line, code}) => `${line} ${code}`);
    expect(seen).toEqual(
      given === body
        ? ['3 TABLE_LIMIT', '4 COLUMN_LIMIT', '6 COLUMN_LIMIT']
        : ['3 TABLE_LIMIT', '4 COLUMN_LIMIT'],
    );
  }
});

test('the fields of bad lines use up nothing', () => {
  const limits = {...DEFAULT_LIMITS, columns_per_table_max: 3};
  const parser = new LineProtocolParser({limits, seriesCacheMax: 10});
  const body =
    'm a=1,b=1i,x\nm c="x",d=t,x\nm a=1i,a=2,x\nm e=1,f=1,g=1 4\nm e="s",f=1,x\nm e="t",f=2 6';
  for (let round = 0; round < 2; round++) {
    const batch = parser.parse(Buffer.from(body), OPTIONS);
    expect(batch.badLines.map(({line}) => line)).toEqual([1, 2, 3, 5]);
    expect(renderBatch({...batch, badLines: [], badLineCount: 0})).toBe(
      '4: m{} e=1,f=1,g=1 4\n6: m{} e="t",f=2 6',
    );
  }
});

test('series past what a body may add are still read right', () => {
  const cache = new SeriesCache(1, 1);
  const texts = ['m,t=1', 'm,t=2', 'm,t=3', 'm,t=4', 'm,t=3', 'm,t=1', 'm,t=4'];
  for (const text of texts) {
    const entry = cache.find(toBody(Buffer.from(`${text} v=1`)), 0) as SeriesEntry;
    expect(`m,t=${entry.series.tagValues[0]}`).toBe(text);
  }
  expect(cache.size).toBe(2);
});

/** On a machine that others have, too. */
const TIMED_MS_MAX = 300_000;

/** Of this process alone. */
function cpuMsSince(start: NodeJS.CpuUsage): number {
  return process.cpuUsage(start).user / 1_000;
}

test('a long body of unclosed quotes, and one of many strings, take no quadratic time', {
  timeout: TIMED_MS_MAX,
}, () => {
  const start = process.cpuUsage();
  const unclosed = Buffer.from('m v="a\n'.repeat(200_000));
  expect(newParser().parse(unclosed, OPTIONS).rowCount).toBe(0);
  const strings = Array.from({length: 60_000}, (_, i) => `f${i}="x"`).join(',');
  const wide = () =>
    new LineProtocolParser({
      limits: {...DEFAULT_LIMITS, columns_per_table_max: 100_000},
      seriesCacheMax: 10,
    });
  expect(wide().parse(Buffer.from(`m ${strings} 5`), OPTIONS).rowCount).toBe(1);
  const badAfterWide = `m ${strings} 5\n${'m f0=1,x\n'.repeat(100_000)}`;
  expect(wide().parse(Buffer.from(badAfterWide), OPTIONS).badLineCount).toBe(100_000);
  expect(cpuMsSince(start)).toBeLessThan(20_000);
});

test('bad lines that share one broken string far below them take no quadratic time', {
  timeout: TIMED_MS_MAX,
}, () => {
  const start = process.cpuUsage();
  // From each line the strings close and open again line after line, up to the last, which is broken.
  const body = `${'m ",c="\n'.repeat(100_000)}m ",c="x\nm v=1 5`;
  const batch = newParser().parse(Buffer.from(body), OPTIONS);
  expect(batch.badLineCount).toBe(100_001);
  expect(batch.rowCount).toBe(1);
  expect(cpuMsSince(start)).toBeLessThan(20_000);
});

test('what is kept of long texts is bounded by their bytes', () => {
  const cache = new SeriesCache(1_000_000);
  for (let i = 0; i < 1_150; i++) {
    cache.trim();
    cache.find(toBody(Buffer.from(`m,t=${'x'.repeat(60_000)}${1_000_000 + i} v=1`)), 0);
    expect(cache.arena.bytes).toBeLessThanOrEqual(65 * 1024 * 1024);
  }
});

test('a name over the limit is refused before it is kept', () => {
  const cache = new SeriesCache(10, 10, 100);
  const key = `m,t=${'x'.repeat(100)}`;
  expect(cache.find(toBody(Buffer.from(`${key} v=1`)), 0)).toMatchObject({code: 'LINE_TOO_LONG'});
  expect(cache.arena.bytes).toBe(0);
  const parser = newParser();
  const body = Buffer.from(`m ${'x'.repeat(70_000)}=1 5\n${key.repeat(700)} v=1\nm v=1 5`);
  const batch = parser.parse(body, OPTIONS);
  expect(batch.badLines.map(({line, code}) => `${line} ${code}`)).toEqual([
    '1 LINE_TOO_LONG',
    '2 LINE_TOO_LONG',
  ]);
  expect(batch.rowCount).toBe(1);
});

test('a body makes room for its own rows, whatever came before it', () => {
  const parser = newParser();
  const tables = Array.from({length: 200}, (_, i) => `t${i}`);
  for (const table of tables)
    parser.parse(Buffer.from(`${table} a=1,b=2i,c=t,d="x" 5\n`.repeat(2_000)), OPTIONS);
  const batch = parser.parse(
    Buffer.from(tables.map((table) => `${table} a=1,b=2i,c=t,d="x" 5`).join('\n')),
    OPTIONS,
  );
  const room = batch.tables.reduce((sum, {timesMs, fields}) => {
    const ofFields = fields.reduce((all, {values}) => {
      return all + (values.type === 'string' ? values.ends : values.values).length;
    }, 0);
    return sum + timesMs.length + ofFields;
  }, 0);
  expect(room).toBeLessThan(200 * 5 * 64);
});
