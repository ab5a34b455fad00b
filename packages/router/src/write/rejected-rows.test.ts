// What of the lines that a write refuses is named: the first hundred, and of each reason at least the first line,
// since whoever sends rows again goes by it.

import type {ErrorCode} from '@flotilla/base';
import type {BadLine, ParsedTable} from '@flotilla/column';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {Rejections} from './rejected-rows.ts';
import {rowSubset} from './row-subset.ts';

const CODES = ['TIME_EXPIRED', 'BUCKET_LIMIT', 'TYPE_CONFLICT'] as const;

/** Rows of the lines, refused in the order in which they are given. */
function listed(
  refused: readonly (readonly [line: number, code: ErrorCode])[],
  badLines: readonly BadLine[] = [],
): BadLine[] {
  const table = {
    rowCount: refused.length,
    lines: Uint32Array.from(refused, ([line]) => line),
  } as ParsedTable;
  const batch = {...rowSubset([]), badLines, badLineCount: badLines.length};
  const rejections = new Rejections(batch, () => '');
  for (const [row, [, code]] of refused.entries())
    rejections.add(table, row, undefined, {code, reason: ''});
  expect(rejections.count).toBe(refused.length + badLines.length);
  return rejections.listed();
}

test('of more than a hundred lines the first of each code is named', () => {
  const lines = Array.from({length: 5_000}, (_, i) => i + 1);
  const found = listed(
    lines.map((line) => [line, line < 4_000 ? 'TIME_EXPIRED' : 'BUCKET_LIMIT'] as const),
  );
  expect(found.map(({line}) => line)).toEqual([...lines.slice(0, 99), 4_000]);
});

test('it is so whatever the order, beside lines that the parser refused', () => {
  const line = fc.tuple(fc.nat(20_000), fc.constantFrom(...CODES));
  const refusals = fc.uniqueArray(line, {
    maxLength: 3_000,
    size: 'max',
    selector: ([number]) => number,
  });
  fc.assert(
    fc.property(refusals, fc.nat(120), (refused, badCount) => {
      const bad = Array.from({length: badCount}, (_, i): BadLine => {
        return {line: 20_001 + i, code: 'LINE_SYNTAX', reason: '', text: 'x'};
      });
      const all = [...refused, ...bad.map(({line: at, code}) => [at, code] as const)].sort(
        ([a], [b]) => a - b,
      );
      const firsts = [...CODES, 'LINE_SYNTAX'].flatMap(
        (code) => all.find(([, of]) => of === code)?.[0] ?? [],
      );
      const others = all.map(([at]) => at).filter((at) => !firsts.includes(at));
      expect(listed(refused, bad).map(({line: at}) => at)).toEqual(
        [...firsts, ...others.slice(0, 100 - firsts.length)].sort((a, b) => a - b),
      );
    }),
    {numRuns: 50},
  );
});
