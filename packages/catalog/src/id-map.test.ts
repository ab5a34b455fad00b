import fc from 'fast-check';
import {expect, test} from 'vitest';
import {IdMap} from './id-map.ts';

/** About the borders of some pages. */
const id = fc.tuple(fc.nat(3), fc.integer({min: -2, max: 2})).map(([page, by]) => {
  return Math.max(1, page * 4_096 + by);
});
const change = fc.record({id, value: fc.option(fc.nat(9), {nil: undefined})});

test('it holds what a map would, whatever is set and deleted', () => {
  const property = fc.property(fc.array(change), fc.array(id), (changes, asked) => {
    const map = new Map<number, number>();
    const paged = new IdMap<number, number>();
    for (const {id: changed, value} of changes) {
      if (value === undefined) {
        map.delete(changed);
        paged.delete(changed);
      } else {
        map.set(changed, value);
        paged.set(changed, value);
      }
    }
    for (const one of [...asked, ...changes.map((each) => each.id)])
      expect(paged.get(one)).toBe(map.get(one));
  });
  fc.assert(property, {numRuns: 300});
});
