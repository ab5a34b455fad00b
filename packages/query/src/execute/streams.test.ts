import fc from 'fast-check';
import {expect, test} from 'vitest';
import {raceStreams} from './streams.ts';

interface Counted {
  open: number;
  openMax: number;
  released: number;
}

/** Yields `length` numbers, each after some turns of the microtask queue. */
function stream(
  id: number,
  length: number,
  turns: number,
  counted: Counted,
): AsyncIterable<number> {
  let sent = 0;
  let begun = false;
  let released = false;
  const end = () => {
    if (begun && !released) counted.open--;
    released = true;
  };
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        if (!begun) counted.openMax = Math.max(counted.openMax, ++counted.open);
        begun = true;
        for (let i = 0; i < turns; i++) await undefined;
        if (sent === length) {
          end();
          return {done: true, value: undefined};
        }
        return {done: false, value: id * 1_000 + sent++};
      },
      return: async () => {
        end();
        counted.released++;
        return {done: true, value: undefined};
      },
    }),
  };
}

const shape = fc.array(fc.record({length: fc.integer({min: 0, max: 5}), turns: fc.nat(5)}));

test("every item comes once, in its stream's order, from few streams at a time", async () => {
  await fc.assert(
    fc.asyncProperty(shape, fc.integer({min: 1, max: 4}), async (shapes, atOnce) => {
      const counted: Counted = {open: 0, openMax: 0, released: 0};
      const streams = shapes.map(({length, turns}, id) => stream(id, length, turns, counted));
      const items: number[] = [];
      for await (const item of raceStreams(streams, atOnce)) items.push(item);
      const expected = shapes.flatMap(({length}, id) =>
        Array.from({length}, (_, i) => id * 1_000 + i),
      );
      expect(items.toSorted((a, b) => a - b)).toEqual(expected);
      for (const [id] of shapes.entries()) {
        const own = items.filter((item) => Math.floor(item / 1_000) === id);
        expect(own).toEqual(own.toSorted((a, b) => a - b));
      }
      expect(counted.openMax).toBeLessThanOrEqual(atOnce);
      expect(counted.released).toBe(shapes.length);
    }),
  );
});

test('all are released when the reader stops or one fails', async () => {
  const counted: Counted = {open: 0, openMax: 0, released: 0};
  const streams = Array.from({length: 9}, (_, id) => stream(id, 5, 1, counted));
  for await (const _ of raceStreams(streams, 2)) break;
  expect(counted.released).toBe(9);
  const failing: AsyncIterable<number> = {
    [Symbol.asyncIterator]: () => ({next: () => Promise.reject(new Error('gone'))}),
  };
  const all = raceStreams([...streams, failing], 16);
  await expect(
    (async () => {
      for await (const _ of all);
    })(),
  ).rejects.toThrow('gone');
  expect(counted.released).toBe(18);
});
