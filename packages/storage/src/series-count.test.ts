// How many series an index knows, against a plain count; and that counting leaves the thread to others.

import {type ColumnId, SeededRandom, type TableId} from '@flotilla/base';
import {DistinctSketch, encodeSeriesKey, type SetCardinality} from '@flotilla/column';
import {expect, test} from 'vitest';
import {type CountOptions, countSeries} from './series-count.ts';
import {SeriesIndex} from './series-index.ts';

const HOST = 1 as ColumnId;
const ZONE = 2 as ColumnId;

const options = (more: Partial<CountOptions> = {}): CountOptions => ({
  isDeadTable: () => false,
  isDeadColumn: () => false,
  due: () => undefined,
  signal: new AbortController().signal,
  ...more,
});

function add(index: SeriesIndex, table: number, tags: readonly (readonly [ColumnId, string])[]) {
  const named = tags.map(([column, value]) => ({column, value}));
  index.add(encodeSeriesKey(table as TableId, named));
}

const counted = (sketch: string) => DistinctSketch.decode(sketch).distinct().count;

function plain({series, tables, tags, values}: SetCardinality) {
  return {
    series: counted(series),
    tables: tables.map(({table, series: of}) => [table, counted(of)]),
    tags: tags.map(({table, column, values: of}) => [table, column, counted(of)]),
    values: values.map(({table, column, value, series: of}) => [table, column, value, counted(of)]),
  };
}

/** 40 hosts in 3 zones, five of them without one; a table of 7 hosts, one of a series without tags. */
function indexed(): SeriesIndex {
  const index = new SeriesIndex();
  for (let i = 0; i < 40; i++) {
    const zone = i < 5 ? [] : [[ZONE, `z${i % 3 === 0 ? 0 : (i % 2) + 1}`] as const];
    add(index, 1, [[HOST, `h${i}`], ...zone]);
    if (i < 7) add(index, 2, [[HOST, `h${i}`]]);
  }
  add(index, 3, []);
  return index;
}

test('tables are told by their series, tags by their values, values by their series', async () => {
  const found = plain(await countSeries(indexed(), {top: 3}, options()));
  expect(found).toEqual({
    series: 48,
    tables: [
      [1, 40],
      [2, 7],
      [3, 1],
    ],
    tags: [
      [1, HOST, 40],
      [2, HOST, 7],
      [1, ZONE, 3],
    ],
    values: [
      [1, ZONE, 'z2', 12],
      [1, ZONE, 'z0', 12],
      [1, ZONE, 'z1', 11],
    ],
  });
});

test('of one table, and without what is dead', async () => {
  const index = indexed();
  const one = plain(await countSeries(index, {top: 2, table: 2 as TableId}, options()));
  expect(one).toMatchObject({series: 7, tables: [[2, 7]], tags: [[2, HOST, 7]]});
  const left = options({
    isDeadTable: (table) => table === 2,
    isDeadColumn: (table, column) => table === 1 && column === ZONE,
  });
  const found = plain(await countSeries(index, {top: 9}, left));
  expect(found.tables.map(([table]) => table)).toEqual([1, 3]);
  expect(found.tags).toEqual([[1, HOST, 40]]);
  expect(found.values).toHaveLength(9);
});

test('of many it tells those with most, each as a plain count has it', async () => {
  const random = new SeededRandom(11);
  const index = new SeriesIndex();
  const ofHost = new Map<string, number>();
  const seen = new Set<string>();
  while (seen.size < 3_000) {
    // Low numbers are many: the least of three.
    const pick = () => Math.min(random.below(400), random.below(400), random.below(400));
    const [host, zone] = [`h${pick()}`, `z${random.below(900)}`];
    if (seen.has(`${host} ${zone}`)) continue;
    seen.add(`${host} ${zone}`);
    add(index, 1, [
      [HOST, host],
      [ZONE, zone],
    ]);
    ofHost.set(host, (ofHost.get(host) ?? 0) + 1);
  }
  const found = plain(await countSeries(index, {top: 5}, options()));
  const most = [...ofHost].sort((a, b) => b[1] - a[1]);
  expect(found.values.map((row) => row[3])).toEqual(most.slice(0, 5).map(([, count]) => count));
  for (const [, , value, count] of found.values) expect(ofHost.get(value as string)).toBe(count);
  expect(found.tags.map(([, column]) => column)).toEqual([ZONE, HOST]);
  expect(Math.abs(found.series / 3_000 - 1)).toBeLessThan(0.1);
});

test('it works in pieces, between which others do; and ends when nobody waits for it', async () => {
  const index = new SeriesIndex();
  for (let i = 0; i < 50_000; i++)
    add(index, 1, [
      [HOST, `h${i}`],
      [ZONE, `z${i % 9}`],
    ]);
  let turns = 0;
  let others = 0;
  const stop = new AbortController();
  const due = async (): Promise<void> => {
    turns += 1;
    // What is written meanwhile: the index grows under the count.
    add(index, 1, [[HOST, `late${turns}`]]);
    add(index, 4, [[HOST, `late${turns}`]]);
    await new Promise<void>((resolve) => {
      setImmediate(() => {
        others += 1;
        resolve();
      });
    });
  };
  const found = plain(await countSeries(index, {top: 2}, options({due})));
  // Twice per tag and series, and once per value.
  expect(turns).toBeGreaterThan(150);
  expect(others).toBe(turns);
  expect(found.values).toMatchObject([
    [1, ZONE, expect.any(String), expect.any(Number)],
    [1, ZONE, expect.any(String), expect.any(Number)],
  ]);
  expect(found.tables).toHaveLength(1);
  const count = countSeries(index, {top: 2}, options({due, signal: stop.signal}));
  stop.abort();
  await expect(count).rejects.toMatchObject({code: 'CANCELLED'});
});
