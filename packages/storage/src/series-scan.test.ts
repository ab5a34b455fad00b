import type {ColumnId, SeriesId, TableId} from '@flotilla/base';
import {encodeSeriesKey} from '@flotilla/column';
import {expect, test} from 'vitest';
import {SeriesIndex} from './series-index.ts';
import {SeriesScan} from './series-scan.ts';

const TABLE = 1 as TableId;
const TAG = 1 as ColumnId;

test('gives each series once, in pieces, though the index grows meanwhile', async () => {
  const index = new SeriesIndex();
  const add = (i: number) => index.add(encodeSeriesKey(TABLE, [{column: TAG, value: `h${i}`}]));
  for (let i = 0; i < 2_500; i++) add(i);
  const scan = new SeriesScan(index, Int32Array.from(index.select(TABLE, undefined)));
  const seen: SeriesId[] = [];
  for (let chunks = await scan.next(); chunks !== undefined; chunks = await scan.next()) {
    for (let i = 0; i < 3_000; i++) add(10_000 + seen.length + i);
    for (const {series, rowCount, columns} of chunks) {
      seen.push(series);
      expect([rowCount, columns]).toEqual([1, []]);
    }
  }
  expect(seen).toEqual(Array.from({length: 2_500}, (_, i) => i));
  expect(scan.tagValue(7 as SeriesId, TAG)).toBe('h7');
  expect(scan.seriesKey(7 as SeriesId)).toEqual(index.key(7 as SeriesId));
});

test('a closed scan gives nothing more', async () => {
  const index = new SeriesIndex();
  index.add(encodeSeriesKey(TABLE, []));
  const scan = new SeriesScan(index, Int32Array.of(0));
  scan.close();
  expect(await scan.next()).toBeUndefined();
});
