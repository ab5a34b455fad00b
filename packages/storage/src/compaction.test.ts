// Goal: merges are few, small and bounded, and there where scans meet several parts or coarse ones. Method: the
// plan for given parts; histories of flushes, and laws over those made by chance.

import fc from 'fast-check';
import {expect, test} from 'vitest';
import {outlineOf, type PartOutline, planCompaction} from './compaction.ts';
import {type Flushed, PartHistory} from './compaction-history.fixture.ts';
import type {PartRecord} from './part.ts';

/** As flushes wrote them, each in the times behind the one before. */
const coarse = (...sizes: number[]): PartOutline[] =>
  sizes.map((bytes, i) => ({
    ...{bytes, minOffset: i * 100, maxOffset: i * 100 + 99},
    ...{isCoarse: true, failures: 0},
  }));
const dense = (...sizes: number[]) => coarse(...sizes).map((part) => ({...part, isCoarse: false}));
/** Each begins `step` later than the one before, and lasts 100. */
const inSteps = (step: number, parts: readonly PartOutline[]) =>
  parts.map((part, i) => ({...part, minOffset: i * step, maxOffset: i * step + 99}));
const equal = (count: number) => new Array<number>(count).fill(10);

test('four flushed parts are merged, three are not', () => {
  expect(planCompaction(coarse(10, 10, 10))).toBeUndefined();
  expect(planCompaction(coarse(10, 10, 10, 10))).toEqual({start: 0, end: 4});
});

test('a large old part stays where it is while small new ones are merged beside it', () => {
  expect(planCompaction(coarse(1_000, 10, 12, 9, 11))).toEqual({start: 1, end: 5});
  expect(planCompaction(coarse(1_000, 10, 12, 9))).toBeUndefined();
});

test('merged parts that follow each other in time stand side by side up to twelve', () => {
  expect(planCompaction(dense(...equal(12)))).toBeUndefined();
  expect(planCompaction(dense(...equal(13)))).toEqual({start: 0, end: 13});
  const andFlushed = dense(...equal(4)).with(3, coarse(...equal(4))[3]!);
  expect(planCompaction(andFlushed)).toBeUndefined();
  // The most parts less for what is written, not the most parts.
  expect(planCompaction(dense(90, 90, 90, 90, 90, 90, 9, 9, 9, 9, 80, 90, 90))).toEqual({
    start: 6,
    end: 10,
  });
});

test('merged parts are merged where two have rows at a moment, on average, but for those of unknown times', () => {
  expect(planCompaction(inSteps(30, dense(...equal(4))))).toEqual({start: 0, end: 4});
  expect(planCompaction(inSteps(40, dense(...equal(4))))).toBeUndefined();
  // 4 of 100 in 4 of 100 and what lies between them.
  const late = inSteps(0, dense(...equal(4))).with(3, {
    ...dense(10)[0]!,
    minOffset: 900,
    maxOffset: 999,
  });
  expect(planCompaction(late)).toBeUndefined();
  const unknown = {minOffset: Number.NEGATIVE_INFINITY, maxOffset: Number.POSITIVE_INFINITY};
  expect(planCompaction(dense(...equal(4)).map((part) => ({...part, ...unknown})))).toBeUndefined();
});

test('parts of whatever sizes are merged where they are more than 24', () => {
  /** Of no run is the largest less than 0.6. */
  const nested = (depth: number): number[] => {
    if (depth === 0) return [1, 1, 1];
    const inner = nested(depth - 1);
    return [...inner, inner.reduce((sum, size) => sum + size, 0) * 3.1, ...inner];
  };
  const sizes = nested(3).slice(0, 25);
  expect(planCompaction(coarse(...sizes.slice(0, 24)))).toBeUndefined();
  expect(planCompaction(coarse(...sizes))).toBeDefined();
  const leftOut = coarse(...sizes).with(0, {...coarse(1)[0]!, failures: 3});
  expect(planCompaction(leftOut), 'one that no merge takes does not count').toBeUndefined();
});

