import type {ColumnId, SeriesId, TableId} from '@flotilla/base';
import {encodeSeriesKey} from '@flotilla/column';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {ByteSet} from './byte-set.ts';
import {Int32List} from './growable.ts';
import {SeriesIndex, TagColumn} from './series-index.ts';

const HOST = 1 as ColumnId;

function key(table: number, host: string): Uint8Array {
  return encodeSeriesKey(table as TableId, host === '' ? [] : [{column: HOST, value: host}]);
}

test('ids come in order of first appearance and lead back to their keys', () => {
  const keys = fc.array(fc.tuple(fc.integer({min: 1, max: 3}), fc.string({unit: 'binary'})));
  fc.assert(
    fc.property(keys, (pairs) => {
      const index = new SeriesIndex();
      const want = new Map<string, number>();
      for (const [table, host] of pairs) {
        const text = `${table}|${host}`;
        const known = want.get(text);
        expect(index.find(key(table, host))).toBe(known);
        // Whatever was found before it, right or wrong.
        for (const after of [-1, (known ?? 0) - 1, want.size, 3])
          expect(index.find(key(table, host), after as SeriesId)).toBe(known);
        const id = index.add(key(table, host));
        expect(id).toBe(known ?? want.size);
        want.set(text, id);
        expect(index.key(id)).toEqual(key(table, host));
        expect(index.tableOf(id)).toBe(table);
        expect(index.tagValue(id, HOST) ?? '').toBe(host);
      }
      expect(index.count).toBe(want.size);
    }),
  );
});

test('what it holds is counted as its parts hold it, series by series', () => {
  const parts = {keys: new ByteSet(), lists: [new Int32List()], tags: new Map<string, TagColumn>()};
  const index = new SeriesIndex();
  for (let i = 0; i < 3_000; i++) {
    const [table, column] = [1 + (i % 2), 1 + (i % 3)];
    const value = `host_${i % 700}`;
    const tags = [{column: column as ColumnId, value}];
    index.add(encodeSeriesKey(table as TableId, tags));
    parts.keys.add(encodeSeriesKey(table as TableId, tags));
    if (parts.keys.count > parts.lists[0]!.count) {
      parts.lists[0]!.push(0);
      const ids = parts.lists[table] ?? new Int32List();
      parts.lists[table] = ids;
      const tag = parts.tags.get(`${table} ${column}`) ?? new TagColumn();
      parts.tags.set(`${table} ${column}`, tag);
      tag.set(ids.count, new TextEncoder().encode(value));
      ids.push(0);
    }
    const all = [parts.keys, ...parts.lists.filter(Boolean), ...parts.tags.values()];
    expect(index.memoryBytes()).toBe(all.reduce((sum, {bytes}) => sum + bytes, 0));
  }
  expect(index.count).toBeGreaterThan(1_000);
});

test('a hundred thousand series take at most 100 bytes each beyond their keys', () => {
  const index = new SeriesIndex();
  let keyBytes = 0;
  const count = 100_000;
  for (let i = 0; i < count; i++) {
    const tags = Array.from({length: 10}, (_, tag) => ({
      column: (tag + 1) as ColumnId,
      value: tag === 0 ? `host_${i}` : `value_${(i * (tag + 3)) % (tag * 20)}`,
    }));
    const bytes = encodeSeriesKey(1 as TableId, tags);
    keyBytes += bytes.length;
    index.add(bytes);
  }
  expect(index.find(index.key(54_321 as SeriesId))).toBe(54_321);
  const beyond = (index.memoryBytes() - keyBytes) / count;
  expect(beyond).toBeLessThan(100);
});
