// What `storage show` tells of one replica, against what was done to it.

import {expect, test} from 'vitest';
import {deleteOf, series} from './replica-model.fixture.ts';
import {Trial} from './replica-trial.fixture.ts';

const FLUSH = {type: 'flush', isAwaited: true} as const;

test('rows are in memory, then in parts, and a merge that is due is told before and gone after', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 40, step: 1_000}, 1));
  const before = trial.storage.view();
  expect(before).toMatchObject({
    isLoaded: true,
    seriesCount: 1,
    parts: [],
    keyBytes: 0,
    flushes: 0,
  });
  expect(before.tables).toEqual([{table: 1, partRows: 0, memtableRows: 40}]);
  expect(before.memtableBytes).toBe(trial.storage.memtableBytes());
  expect(before.indexBytes).toBeGreaterThan(0);

  const flush = trial.storage.flush(trial.point());
  expect(trial.storage.view()).toMatchObject({flushes: 1, tables: [{memtableRows: 40}]});
  await flush;
  for (const mark of [2, 3, 4]) {
    expect(trial.storage.view().due).toBeUndefined();
    trial.write(series(mark, {count: 40, step: 1_000}, mark));
    await trial.step(FLUSH);
  }
  const view = trial.storage.view();
  const bytes = view.parts.reduce((sum, part) => sum + part.bytes, 0);
  expect(view).toMatchObject({
    flushes: 0,
    compactions: 0,
    memtableBytes: 0,
    due: {parts: 4, bytes},
  });
  expect(bytes).toBe(trial.storage.partBytes());
  expect(view.parts.map(({lo, hi, rowCount}) => [lo, hi, rowCount])).toEqual([
    [0, 1, 40],
    [1, 2, 40],
    [2, 3, 40],
    [3, 4, 40],
  ]);
  expect(view.keyBytes).toBeGreaterThan(0);

  const merge = trial.storage.compact();
  expect(trial.storage.view().compactions).toBe(1);
  await merge;
  expect(trial.storage.view()).toMatchObject({compactions: 0, tables: [{partRows: 160}]});
  expect(trial.storage.view().parts).toHaveLength(1);
  expect(trial.storage.view().due).toBeUndefined();
  await trial.storage.close();
});

test('it needs no series in memory, and counts the deletes that are still to be carried out', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 40, step: 1_000}, 1));
  trial.delete(deleteOf(1, 0, 20_000));
  expect(trial.storage.view().tombstones).toBe(1);
  await trial.step({type: 'unload', isFlushed: true});
  const {isLoaded, indexBytes, seriesCount, tables} = trial.storage.view();
  expect({isLoaded, indexBytes, seriesCount}).toEqual({
    isLoaded: false,
    indexBytes: 0,
    seriesCount: 1,
  });
  expect(tables).toMatchObject([{table: 1, memtableRows: 0}]);
  await trial.storage.close();
});