test('parts that lie alone between two that no merge takes have no others merged, whatever their sizes', () => {
  const leftOut = {...coarse(1)[0]!, failures: 3};
  const alone = Array.from({length: 12}, () => [...coarse(...equal(3)), leftOut]).flat();
  expect(planCompaction([...alone, ...coarse(1_000, 10, 12, 9)])).toBeUndefined();
  expect(planCompaction([...alone, ...dense(...equal(12))])).toBeUndefined();
  // Five on each side have sizes of which no run is, but there are few between any two.
  const stuck = Array.from({length: 6}, () => [...coarse(1_000, 300, 80, 20, 5), leftOut]).flat();
  expect(planCompaction(stuck)).toBeUndefined();
});

test('each failed merge of a part halves the runs that it may be in; after the third it is in none', () => {
  const all = (failures: number) =>
    planCompaction(coarse(...equal(20)).map((part) => ({...part, failures})));
  expect([0, 1, 2, 3].map(all)).toEqual([
    {start: 4, end: 20},
    {start: 12, end: 20},
    {start: 16, end: 20},
    undefined,
  ]);
  const around = (at: number) =>
    planCompaction(coarse(...equal(9)).map((part, i) => ({...part, failures: i === at ? 3 : 0})));
  expect([around(2), around(4), around(8)]).toEqual([
    {start: 3, end: 9},
    {start: 5, end: 9},
    {start: 0, end: 8},
  ]);
});

test('a part is coarse as a flush wrote it, and as long as its series have few rows', () => {
  const record = (more: object, table: object = {}): PartRecord =>
    ({
      ...{file: '1.part', bytes: 10, lo: 0, hi: 1, ...more},
      tables: [
        {table: 1, rowCount: 900, seriesCount: 10, minOffset: 5, maxOffset: 9, ...table},
        {table: 2, rowCount: 100, seriesCount: 0, minOffset: 2, maxOffset: 7},
      ],
    }) as unknown as PartRecord;
  const dense = {bytes: 10, minOffset: 2, maxOffset: 9, isCoarse: false, failures: 0};
  expect(outlineOf(record({mergedAs: 2}))).toEqual(dense);
  expect(outlineOf(record({}), 2)).toEqual({...dense, isCoarse: true, failures: 2});
  expect(outlineOf(record({mergedAs: 2}, {rowCount: 899}))).toEqual({...dense, isCoarse: true});
  const untold = record({mergedAs: 2}, {minOffset: undefined, maxOffset: undefined});
  expect(outlineOf(untold)).toMatchObject({minOffset: -Infinity, maxOffset: Infinity});
});

const flushOf = (from: number, length: number, more: Partial<Flushed> = {}): Flushed => ({
  ...{rows: 100, from, to: from + length - 1, rowsPerSeries: 500},
  ...more,
});

function historyOf(flushes: readonly Flushed[]): PartHistory {
  const history = new PartHistory();
  for (const each of flushes) history.flush(each);
  return history;
}

test('how often rows are written: less where flushes follow each other in time, and by the logarithm', () => {
  const written = (step: number) =>
    [8, 32, 128, 512].map((count) => {
      const flushes = Array.from({length: count}, (_, i) => flushOf(i * step, 1_000));
      const {writtenRows, flushedRows, partsMax} = historyOf(flushes);
      return `${(writtenRows / flushedRows).toFixed(1)}, ${partsMax} parts`;
    });
  // As docs/decisions/0018 has them.
  expect(written(1_000)).toEqual([
    '2.0, 4 parts',
    '2.0, 10 parts',
    '3.0, 12 parts',
    '4.2, 12 parts',
  ]);
  expect(written(0)).toEqual(['2.4, 3 parts', '3.3, 5 parts', '5.3, 6 parts', '7.3, 7 parts']);
});

test('rows are written no more often for parts that are left out before them', () => {
  const flushes = Array.from({length: 128}, (_, i) => flushOf(i * 1_000, 1_000));
  const whole = historyOf(flushes);
  const history = new PartHistory();
  const before = Array.from({length: 40}, (_, i) => ({
    ...coarse(10)[0]!,
    failures: i % 4 === 3 ? 3 : 0,
  }));
  history.parts = before.map((part) => ({...part, flushes: []}));
  for (const each of flushes) history.flush(each);
  expect(history.writtenRows).toBe(whole.writtenRows);
  expect(history.partsMax).toBe(before.length + whole.partsMax);
});

