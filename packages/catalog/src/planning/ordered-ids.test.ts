import fc from 'fast-check';
import {expect, test} from 'vitest';
import {mergeAscending, OrderedIds} from './ordered-ids.ts';

const step = fc.record({id: fc.nat(2_000), adds: fc.boolean()});

test('holds what a set would hold, in order', () => {
  fc.assert(
    fc.property(fc.array(step, {maxLength: 3_000, size: 'max'}), (steps) => {
      const ids = new OrderedIds<number>();
      const expected = new Set<number>();
      for (const {id, adds} of steps) {
        if (adds) {
          ids.add(id);
          expected.add(id);
        } else {
          ids.delete(id);
          expected.delete(id);
        }
        expect(ids.has(id)).toBe(adds);
      }
      const ordered = [...expected].sort((a, b) => a - b);
      expect([...ids]).toEqual(ordered);
      expect([...ids.descending()]).toEqual(ordered.toReversed());
      expect(ids.size).toBe(expected.size);
    }),
    {numRuns: 30},
  );
});

test('thousands are held in order whichever way they come and go', () => {
  const ids = new OrderedIds<number>();
  for (let i = 0; i < 5_000; i++) ids.add((i * 7_919) % 5_000);
  expect([...ids]).toEqual(Array.from({length: 5_000}, (_, i) => i));
  for (let i = 0; i < 5_000; i += 2) ids.delete(i);
  expect([...ids]).toEqual(Array.from({length: 2_500}, (_, i) => 2 * i + 1));
});

test('a merge of several has each id once and asks for no more than is taken', () => {
  fc.assert(
    fc.property(fc.array(fc.uniqueArray(fc.nat(50)), {maxLength: 4}), (lists) => {
      const sorted = lists.map((list) => list.toSorted((a, b) => a - b));
      const all = [...new Set(lists.flat())].sort((a, b) => a - b);
      expect([...mergeAscending(...sorted)]).toEqual(all);
    }),
  );
  let asked = 0;
  function* endless(): Generator<number> {
    for (let i = 0; ; i++) {
      asked = i;
      yield i;
    }
  }
  const merged = mergeAscending(endless(), [1, 5]);
  for (let i = 0; i < 3; i++) merged.next();
  expect(asked).toBe(2);
});
