import fc from 'fast-check';
import {expect, test} from 'vitest';
import {STEP_ROWS, sortByTime} from './time-order.ts';

/** Sorted in place; how many steps it took. */
function sort(times: readonly number[]): {rows: number[]; offsets: number[]; steps: number} {
  const rows = Int32Array.from(times.keys());
  const offsets = Float64Array.from(times);
  const steps = [...sortByTime({rows, offsets})].length + 1;
  return {rows: [...rows], offsets: [...offsets], steps};
}

test('rows come by time, those of one time as they came', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(60), {maxLength: 400, size: 'max'}), (times) => {
      const wanted = [...times.keys()].sort((a, b) => times[a]! - times[b]! || a - b);
      const {rows, offsets} = sort(times);
      expect(rows).toEqual(wanted);
      expect(offsets).toEqual(wanted.map((row) => times[row]));
    }),
  );
});

test('a long series is sorted in steps, whatever its order', () => {
  const count = 8 * STEP_ROWS;
  const late = Array.from({length: count}, (_, i) => (i % 50 === 0 ? i - 40 : i));
  const backwards = Array.from({length: count}, (_, i) => count - i);
  const mixed = Array.from({length: count}, (_, i) => (i * 7_919) % count);
  for (const times of [late, backwards, mixed]) {
    const {offsets, steps} = sort(times);
    expect(offsets).toEqual(times.toSorted((a, b) => a - b));
    expect(steps).toBeGreaterThan(8);
  }
});
