// Every row of the table of edge cases, as testdata/edge-cases.txt describes it.

import {readFileSync, writeFileSync} from 'node:fs';
import {LIMITS} from '@flotilla/base';
import {expect, test} from 'vitest';
import {renderBatch} from './batch-text.ts';
import {DEFAULT_LIMITS, LineProtocolParser} from './line-protocol-parser.ts';
import {parsePrecision} from './row-time.ts';

const PATH = new URL('../../testdata/edge-cases.txt', import.meta.url);
const NOW_MS = 1_000_000_000_123.7;
const SMALL_LIMITS = {
  ...DEFAULT_LIMITS,
  line_bytes_max: 64,
  series_key_bytes_max: 24,
  string_bytes_max: 8,
};

interface Case {
  readonly head: string;
  readonly command: string;
  readonly expected: string;
}

function readCases(text: string): Case[] {
  return text.split(/\n\n(?=#|parse|latin1)/).flatMap((block) => {
    const match = /^((?:#.*\n)*)((?:parse|latin1) .*)\n----\n?([\s\S]*)$/.exec(block);
    if (match === null) return [];
    return [{head: match[1]!, command: match[2]!, expected: match[3]!.trimEnd()}];
  });
}

function run(command: string): string {
  const [, kind, options, text] = /^(\w+) (.*?)(".*")$/.exec(command)!;
  const precision = /precision=(\w+)/.exec(options!)?.[1] ?? 'ns';
  const limits = options!.includes('limits') ? SMALL_LIMITS : DEFAULT_LIMITS;
  const bytes = Buffer.from(JSON.parse(text!) as string, kind === 'latin1' ? 'latin1' : 'utf8');
  const parser = new LineProtocolParser({limits, seriesCacheMax: 100});
  const parse = () =>
    renderBatch(parser.parse(bytes, {precision: parsePrecision(precision)!, nowMs: NOW_MS}));
  const answer = parse();
  expect(parse(), 'the cache changes nothing').toBe(answer);
  return answer;
}

const source = readFileSync(PATH, 'utf8');
const cases = readCases(source);

test('the file is read whole', () => {
  expect(cases.length).toBe(source.match(/^----$/gm)!.length);
});

function rewrite(): void {
  const intro = source.slice(0, source.indexOf('\n\n'));
  const blocks = cases.map(({head, command}) =>
    `${head}${command}\n----\n${run(command)}`.trimEnd(),
  );
  writeFileSync(PATH, `${intro}\n\n${blocks.join('\n\n')}\n`);
}

if (process.env['REWRITE'] !== undefined) rewrite();

test.each(readCases(readFileSync(PATH, 'utf8')))('$command', ({command, expected}) => {
  expect(run(command)).toBe(expected);
});

test('a name over name_bytes_max refuses its line, whatever it names', () => {
  const max = LIMITS.name_bytes_max.value;
  const long = 'n'.repeat(max + 1);
  const fits = 'n'.repeat(max);
  const lines = [
    `${long} v=1`,
    `cpu,${long}=a v=1`,
    `cpu ${long}=1`,
    `${fits},${fits}=a ${fits}f=1`,
  ];
  const parser = new LineProtocolParser({limits: DEFAULT_LIMITS, seriesCacheMax: 10});
  const good = `${fits},${fits}=a ${'f'.repeat(max)}=1`;
  const batch = parser.parse(Buffer.from([...lines, good].join('\n')), {precision: 'ns', nowMs: 0});
  expect(batch.rowCount).toBe(1);
  expect(batch.badLines.map(({line, code, reason}) => [line, code, reason])).toEqual(
    ['table', 'tag', 'field', 'field'].map((what, i) => [
      i + 1,
      'LINE_TOO_LONG',
      `the name of a ${what} is over ${max} bytes`,
    ]),
  );
});
