// testdata/*.test: `load` puts rows (line protocol without escapes), `eval` runs a statement and
// shows its answer as CSV or its error as `error CODE line:column message`. REWRITE=1 writes what came.

import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {DbError} from '@flotilla/base';
import type {FieldType} from '@flotilla/column';
import {beforeAll, expect, test} from 'vitest';
import {type FieldValue, MemoryDatabase} from './fixtures/memory-database.ts';
import {formatResult, type ResultFormat} from './format/format-result.ts';
import {parseStatement} from './sql/parse-statement.ts';
import {loadSqlParser} from './sql/postgres-tree.ts';
import {parseTime} from './sql/time-text.ts';

const FOLDER = new URL('../testdata/', import.meta.url);
/** What now() says. */
const NOW_NS = parseTime('2024-01-02T00:00:00Z')!;

beforeAll(loadSqlParser);

interface Line {
  readonly table: string;
  readonly timeNs: bigint;
  readonly tags: Record<string, string>;
  readonly fields: Record<string, FieldValue>;
  readonly types: Record<string, FieldType>;
}

function parseLine(text: string): Line {
  const [, key, fieldText, time] = /^(\S+) ((?:"[^"]*"|\S)+) (\S+)$/.exec(text)!;
  const [table, ...tags] = key!.split(',');
  const fields: Record<string, FieldValue> = {};
  const types: Record<string, FieldType> = {};
  for (const [, name, value] of fieldText!.matchAll(/([^,=]+)=("[^"]*"|[^,]*)/g)) {
    [types[name!], fields[name!]] = parseValue(value!);
  }
  const timeNs = /^-?\d+$/.test(time!) ? BigInt(time!) : parseTime(time!)!;
  return {
    table: table!,
    timeNs,
    tags: Object.fromEntries(tags.map((tag) => tag.split('=') as [string, string])),
    fields,
    types,
  };
}

function parseValue(text: string): [FieldType, FieldValue] {
  if (text.startsWith('"')) return ['string', text.slice(1, -1)];
  if (text === 'true' || text === 'false') return ['boolean', text === 'true'];
  if (text.endsWith('i')) return ['integer', BigInt(text.slice(0, -1))];
  if (text.endsWith('u')) return ['unsigned', BigInt(text.slice(0, -1))];
  return ['float', Number(text)];
}

/** TSBS cpu-only: `tsbs hosts=2 ticks=720` every 10 s from 2024-01-01, with a formula for the values. */
function tsbsLines(command: string): string[] {
  const [hosts, ticks] = [...command.matchAll(/=(\d+)/g)].map((match) => Number(match[1]));
  const names = 'user system idle nice iowait irq softirq steal guest guest_nice'.split(' ');
  const lines: string[] = [];
  for (let tick = 0; tick < ticks!; tick++) {
    for (let host = 0; host < hosts!; host++) {
      const fields = names.map(
        (name, i) => `usage_${name}=${(tick * 7 + host * 31 + i * 13) % 101}i`,
      );
      const time = NOW_NS - 86_400_000_000_000n + BigInt(tick) * 10_000_000_000n;
      lines.push(`cpu,hostname=host_${host},region=r${host % 2} ${fields.join(',')} ${time}`);
    }
  }
  return lines;
}

function load(database: MemoryDatabase, text: string): void {
  const lines = text
    .split('\n')
    .flatMap((line) => (line.startsWith('tsbs') ? tsbsLines(line) : line));
  const parsed = lines.filter((line) => line !== '').map(parseLine);
  for (const [table, of] of Map.groupBy(parsed, (line) => line.table)) {
    const tags = [...new Set(of.flatMap((line) => Object.keys(line.tags)))];
    database.createTable(table, tags, Object.assign({}, ...of.map((line) => line.types)));
    for (const line of of) database.insert(table, line);
  }
}

async function evaluate(
  database: MemoryDatabase,
  format: ResultFormat,
  text: string,
): Promise<string> {
  try {
    const statement = parseStatement(text);
    if (statement.kind !== 'select') return JSON.stringify(statement);
    const batches = await database.query(statement, NOW_NS);
    const pieces: string[] = [];
    const source = (async function* () {
      yield* batches;
    })();
    for await (const piece of formatResult(format, source))
      pieces.push(Buffer.from(piece).toString());
    return pieces.join('').replaceAll('\r\n', '\n').trimEnd();
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
    const {line, column, hint} = error.details;
    const place = line === undefined ? '' : ` ${line}:${column}`;
    const first = error.message.split('\n')[0]!.replace(/ at line \d+, column \d+$/, '');
    return `error ${error.code}${place} ${first}${hint === undefined ? '' : `\nhint: ${hint}`}`;
  }
}

const LAYOUTS = [
  {precision: 'ns', bucketMs: 86_400_000, shards: 1, chunkRows: 1_000},
  {precision: 'ns', bucketMs: 3_600_000, shards: 3, chunkRows: 7},
] as const;

for (const name of readdirSync(FOLDER).filter((file) => file.endsWith('.test'))) {
  test.each(LAYOUTS)(`${name} in buckets of $bucketMs ms`, async (layout) => {
    const file = new URL(name, FOLDER);
    const before = readFileSync(file, 'utf8');
    const database = new MemoryDatabase(layout);
    const after: string[] = [];
    // Blocks: comments, a command with its text, ---- and the answer, apart by empty lines.
    for (const block of before.trimEnd().split('\n\n')) {
      const [, comment, command, input] =
        /^((?:#.*\n)*)(load|eval(?: \w+)?)\n([\s\S]*?)(?:\n----[\s\S]*)?$/.exec(block) ?? [];
      if (command === undefined) {
        after.push(block);
        continue;
      }
      const format = (command.split(' ')[1] ?? 'csv') as ResultFormat;
      if (command === 'load') load(database, input!);
      const output = command === 'load' ? 'ok' : await evaluate(database, format, input!);
      after.push(`${comment}${command}\n${input}\n----\n${output}`);
    }
    const text = `${after.join('\n\n')}\n`;
    if (process.env['REWRITE']) writeFileSync(file, text);
    else expect(text).toBe(before);
  });
}
