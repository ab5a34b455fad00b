import {crc32} from 'node:zlib';
import type {ColumnId, SeriesId, TableId} from '@flotilla/base';
import {encodeSeriesKey} from '@flotilla/column';
import {MemoryDisk} from '@flotilla/testkit';
import {expect, test, vi} from 'vitest';
import {encodeKeys, loadKeys} from './key-file.ts';
import {SeriesIndex} from './series-index.ts';
import {Slices} from './slices.ts';

const COUNT = 3_000;

test('many keys are written and read in steps, between which the thread may do other work', async () => {
  const index = new SeriesIndex();
  for (let i = 0; i < COUNT; i++)
    index.add(encodeSeriesKey(1 as TableId, [{column: 1 as ColumnId, value: `host_${i}`}]));
  let asked = 0;
  const due = async (): Promise<void> => {
    asked += 1;
  };
  const slices = new Slices({due}, {work: 'flush'});
  const {bytes} = await encodeKeys({index, slices}, 0, COUNT);
  expect(asked).toBeGreaterThan(10);
  const disk = new MemoryDisk();
  const file = await disk.open('keys', 'create');
  await file.writeAt(0, [bytes]);
  await file.close();
  asked = 0;
  const loaded = new SeriesIndex();
  const record = {file: 'keys', bytes: bytes.length, firstSeries: 0, count: COUNT};
  await loadKeys(disk, 'keys', record, {index: loaded, slices});
  expect(asked).toBeGreaterThan(10);
  expect(loaded.count).toBe(COUNT);
  for (const id of [0, 255, 256, COUNT - 1] as SeriesId[])
    expect(loaded.key(id)).toEqual(index.key(id));
});

test('so is what few long keys take: their checksum is made in steps as well', async () => {
  const index = new SeriesIndex();
  const few = 60;
  for (let i = 0; i < few; i++)
    index.add(
      encodeSeriesKey(1 as TableId, [{column: 1 as ColumnId, value: `${i}`.padEnd(60_000)}]),
    );
  let asked = 0;
  const due = async (): Promise<void> => {
    asked += 1;
  };
  const slices = new Slices({due}, {work: 'flush'});
  const {bytes, checksum} = await encodeKeys({index, slices}, 0, few);
  expect(asked).toBeGreaterThan(20);
  expect(checksum).toBe(crc32(bytes.subarray(0, -4)));
  const disk = new MemoryDisk();
  const file = await disk.open('keys', 'create');
  await file.writeAt(0, [bytes]);
  await file.close();
  asked = 0;
  const loaded = new SeriesIndex();
  const record = {file: 'keys', bytes: bytes.length, checksum, firstSeries: 0, count: few};
  await loadKeys(disk, 'keys', record, {index: loaded, slices});
  expect(asked).toBeGreaterThan(20);
  expect(loaded.key((few - 1) as SeriesId)).toEqual(index.key((few - 1) as SeriesId));
});

test('a file that cannot be read is closed all the same: whoever tries again opens another', async () => {
  const disk = new MemoryDisk();
  const file = await disk.open('keys', 'create');
  await file.writeAt(0, [new Uint8Array(9)]);
  await file.close();
  const close = vi.fn(async () => {});
  const open = disk.open.bind(disk);
  disk.open = async (...args) => ({...(await open(...args)), close});
  disk.fail({operation: 'read', path: 'keys', code: 'EIO'});
  const slices = new Slices({due: () => undefined}, {work: 'flush'});
  const record = {file: 'keys', bytes: 9, firstSeries: 0, count: 1};
  const loading = loadKeys(disk, 'keys', record, {index: new SeriesIndex(), slices});
  await expect(loading).rejects.toThrow('EIO');
  expect(close).toHaveBeenCalledTimes(1);
});
