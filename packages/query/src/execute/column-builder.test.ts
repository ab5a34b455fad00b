import fc from 'fast-check';
import {expect, test} from 'vitest';
import {ROWS, vectors} from '../fixtures/random-vector.ts';
import {ColumnBuilder} from './column-builder.ts';
import {ABSOLUTE, scalarAt, timeNsAt, type Vector} from './vector.ts';

function valuesOf(vector: Vector, count: number): unknown[] {
  return Array.from({length: count}, (_, row) => {
    const value = scalarAt(vector, row);
    return value !== null && vector.type === 'time' ? timeNsAt(vector, row) : value;
  });
}

/** As many of one vector's rows as there are in it, behind some of another. */
const runs = fc
  .record({first: vectors, second: vectors, from: fc.nat(ROWS), to: fc.nat(ROWS)})
  .filter(({first, second, from, to}) => first.type === second.type && from <= to);

test('rows that come as runs are those that come one by one', () => {
  fc.assert(
    fc.property(runs, ({first, second, from, to}) => {
      const byRow = new ColumnBuilder(first.type, ABSOLUTE);
      const byRun = new ColumnBuilder(first.type, ABSOLUTE);
      for (let row = 0; row < ROWS; row++) byRow.set(row, first, row);
      for (let row = from; row < to; row++) byRow.set(ROWS + row - from, second, row);
      byRun.setRun(0, first, 0, ROWS);
      byRun.setRun(ROWS, second, from, to);
      const count = ROWS + to - from;
      const taken = byRun.toVector(count);
      expect(valuesOf(taken, count)).toEqual(valuesOf(byRow.toVector(count), count));
      expect(byRun.textBytes).toBe(byRow.textBytes);
      const want = [...valuesOf(first, ROWS), ...valuesOf(second, to).slice(from)];
      expect(valuesOf(taken, count).map(String)).toEqual(want.map(String));
      const backwards = Int32Array.from({length: count}, (_, i) => count - 1 - i);
      expect(valuesOf(byRun.toVector(count, backwards), count).map(String)).toEqual(
        want.map(String).reverse(),
      );
    }),
    {numRuns: 1_000},
  );
});
