import fc from 'fast-check';
import {expect, test} from 'vitest';
import {QueryMemory} from './memory.ts';
import {SortedRows} from './sorted-rows.ts';
import {SortedRuns} from './sorted-runs.ts';
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

test('without a limit many rows are sorted step by step, as one sort would', () => {
  const column = fc.constantFrom(3, 500, 1e9);
  fc.assert(
    fc.property(
      fc.integer({min: 0, max: 3 * 4_096 + 5}),
      fc.nat({max: 6_000}),
      column,
      fc.nat(),
      (count, offset, distinct, seed) => {
        const values = Float64Array.from(
          {length: count},
          (_, i) => ((i + seed) * 48_271) % distinct,
        );
        const numbers = Float64Array.from(values.keys());
        const of = (values: Float64Array): NumberVector => ({
          type: 'float',
          values,
          present: undefined,
          constant: false,
        });
        const rows = new SortedRows({
          types: ['float', 'float'],
          order: [{column: 0, descending: true, nullsFirst: false}],
          limit: undefined,
          memory: new QueryMemory(),
          base: ABSOLUTE,
        });
        // In pieces, as batches come.
        for (let from = 0; from < count; from += 1_000)
          rows.add([of(values), of(numbers)], Math.min(from + 1_000, count), from);
        const actual = [...rows.finish(offset, 700)].flatMap(({rowCount, columns}) =>
          Array.from({length: rowCount}, (_, i) => scalarAt(columns[1]!, i)),
        );
        // Equal ones in the order they came.
        const expected = [...numbers].sort((a, b) => values[b]! - values[a]! || a - b);
        expect(actual).toEqual(expected.slice(offset));
      },
    ),
    {numRuns: 30},
  );
});

test('no step of sorting looks at more than a small part of all rows', () => {
  const count = 40 * 4_096;
  const values = Float64Array.from({length: count}, (_, i) => (i * 48_271) % 1_000_003);
  let most = 0;
  let comparisons = 0;
  const runs = new SortedRuns((a, b) => {
    comparisons += 1;
    return values[a]! - values[b]! || a - b;
  });
  const step = (work: () => void): void => {
    comparisons = 0;
    work();
    most = Math.max(most, comparisons);
  };
  for (let row = 0; row < count; row++) step(() => runs.added(row));
  const rows = runs.inOrder(count);
  const inOrder: number[] = [];
  for (let row = 0; row < count; row++) {
    step(() => {
      inOrder.push(values[rows.next().value!]!);
    });
  }
  expect(inOrder).toEqual([...values].sort((a, b) => a - b));
  // A run of 4,096 is sorted with some 12 looks a row.
  expect(most).toBeLessThan(4_096 * 16);
});
