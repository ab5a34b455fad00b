import type {Column} from '@flotilla/catalog';
import type {ParsedField} from '@flotilla/column';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {mergeAsFloat} from './float-merge.ts';

const FLOAT = {id: 3, name: 'v', kind: 'field', type: 'float'} as unknown as Column;
const INTEGER = {id: 4, name: 'n', kind: 'field', type: 'integer'} as unknown as Column;

function floats(rows: readonly number[], values: readonly number[]): ParsedField {
  const run = {type: 'float' as const, values: Float64Array.from(values)};
  return {name: 'v', count: rows.length, rows: Int32Array.from(rows), values: run};
}

function integers(rows: readonly number[], values: readonly bigint[]): ParsedField {
  const wide = values.some((value) => !Number.isSafeInteger(Number(value)))
    ? BigInt64Array.from(values)
    : undefined;
  const run = {type: 'integer' as const, values: Float64Array.from(values, Number), wide};
  return {name: 'v', count: rows.length, rows: Int32Array.from(rows), values: run};
}

test('what was written both ways becomes one run, each row with its own value', () => {
  const kinds = fc.array(fc.constantFrom('float', 'integer', 'none'), {maxLength: 30});
  fc.assert(
    fc.property(kinds, fc.boolean(), (all, isFloatFirst) => {
      const rowsOf = (kind: string) => all.flatMap((each, row) => (each === kind ? [row] : []));
      const a = floats(
        rowsOf('float'),
        rowsOf('float').map((row) => row + 0.5),
      );
      const b = integers(
        rowsOf('integer'),
        rowsOf('integer').map((row) => BigInt(row)),
      );
      const both = [a, b].filter(({count}) => count > 0);
      const given = (isFloatFirst ? both : both.reverse()).map((field) => ({column: FLOAT, field}));
      const merged = mergeAsFloat(given, () => expect.unreachable('refused'));
      expect(merged.length).toBe(both.length === 0 ? 0 : 1);
      for (const {field} of merged) {
        const wanted = all.flatMap((kind, row) => (kind === 'none' ? [] : [row]));
        expect([...field.rows]).toEqual(wanted);
        expect(field.count).toBe(wanted.length);
        expect(field.values).toEqual({
          type: 'float',
          values: Float64Array.from(wanted, (row) => (all[row] === 'float' ? row + 0.5 : row)),
        });
      }
    }),
  );
});

test('an integer that no float holds is refused by its row; the others stay', () => {
  const refused: [number, string][] = [];
  const field = integers([2, 5, 7], [1n, 2n ** 53n + 1n, -(2n ** 60n) - 1n]);
  const [merged] = mergeAsFloat([{column: FLOAT, field}], (row, {code, reason}) => {
    refused.push([row, code]);
    expect(reason).toContain(`${row === 5 ? 2n ** 53n + 1n : -(2n ** 60n) - 1n}i`);
  });
  expect(refused).toEqual([
    [5, 'TYPE_CONFLICT'],
    [7, 'TYPE_CONFLICT'],
  ]);
  expect(merged!.field.values.type).toBe('float');
});

test('an integer column keeps its integers, exact ones too', () => {
  const field = integers([0], [2n ** 60n + 1n]);
  const given = [{column: INTEGER, field}];
  expect(mergeAsFloat(given, () => expect.unreachable('refused'))).toEqual(given);
});
