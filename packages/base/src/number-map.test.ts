import {expect, test} from 'vitest';
import {bytesKept} from './collections.fixture.ts';
import {NumberMap} from './number-map.ts';
import {SeededRandom} from './random.ts';

test('it holds what a Map holds, whatever comes and goes', () => {
  const random = new SeededRandom(7);
  for (const keysMax of [4, 40, 4_000]) {
    const map = new NumberMap<string>();
    const model = new Map<number, string>();
    for (let step = 0; step < 20_000; step++) {
      // Some of them beyond 32 bits, with the same low ones as others.
      const key = random.below(keysMax) + random.below(2) * 2 ** 40;
      if (random.below(5) < 2) {
        map.set(key, `${step}`);
        model.set(key, `${step}`);
      } else {
        expect(map.delete(key)).toBe(model.delete(key));
      }
      expect(map.size).toBe(model.size);
      expect(map.get(key)).toBe(model.get(key));
    }
    const entries = [...model].sort(([a], [b]) => a - b);
    expect(map.entries()).toEqual(entries);
    for (const [key, value] of entries) expect(map.get(key)).toBe(value);
  }
});

test('those whose places are taken are found around its end, also when one before them goes', () => {
  const map = new NumberMap<number>();
  for (const key of [7, 15, 23, 0]) map.set(key, key);
  expect(map.delete(7)).toBe(true);
  expect([7, 15, 23, 0].map((key) => map.get(key))).toEqual([undefined, 15, 23, 0]);
});

test('cleared it is empty, and takes more', () => {
  const map = new NumberMap<string>();
  expect([map.get(0), map.delete(0), map.size]).toEqual([undefined, false, 0]);
  map.set(3, 'a');
  map.clear();
  expect([map.get(3), map.size]).toEqual([undefined, 0]);
  map.set(3, 'b');
  expect(map.entries()).toEqual([[3, 'b']]);
});

test('what has left it is young garbage, also behind a full collection', () => {
  const map = new NumberMap<object>();
  let last = 0;
  const kept = bytesKept((value) => {
    const key = ++last;
    map.set(key, value);
    return () => map.delete(key);
  });
  expect(kept).toBeLessThan(2 * 1024 * 1024);
});
