// What thin blocks of many series come to when they are put together column by column is, byte for byte, what each
// series by itself comes to.

import type {SeriesId} from '@flotilla/base';
import {expect, test, vi} from 'vitest';
import type {BlockReference, PartCursor} from './part-cursor.ts';
import type {ThinSeries} from './part-writer.ts';
import {HOST, type Point, type Value, WHOLE_TABLE} from './replica-model.fixture.ts';
import {Trial} from './replica-trial.fixture.ts';
import type {SeriesRows} from './series-rows.ts';
import {ThinMerge} from './thin-merge.ts';

const STEP = 1_000;
const FLUSH = {type: 'flush', isAwaited: true} as const;

/** Whose rows have in each part all columns, some, another one, or wide numbers in one. */
function valuesOf(host: number, i: number): (Value | undefined)[] {
  const number = host * 1_000 + i;
  const wide = BigInt(number) + (host % 5 === 0 && i > 30 ? 2n ** 60n : 0n);
  const rare = host % 3 === 0 && i % 7 > 0 ? undefined : `text ${number % 50}`;
  return [Math.sqrt(number), wide, i < 20 ? undefined : BigInt(i), host % 2 === 0, rare];
}

const rowsOf = (host: number, from: number, count: number): Point[] =>
  Array.from({length: count}, (_, i) => ({
    ...{table: 1, host, region: 0, offset: (from + i) * STEP},
    values: valuesOf(host, from + i),
  }));

/** Five parts of 300 hosts; of some of these the rows meet in time, are deleted in part or are many. */
async function written(): Promise<Trial> {
  const trial = new Trial([4]);
  trial.storage = await trial.fixture.open(1);
  for (let part = 0; part < 5; part++) {
    const hosts = Array.from({length: 300}, (_, host) => {
      if (host === 7) return rowsOf(host, part * 3, 8);
      if (host === 50) return rowsOf(host, part * 200, 200);
      // From the newest part to the oldest.
      if (host === 99) return rowsOf(host, 1_000 - part * 10, 5);
      if (host % 10 === 4) return part === 2 ? rowsOf(host, 0, 2) : [];
      return rowsOf(host, part * 10, 3 + (host % 7));
    });
    trial.write(hosts.flat());
    await trial.step(FLUSH);
  }
  const tags = {op: 'in', column: HOST, values: ['host_120']} as const;
  trial.delete({...WHOLE_TABLE, start: 11 * STEP, length: STEP, tags});
  // A merge leaves out what is deleted durably.
  await trial.step(FLUSH);
  return trial;
}

async function mergedBy(trial: Trial): Promise<Uint8Array> {
  await trial.step({type: 'compact', isAll: true});
  await trial.check(WHOLE_TABLE);
  const {disk} = trial.fixture;
  const names = (await disk.list('replicas/1-1')).map(({name}) => name);
  const newest = names.filter((name) => name.endsWith('.part')).at(-1)!;
  const bytes = disk.bytesOf(`replicas/1-1/${newest}`);
  await trial.storage.close();
  return bytes;
}

test('together they come to the same bytes as one by one', async () => {
  const add = vi.spyOn(ThinMerge.prototype, 'add');
  const together = await mergedBy(await written());
  const added = await Promise.all(add.mock.results.map(({value}) => value as Promise<boolean>));
  // Those of hosts 7, 50 and 120 are not.
  expect(added.filter((isAdded) => !isAdded).length).toBe(3);
  expect(added.length).toBe(300);
  add.mockResolvedValue(false);
  const apart = await mergedBy(await written());
  add.mockRestore();
  expect(Buffer.compare(together, apart)).toBe(0);
});

/** A part with one row at each of 0, 1, 2 .. of one text. */
function cursorOf(text: string, isThin = true): PartCursor {
  const ends = Uint32Array.from({length: 64}, (_, i) => (i + 1) * text.length);
  const values = {type: 'string', ends, bytes: Buffer.from(text.repeat(64))} as const;
  const offsets = Float64Array.from({length: 64}, (_, i) => i);
  const rows: SeriesRows = {rowCount: 64, offsets, columns: [{values}]};
  return {
    isThin: () => isThin,
    thinPiece: async ({minOffset, maxOffset}: BlockReference) => ({
      ...{rows, from: minOffset, to: maxOffset + 1},
    }),
  } as unknown as PartCursor;
}

const blockOf = (cursor: PartCursor, minOffset: number, maxOffset: number): BlockReference => ({
  ...{cursor, stripe: 0, block: 0, hidden: []},
  ...{rowCount: maxOffset - minOffset + 1, minOffset, maxOffset},
});

const offsetsOf = ({rows}: ThinSeries) => [...rows.offsets];

test('series whose blocks meet, are thick or of too many rows are left', async () => {
  const thin = new ThinMerge(8);
  const cursor = cursorOf('a');
  const cases = [
    [blockOf(cursor, 0, 3), blockOf(cursor, 3, 5)],
    [blockOf(cursor, 0, 1), blockOf(cursorOf('b', false), 3, 5)],
    [blockOf(cursor, 0, 8)],
  ];
  for (const blocks of cases) expect(await thin.add(1 as SeriesId, blocks)).toBe(false);
  expect(thin.isEmpty).toBe(true);
});

test('rows lie by series, of each by time, from whichever part', async () => {
  const thin = new ThinMerge(8);
  const [older, newer] = [cursorOf('a'), cursorOf('b')];
  await thin.add(1 as SeriesId, [blockOf(older, 6, 7), blockOf(newer, 2, 3)]);
  await thin.add(2 as SeriesId, [blockOf(older, 0, 0), blockOf(newer, 4, 5)]);
  expect(thin.isFull).toBe(false);
  await thin.add(5 as SeriesId, [blockOf(newer, 9, 9)]);
  expect(thin.isFull).toBe(true);
  const taken = thin.take();
  expect([taken.series, taken.ends]).toEqual([
    [1, 2, 5],
    [4, 7, 8],
  ]);
  expect(offsetsOf(taken)).toEqual([2, 3, 6, 7, 0, 4, 5, 9]);
  expect([thin.isEmpty, thin.isFull]).toEqual([true, false]);
});

test('of long texts a few rows are enough', async () => {
  const thin = new ThinMerge(1_000);
  const cursor = cursorOf('x'.repeat(1024 * 1024));
  await thin.add(1 as SeriesId, [blockOf(cursor, 0, 6)]);
  expect(thin.isFull).toBe(false);
  await thin.add(2 as SeriesId, [blockOf(cursor, 7, 7)]);
  expect(thin.isFull).toBe(true);
});
