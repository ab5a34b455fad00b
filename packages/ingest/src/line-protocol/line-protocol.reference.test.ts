// The parser against the slow one, over bodies of the kind that break parsers.

import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {renderBatch} from './batch-text.ts';
import {parseReference} from './line-protocol.reference.ts';
import {DEFAULT_LIMITS, LineProtocolParser} from './line-protocol-parser.ts';

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 4_000);
const LIMITS = {...DEFAULT_LIMITS, rejected_lines_listed: 1_000};

/** The bodies of the table of edge cases: each its own line of a corpus. */
const CORPUS = readFileSync(new URL('../../testdata/edge-cases.txt', import.meta.url), 'utf8')
  .split('\n')
  .flatMap((line) => /^(parse|latin1) .*?(".*")$/.exec(line)?.slice(1, 3) ?? [])
  .flatMap((_, i, list) => (i % 2 === 1 ? [] : [[list[i]!, list[i + 1]!] as const]))
  .flatMap(([kind, text]) => {
    const bytes = Buffer.from(JSON.parse(text) as string, kind === 'latin1' ? 'latin1' : 'utf8');
    return bytes.toString('latin1').split('\n');
  });

const PIECES = [
  ...['m', 'n', 't', 'f', 'v=', ',', ' ', '=', '"', '\\', '\n', '\r', '\r\n', '\t', '#', '\0', '-'],
  ...['1', '0', '9', '.', 'e', 'E+', 'i', 'u', '_', 'x', 'T', 'true', 'FALSE', 'time', 'm,t=a'],
  ...[
    ' v=1',
    ' v=1i 5',
    ' v="',
    '"\n',
    '",',
    '="',
    '\\"',
    '\\\\',
    '\\ ',
    '\\,',
    '\\=',
    ' 5\n',
    '\xff',
  ],
  ...[
    '9223372036854775807',
    '9223372036854775808',
    '18446744073709551615',
    '1e308',
    '5e-324',
    '\xc3\xa9',
  ],
  ...['9007199254740993', '00000000000000000000', '123456789012345', '.5', '1.', '\xef\xbb\xbf'],
];

const line = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), {maxLength: 14}).map((list) => list.join('')),
  fc.constantFrom(...CORPUS),
  fc
    .tuple(fc.constantFrom(...CORPUS), fc.nat(), fc.nat({max: 2}), fc.constantFrom(...PIECES))
    .map(([text, at, cut, piece]) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + piece + text.slice(place + cut);
    }),
);
const body = fc
  .tuple(fc.array(line, {maxLength: 10}), fc.constantFrom('\n', '\r\n', ' ', ''))
  .map(([lines, end]) => Buffer.from(lines.join('\n') + end, 'latin1'));
const options = fc.record({
  precision: fc.constantFrom('ns' as const, 'us' as const, 'ms' as const, 's' as const),
  nowMs: fc.constantFrom(1_000_000_000_123.7, 0),
});

function answer(parser: LineProtocolParser, ...given: Parameters<LineProtocolParser['parse']>) {
  const batch = parser.parse(...given);
  const rows = renderBatch({...batch, badLines: [], badLineCount: 0});
  const bad = batch.badLines.map(({line: number, code}) => `${number}: ${code}`);
  return [...(rows === '' ? [] : [rows]), ...bad].join('\n');
}

test('it answers what the slow parser answers, whatever it parsed before', () => {
  const used = new LineProtocolParser({limits: LIMITS, seriesCacheMax: 50});
  fc.assert(
    fc.property(body, options, (bytes, how) => {
      const want = parseReference(bytes, how);
      expect(answer(used, bytes, how)).toBe(want);
      const fresh = new LineProtocolParser({limits: LIMITS, seriesCacheMax: 50});
      expect(answer(fresh, bytes, how)).toBe(want);
    }),
    {numRuns: RUNS},
  );
});
