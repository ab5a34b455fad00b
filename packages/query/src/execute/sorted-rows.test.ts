import fc from 'fast-check';
import {expect, test} from 'vitest';
import {QueryMemory} from './memory.ts';
import {SortedRows} from './sorted-rows.ts';
import {ABSOLUTE, type NumberVector, scalarAt} from './vector.ts';

/** Enough rows that what is behind the limit is thrown away several times. */
const ROWS = 20_000;

test('the first rows of many are those of a full sort, nulls and NaN in their place', () => {
  const key = fc.record({descending: fc.boolean(), nullsFirst: fc.boolean()});
  fc.assert(
    fc.property(
      key,
      fc.integer({min: 1, max: 50}),
      fc.nat(),
      ({descending, nullsFirst}, limit, seed) => {
        const values = Float64Array.from({length: ROWS}, (_, i) => ((i + seed) * 7_919) % 1_009);
        const present = Uint8Array.from(values, (value) => (value % 97 === 0 ? 0 : 1));
        for (let i = 0; i < ROWS; i++) if (values[i]! % 89 === 0) values[i] = Number.NaN;
        const vector: NumberVector = {type: 'float', values, present, constant: false};
        const rows = new SortedRows({
          types: ['float'],
          order: [{column: 0, descending, nullsFirst}],
          limit,
          memory: new QueryMemory(),
          base: ABSOLUTE,
        });
        rows.add([vector], ROWS);
        const [piece] = [...rows.finish(0, limit)];
        const actual = Array.from({length: limit}, (_, i) => scalarAt(piece!.columns[0]!, i));
        const rank = (value: unknown) => (Number.isNaN(value) ? Infinity : (value as number));
        const expected = Array.from({length: ROWS}, (_, i) => scalarAt(vector, i)).sort((a, b) => {
          if (a === null || b === null) return a === b ? 0 : (a === null) === nullsFirst ? -1 : 1;
          const order = rank(a) === rank(b) ? 0 : rank(a) - rank(b);
          return descending ? -order : order;
        });
        expect(actual).toEqual(expected.slice(0, limit));
      },
    ),
    {numRuns: 12},
  );
});
