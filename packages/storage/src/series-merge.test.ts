// Pieces out of overlapping blocks against a map that is filled source by source.

import type {ColumnId, SeriesId, TableId} from '@flotilla/base';
import fc from 'fast-check';
import {expect, test, vi} from 'vitest';
import type {MaskedSeries} from './masked-series.ts';
import type {Part} from './part.ts';
import {type BlockReference, PartCursor} from './part-cursor.ts';
import type {TableIndex} from './part-format.ts';
import {RowSource} from './row-source.ts';
import {mergeBlocks, mergeSeries} from './series-merge.ts';
import type {SeriesRows} from './series-rows.ts';

const COLUMNS = [1, 2] as ColumnId[];

interface Row {
  readonly offset: number;
  /** By column; undefined: no value. */
  readonly values: readonly (number | undefined)[];
}

function toRows(rows: readonly Row[]): SeriesRows {
  return {
    rowCount: rows.length,
    offsets: Float64Array.from(rows, ({offset}) => offset),
    columns: COLUMNS.map((_, column) => {
      if (rows.every(({values}) => values[column] === undefined)) return undefined;
      const values = Float64Array.from(rows, (row) => row.values[column] ?? 0);
      const present = Uint8Array.from(rows, (row) => (row.values[column] === undefined ? 0 : 1));
      return present.every((each) => each === 1)
        ? {values: {type: 'float', values}}
        : {values: {type: 'float', values}, present};
    }),
  };
}

/** One part: its blocks, at most `blockRows` rows each. */
function toBlocks(rows: readonly Row[], blockRows: number): BlockReference[] {
  const references: BlockReference[] = [];
  const cursor = {
    rows: async ({block}: BlockReference) =>
      toRows(rows.slice(block * blockRows, (block + 1) * blockRows)),
  } as PartCursor;
  for (let block = 0; block * blockRows < rows.length; block++) {
    const own = rows.slice(block * blockRows, (block + 1) * blockRows);
    references.push({
      cursor,
      stripe: 0,
      block,
      rowCount: own.length,
      minOffset: own[0]!.offset,
      hidden: [],
      maxOffset: own.at(-1)!.offset,
    });
  }
  return references;
}

function expected(sources: readonly (readonly Row[])[]): string[] {
  const merged = new Map<number, (number | undefined)[]>();
  for (const {offset, values} of sources.flat()) {
    const row = merged.get(offset) ?? [];
    merged.set(offset, row);
    COLUMNS.forEach((_, column) => {
      row[column] = values[column] ?? row[column];
    });
  }
  return [...merged].sort(([a], [b]) => a - b).map(([offset, row]) => `${offset}: ${row.join()}`);
}

async function collect(references: readonly BlockReference[], newest: SeriesRows | undefined) {
  const lines: string[] = [];
  let longest = 0;
  for await (const {rowCount, offsets, columns} of mergeSeries(references, newest)) {
    expect(rowCount).toBeGreaterThan(0);
    longest = Math.max(longest, rowCount);
    for (let row = 0; row < rowCount; row++) {
      const values = columns.map((column) =>
        column === undefined || column.present?.[row] === 0
          ? undefined
          : (column.values as {values: Float64Array}).values[row],
      );
      lines.push(`${offsets[row]}: ${values.join()}`);
    }
  }
  return {lines, longest};
}

const source = fc
  .uniqueArray(
    fc.record({
      offset: fc.integer({min: 0, max: 60}),
      values: fc.tuple(
        fc.option(fc.integer(), {nil: undefined}),
        fc.option(fc.integer(), {nil: undefined}),
      ),
    }),
    {selector: ({offset}) => offset, maxLength: 30},
  )
  .map((rows) => [...rows].sort((a, b) => a.offset - b.offset));

test('each row has of each field what the newest source with a value says', async () => {
  const sources = fc.array(fc.tuple(source, fc.integer({min: 1, max: 9})), {maxLength: 5});
  await fc.assert(
    fc.asyncProperty(sources, source, async (parts, newest) => {
      const references = parts.flatMap(([rows, blockRows]) => toBlocks(rows, blockRows));
      const overlay = newest.length === 0 ? undefined : toRows(newest);
      const {lines} = await collect(references, overlay);
      expect(lines).toEqual(expected([...parts.map(([rows]) => rows), newest]));
    }),
    {numRuns: 500},
  );
});

/** `count` rows, `step` apart, all with the value `mark`. */
function evenly(count: number, step: number, start: number, mark: number): Row[] {
  return Array.from({length: count}, (_, i) => ({
    offset: start + i * step,
    values: [mark, i % 3 === 0 ? i : undefined],
  }));
}

test('blocks that overlap all along a series leave in pieces', async () => {
  const sources = [0, 1, 2].map((part) => evenly(30_000, 10, part * 3_000 + (part % 2), part));
  const newest = evenly(20_000, 10, 5_000, 9);
  const references = sources.flatMap((rows, part) => toBlocks(rows, 1_000 - part * 300));
  const {lines, longest} = await collect(references, toRows(newest));
  expect(lines).toEqual(expected([...sources, newest]));
  // Had they to wait for each other to the end, it would be a few long ones.
  expect(longest).toBeLessThan(20_000);
});

test('few rows of parts under very many of a memtable leave in pieces as well', async () => {
  const sources = [evenly(3, 500_000, 7, 1), evenly(3, 400_000, 9, 2)];
  const newest = evenly(100_000, 11, 0, 9);
  const references = sources.flatMap((rows) => toBlocks(rows, 3));
  const {lines, longest} = await collect(references, toRows(newest));
  expect(lines).toEqual(expected([...sources, newest]));
  expect(longest).toBeLessThan(10_000);
});

test('a series may have more blocks in a part than a call may have arguments', async () => {
  // Ten rows a second for a quarter of a year are more.
  const count = 1_000_000;
  const blocks = Array.from({length: count}, (_, i) => ({
    ...{cursor: {} as PartCursor, stripe: 0, block: i, rowCount: 1},
    ...{minOffset: i, maxOffset: i, hidden: []},
  }));
  const mayHave = vi.spyOn(PartCursor.prototype, 'mayHave').mockReturnValue(true);
  const blocksOf = vi.spyOn(PartCursor.prototype, 'blocksOf').mockResolvedValue(blocks);
  const index: TableIndex = {version: 1, fields: [], stripes: []};
  const source = await RowSource.open({
    ...{table: 1 as TableId, fields: [], series: Int32Array.of(0), memtables: []},
    range: {startOffset: Number.NEGATIVE_INFINITY, endOffset: Number.POSITIVE_INFINITY},
    parts: [{tableIndex: async () => index} as unknown as Part],
    ...{partMasks: [[]], memtableMasks: [], masked: {} as MaskedSeries},
  });
  const pieces = mergeBlocks(await source.blocksOf(0 as SeriesId));
  expect((await pieces.next()).value).toBe(blocks[0]);
  await pieces.return(undefined);
  mayHave.mockRestore();
  blocksOf.mockRestore();
});
