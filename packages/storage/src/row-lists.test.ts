import fc from 'fast-check';
import {expect, test} from 'vitest';
import {RowLists} from './row-lists.ts';

const pushes = fc.array(
  fc.record({list: fc.nat(4), count: fc.oneof(fc.nat(3), fc.nat(900)), pin: fc.boolean()}),
  {maxLength: 40},
);

test('a list gives the rows that were pushed to it, below the end of a pin, whatever came later', () => {
  fc.assert(
    fc.property(pushes, fc.nat(), (runs, salt) => {
      const lists = new RowLists();
      lists.reserve(5);
      const model: number[][] = [[], [], [], [], []];
      const pins: number[] = [];
      let row = 0;
      for (const {list, count, pin} of runs) {
        for (let i = 0; i < count; i++, row++) {
          lists.push(list, row);
          model[list]!.push(row);
        }
        if (pin) pins.push(row);
      }
      for (const rowEnd of [...pins, row])
        for (const [list, rows] of model.entries()) {
          const wanted = rows.filter((each) => each < rowEnd);
          const found = lists.rowsOf(list, rowEnd);
          expect(found.count).toBe(wanted.length);
          const few = new Int32Array(1_000).fill(-1);
          const place = {out: few, at: 3};
          const limit = salt % 2 === 0 ? 1 + (salt % 100) : 900;
          const copied = lists.copyFew(list, rowEnd, limit, place);
          const isFew = wanted.length < limit;
          expect(copied).toBe(isFew ? wanted.length : -1);
          const rest = new Array(997 - (isFew ? wanted.length : 0)).fill(-1);
          expect([...few]).toEqual([-1, -1, -1, ...(isFew ? wanted : []), ...rest]);
          if (wanted.length === 0) continue;
          const from = salt % wanted.length;
          const out = new Int32Array(wanted.length - from);
          found.copy(from, wanted.length, out);
          expect([...out]).toEqual(wanted.slice(from));
          expect(found.at(from)).toBe(wanted[from]);
        }
    }),
    {numRuns: 60},
  );
});
