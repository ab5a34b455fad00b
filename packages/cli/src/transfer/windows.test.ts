import fc from 'fast-check';
import {expect, test} from 'vitest';
import {type Bin, halved, planWindows, type Window} from './windows.ts';

const SECOND = 1_000_000_000n;

/** A table of rows at these times, counted as the cluster counts. */
function counting(times: readonly bigint[]) {
  const asked: string[] = [];
  const count = async (bin: Bin, range: Pick<Window, 'start' | 'end'> | undefined) => {
    asked.push(bin.text);
    const bins = new Map<bigint, number>();
    for (const time of times) {
      if (range !== undefined && (time < range.start || time >= range.end)) continue;
      const rest = ((time % bin.ns) + bin.ns) % bin.ns;
      bins.set(time - rest, (bins.get(time - rest) ?? 0) + 1);
    }
    return [...bins].map(([start, rows]) => ({start, rows}));
  };
  return {count, asked};
}

test('every row is in one window, in order, and none has too many but a second that has', async () => {
  const step = fc.oneof(fc.constant(1n), fc.constant(SECOND), fc.constant(86_400n * SECOND * 9n));
  const times = fc
    .tuple(fc.bigInt(-(2n ** 60n), 2n ** 60n), fc.array(fc.tuple(step, fc.bigInt(0n, 90n))))
    .map(([start, steps]) => {
      let at = start;
      return steps.map(([unit, count]) => {
        at += unit * count;
        return at;
      });
    });
  await fc.assert(
    fc.asyncProperty(times, fc.integer({min: 1, max: 20}), async (rows, rowsMax) => {
      const windows = await planWindows(counting(rows).count, rowsMax);
      for (const [i, {start, end, rows: planned}] of windows.entries()) {
        const within = rows.filter((time) => time >= start && time < end);
        expect(within.length).toBe(planned);
        if (i > 0) expect(start >= windows[i - 1]!.end).toBe(true);
        if (planned > rowsMax) expect(end - start).toBe(SECOND);
      }
      expect(windows.reduce((sum, window) => sum + window.rows, 0)).toBe(rows.length);
    }),
    {numRuns: 200},
  );
});

test('a table that is small is counted once, and is one window', async () => {
  const {count, asked} = counting([0n, 40n * 86_400n * SECOND]);
  const windows = await planWindows(count, 10);
  expect(windows).toEqual([{start: 0n, end: 60n * 86_400n * SECOND, rows: 2}]);
  expect(asked).toEqual(['30 days']);
});

test('halves have all of it, and a nanosecond has none', () => {
  expect(halved({start: -3n, end: 2n, rows: 5})).toEqual([
    {start: -3n, end: -1n, rows: 3},
    {start: -1n, end: 2n, rows: 2},
  ]);
  expect(halved({start: -3n, end: -2n, rows: 5})).toBeUndefined();
});