const anyPart = fc.record({
  bytes: fc.double({min: 0, max: 20, noNaN: true}).map((power) => Math.ceil(2 ** power)),
  minOffset: fc.oneof(
    {weight: 9, arbitrary: fc.integer({min: 0, max: 1_000})},
    {weight: 1, arbitrary: fc.constant(Number.NEGATIVE_INFINITY)},
  ),
  length: fc.integer({min: 0, max: 1_000}),
  isCoarse: fc.boolean(),
  failures: fc.constantFrom(0, 0, 0, 0, 0, 1, 2, 3),
});
const anyParts = fc.array(anyPart, {maxLength: 60}).map((parts) =>
  parts.map(({length, ...part}) => ({
    ...part,
    maxOffset: part.minOffset < 0 ? Number.POSITIVE_INFINITY : part.minOffset + length,
  })),
);

test('a plan is a run of neighbours that may be in it; there is an end of them, and few parts are left', () => {
  fc.assert(
    fc.property(anyParts, (all) => {
      let parts: PartOutline[] = all;
      for (;;) {
        const plan = planCompaction(parts);
        if (plan === undefined) break;
        const {start, end} = plan;
        expect(start).toBeGreaterThanOrEqual(0);
        expect(end).toBeLessThanOrEqual(parts.length);
        // Each leaves three parts less, so there is an end of them.
        expect(end - start).toBeGreaterThanOrEqual(4);
        const run = parts.slice(start, end);
        const failures = Math.max(...run.map((part) => part.failures));
        expect(end - start).toBeLessThanOrEqual([16, 8, 4, 0][failures]!);
        const merged = {
          bytes: run.reduce((sum, {bytes}) => sum + bytes, 0),
          minOffset: Math.min(...run.map(({minOffset}) => minOffset)),
          maxOffset: Math.max(...run.map(({maxOffset}) => maxOffset)),
          ...{isCoarse: false, failures: 0},
        };
        parts = parts.toSpliced(start, end - start, merged);
      }
      const isTaken = parts.map(({failures}) => (failures < 3 ? 'x' : ' ')).join('');
      for (const side of isTaken.split(' ')) expect(side.length).toBeLessThanOrEqual(24);
    }),
    {numRuns: 500},
  );
});

const anyFlush = fc
  .record({
    rows: fc.double({min: 0, max: 8, noNaN: true}).map((power) => Math.ceil(2 ** power)),
    from: fc.integer({min: 0, max: 10_000}),
    length: fc.integer({min: 1, max: 10_000}),
    rowsPerSeries: fc.constantFrom(1, 20, 500),
  })
  .map(({length, ...flush}) => ({...flush, to: flush.from + length - 1}));
const anyFlushes = fc.array(anyFlush, {minLength: 1, maxLength: 300, size: 'max'});

test('each merge of a row has its part grow by two thirds or more, so it is written a logarithm of times', () => {
  fc.assert(
    fc.property(anyFlushes, (flushes) => {
      const {writtenRows, flushedRows} = historyOf(flushes);
      const timesMax = (rows: number) => 1 + Math.log(flushedRows / rows) / Math.log(1 / 0.6);
      const writtenMax = flushes.reduce((sum, {rows}) => sum + rows * timesMax(rows), 0);
      expect(writtenRows).toBeLessThanOrEqual(writtenMax * (1 + 1e-9));
    }),
    {numRuns: 60, endOnFailure: true},
  );
});

test('where all parts overlap there are as few as there were by size alone', () => {
  const overlapping = anyFlushes.map((flushes) =>
    flushes.map((flush) => ({...flush, from: 0, to: 9_999, rows: 20 + (flush.rows % 80)})),
  );
  fc.assert(
    fc.property(overlapping, (flushes) => {
      expect(historyOf(flushes).partsMax).toBeLessThanOrEqual(10);
    }),
    {numRuns: 60, endOnFailure: true},
  );
});

test('rows that are written again and again are no reason to write the others more often', () => {
  fc.assert(
    fc.property(fc.integer({min: 4, max: 300}), (count) => {
      const history = new PartHistory(1);
      for (let i = 0; i < count; i++) history.flush(flushOf(0, 100));
      expect(history.writtenRows / history.flushedRows).toBeLessThanOrEqual(1.34);
      expect(history.parts.length).toBeLessThanOrEqual(3);
    }),
  );
});
