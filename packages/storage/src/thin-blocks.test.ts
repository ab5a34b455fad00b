import type {ColumnId, SeriesId} from '@flotilla/base';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {type Block, type PartVersion, THIN_ROWS} from './part-format.ts';
import type {SeriesRows} from './series-rows.ts';
import {StripeBuilder} from './stripe-builder.ts';
import {addSteps, offsetsOf, StripeLayout} from './thin-blocks.ts';

const anyBlock = fc
  .array(fc.integer({min: 1, max: 2 ** 40}), {minLength: 1, maxLength: THIN_ROWS - 1})
  .chain((steps) => fc.tuple(fc.integer({min: -(2 ** 45), max: 2 ** 45}), fc.constant(steps)));

function rowsOf(first: number, steps: readonly number[]): SeriesRows {
  const offsets = new Float64Array(steps.length);
  let offset = first;
  steps.forEach((step, row) => {
    if (row > 0) offset += step;
    offsets[row] = offset;
  });
  return {rowCount: steps.length, offsets, columns: []};
}

function blockOf({rowCount, offsets}: SeriesRows, series: number): Block {
  const [minOffset, maxOffset] = [offsets[0]!, offsets[rowCount - 1]!];
  return {series: series as SeriesId, rowCount, minOffset, maxOffset};
}

function stepsOf(blocks: readonly SeriesRows[]): Float64Array {
  const steps = new Float64Array(blocks.reduce((sum, {rowCount}) => sum + rowCount, 0));
  let at = 0;
  for (const {offsets, rowCount} of blocks) {
    addSteps(steps, at, {offsets, from: 0, to: rowCount});
    at += rowCount;
  }
  return steps;
}

test('times of thin blocks come back out of their steps', () => {
  fc.assert(
    fc.property(fc.array(anyBlock, {minLength: 1, maxLength: 20}), (drawn) => {
      const rows = drawn.map(([first, steps]) => rowsOf(first, steps));
      const blocks = rows.map(blockOf);
      const layout = new StripeLayout(blocks, 4);
      const offsets = offsetsOf(stepsOf(rows), blocks, layout);
      expect([...offsets]).toEqual(rows.flatMap((each) => [...each.offsets]));
    }),
  );
});

test.each([
  [10, 8_192],
  [1_000, 528],
])('of a table of %i columns a stripe takes %i thin rows', (columns, wanted) => {
  const fields = Array.from({length: columns}, (_, i) => ({
    ...{column: i as ColumnId, type: 'float' as const},
  }));
  const builder = new StripeBuilder(fields, {version: 4, isMerged: false});
  const rows = {...rowsOf(0, [1, 1, 1, 1, 1, 1, 1, 1]), columns: fields.map(() => undefined)};
  let count = 0;
  for (; !builder.isFull; count += 8) builder.addBlock(count as SeriesId, rows, 0, 8);
  // Or 1,024 blocks.
  expect(count).toBe(wanted);
});

test('even times are one step over and over, whatever blocks they are in', () => {
  const blocks = [rowsOf(5, [1, 10]), rowsOf(100, [1]), rowsOf(7, [1, 10, 10])];
  expect(new Set(stepsOf(blocks))).toEqual(new Set([10]));
});

test.each<[PartVersion, number[]]>([
  [1, [~0, ~1, ~2]],
  [2, [~0, ~1, ~2]],
  [4, [0, ~0, THIN_ROWS - 1]],
])('in version %i blocks are found where they lie', (version, places) => {
  const blocks = [THIN_ROWS - 1, THIN_ROWS, 1].map((rowCount) => ({rowCount}) as Block);
  const layout = new StripeLayout(blocks, version);
  const found = places.map((_, i) => (layout.isThin(i) ? layout.firstRow(i) : ~layout.bodyOf(i)));
  expect(found).toEqual(places);
});

test.each<[string, Partial<Block>, number[]]>([
  ['do not ascend', {}, [0, -1, 3]],
  ['are not those of its directory', {maxOffset: 13}, [0, 1, 1]],
  ['has no rows', {rowCount: 0}, []],
])('a block whose times or rows: %s', (says, wrong, steps) => {
  const block = {series: 0 as SeriesId, rowCount: 3, minOffset: 10, maxOffset: 12, ...wrong};
  const layout = new StripeLayout([block], 4);
  expect(() => offsetsOf(Float64Array.from(steps), [block], layout)).toThrow(says);
});
