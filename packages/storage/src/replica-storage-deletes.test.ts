// What makes rows disappear: dead tables and columns, purges, and deletes of rows.

import type {ColumnId, TableId} from '@flotilla/base';
import {decodeSeriesKey} from '@flotilla/column';
import {expect, test} from 'vitest';
import {
  deleteOf,
  EVERYTHING,
  keyOf,
  linesOf,
  series,
  shareOf,
  specOf,
  WHOLE_TABLE,
} from './replica-model.fixture.ts';
import {Trial} from './replica-trial.fixture.ts';

test('tables dead before the set was made refuse writes, a purged one never lives again', async () => {
  const trial = new Trial();
  const storage = await trial.fixture.open(1, {deadTables: [1 as TableId]});
  const share = shareOf(series(1, {count: 1, step: 1}, 1), storage);
  const rejected = {status: 'rejected', code: 'TABLE_DROPPED', table: 1};
  expect(storage.applyWrite(1, share)).toEqual(rejected);
  expect(storage.applyRecoverTable(2, 1 as TableId)).toBe(true);
  expect(storage.applyWrite(3, share)).toEqual({status: 'applied', rowCount: 1});
  storage.applyPurgeTable(4, 1 as TableId);
  expect(storage.applyRecoverTable(5, 1 as TableId)).toBe(false);
  expect(storage.applyWrite(6, share)).toEqual(rejected);
  await storage.close();
});

test('a dead column is refused as a field and as a tag, over a crash too; the others go on', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1, {
    deadColumns: [{table: 9 as TableId, columns: [1 as ColumnId]}],
  });
  expect(trial.storage.isDeadColumn(9 as TableId, 1 as ColumnId)).toBe(true);
  const rows = series(1, {count: 1, step: 1}, 1);
  const unknown = shareOf(rows, trial.storage);
  trial.write(rows);
  const table = shareOf(rows, trial.storage).tables[0]!;
  const field = table.columns[0]!.column;
  const tag = decodeSeriesKey(keyOf(rows[0]!)).tags[0]!.column;
  const drop = (column: ColumnId) =>
    trial.append((storage, index) => storage.applyDropColumn(index, 1 as TableId, column));
  const refused = (tables: (typeof table)[], column: ColumnId) =>
    trial.append((storage, index) => {
      const rejected = {status: 'rejected', code: 'COLUMN_DROPPED', table: 1, column};
      expect(storage.applyWrite(index, {tables})).toEqual(rejected);
    });
  drop(field);
  refused([table], field);
  await trial.step({type: 'flush', isAwaited: true});
  await trial.step({type: 'crash'});
  refused([table], field);
  drop(tag);
  // By its key, and by the id of the series that is known.
  refused([{...unknown.tables[0]!, columns: []}], tag);
  refused([{...table, columns: []}], tag);
  await trial.step({type: 'flush', isAwaited: true});
  trial.append((storage, index) => storage.applyPurgeTable(index, 1 as TableId));
  expect(trial.storage.isDeadColumn(1 as TableId, tag)).toBe(false);
  await trial.storage.close();
});

test('the values of a dead column leave the parts with the next merge, or by an order, and no row goes', async () => {
  const trial = new Trial();
  const {disk} = trial.fixture;
  trial.storage = await trial.fixture.open(1);
  const [dropped, kept] = [4, 0];
  for (const mark of [1, 2]) {
    // Rows that have nothing else of it, and blocks that a merge copies.
    trial.write(series(mark, {count: 2_000, step: 1_000}, mark, [dropped, kept]));
    trial.write(series(mark + 2, {count: 50, step: 1_000}, mark, [dropped]));
    await trial.step({type: 'flush', isAwaited: true});
  }
  await trial.step({type: 'compact', isAll: true});
  const others = {...WHOLE_TABLE, fields: [kept]};
  const want = await linesOf(trial.storage.scan(specOf(others)));
  const bytesOfParts = async (): Promise<number> => {
    const names = (await disk.list('replicas/1-1')).map(({name}) => name);
    const parts = names.filter((name) => name.endsWith('.part'));
    return parts.reduce((sum, name) => sum + disk.bytesOf(`replicas/1-1/${name}`).length, 0);
  };
  const before = await bytesOfParts();
  const {column} = specOf({...WHOLE_TABLE, fields: [dropped]}).fields[0]!;
  trial.append((storage, index) => storage.applyDropColumn(index, 1 as TableId, column));
  await trial.step({type: 'compact', isAll: true});
  expect(await bytesOfParts(), 'the drop is not durable').toBe(before);
  await trial.step({type: 'flush', isAwaited: true});
  await trial.step({type: 'compact', isAll: true});
  await expect.poll(bytesOfParts).toBeLessThan(before / 2);
  const after = await bytesOfParts();
  await trial.step({type: 'compact', isAll: true});
  expect(trial.storage.view().parts, 'nothing is left to do').toMatchObject([{bytes: after}]);
  expect(await linesOf(trial.storage.scan(specOf(others)))).toEqual(want);
  await trial.step({type: 'crash'});
  expect(await linesOf(trial.storage.scan(specOf(others)))).toEqual(want);
  await trial.storage.close();
});

test('a flush keeps the fates of tables as they were at its point, whatever came while it ran', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 20, step: 1_000}, 1));
  const flush = trial.step({type: 'flush', isAwaited: true});
  // Applied while the table lived: so it is again when the log is replayed from the flush's point.
  trial.write(series(1, {start: 50_000, count: 20, step: 1_000}, 2));
  trial.changeTable('drop', 1);
  await flush;
  await trial.step({type: 'crash'});
  trial.changeTable('recover', 1);
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test('a purged table leaves the parts once its purge is durable', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  const rows = series(1, {count: 50, step: 1_000}, 1);
  trial.write(rows);
  await trial.step({type: 'flush', isAwaited: true});
  trial.write(rows.map((each) => ({...each, table: 2})));
  trial.write(rows);
  await trial.step({type: 'flush', isAwaited: true});
  trial.changeTable('drop', 1);
  trial.changeTable('purge', 1);
  expect(trial.storage.needsCompaction()).toBe(false);
  await trial.step({type: 'flush', isAwaited: true});
  while (trial.storage.needsCompaction()) await trial.storage.compact();
  expect(trial.storage.tables()).toEqual([
    {table: 2, rowCount: 50, seriesCount: 1, isDropped: false},
  ]);
  for (const query of EVERYTHING) await trial.check(query);
  await trial.step({type: 'crash'});
  for (const query of EVERYTHING) await trial.check(query);
  await trial.storage.close();
  // The first part held nothing else, so it is gone altogether.
  const names = (await trial.fixture.disk.list('replicas/1-1')).map(({name}) => name);
  expect(names.filter((name) => name.endsWith('.part'))).toHaveLength(1);
});

test('a tombstone lives as long as a part may hold rows that it hides', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write([
    ...series(1, {count: 100, step: 1_000}, 1),
    ...series(2, {count: 100, step: 1_000}, 2),
  ]);
  trial.delete(deleteOf(1, 5_000, 3_000, 1));
  trial.delete(deleteOf(1, 0, 1_000, 4));
  // No series is host_4's: nothing to remember.
  expect(trial.storage.tombstoneCount).toBe(1);
  await trial.step({type: 'flush', isAwaited: true});
  expect(trial.storage.tombstoneCount, 'left out of the part').toBe(0);
  trial.delete(deleteOf(1, 50_000, 3_000, 2));
  trial.delete(deleteOf(1, 500_000, 3_000, 2));
  // Else nothing would make them durable, and the log could not be cut.
  expect(trial.storage.memtableBytes()).toBeGreaterThan(0);
  trial.write(series(2, {start: 51_000, count: 1, step: 1}, 3));
  await trial.step({type: 'flush', isAwaited: true});
  expect(trial.storage.tombstoneCount, 'one hides rows of the first part').toBe(1);
  for (const query of EVERYTHING) await trial.check(query);
  await trial.step({type: 'crash'});
  expect(trial.storage.tombstoneCount).toBe(1);
  await trial.step({type: 'move'});
  expect(trial.storage.tombstoneCount).toBe(1);
  for (const query of EVERYTHING) await trial.check(query);
  await trial.step({type: 'compact', isAll: true});
  expect(trial.storage.tombstoneCount).toBe(0);
  expect(trial.storage.tables()[0]!.rowCount).toBe(200 - 3 - 3 + 1);
  for (const query of EVERYTHING) await trial.check(query);
  await trial.storage.close();
});

test('many tombstones are carried out by flushes and compactions for their own sake', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 1_000, step: 1_000}, 1));
  await trial.step({type: 'flush', isAwaited: true});
  const limits = {memtableBytes: 1e9};
  for (let i = 0; i < 63; i++) trial.delete(deleteOf(1, i * 10_000, 1_000));
  expect(trial.storage.needsFlush(limits)).toBe(false);
  trial.delete(deleteOf(1, 700_000, 1_000, 1));
  expect(trial.storage.needsFlush(limits)).toBe(true);
  await trial.step({type: 'flush', isAwaited: true});
  expect(trial.storage.tombstoneCount).toBe(64);
  while (trial.storage.needsCompaction()) await trial.storage.compact();
  expect(trial.storage.tombstoneCount).toBe(0);
  expect(trial.storage.tables()).toMatchObject([{table: 1, rowCount: 1_000 - 64}]);
  for (const query of EVERYTHING) await trial.check(query);
  await trial.storage.close();
});

test('a part of which every row is deleted goes, with its file', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 100, step: 1_000}, 1));
  await trial.step({type: 'flush', isAwaited: true});
  trial.write(series(2, {count: 10, step: 1_000}, 1));
  trial.delete(deleteOf(1, 0, 2 ** 40));
  await trial.step({type: 'flush', isAwaited: true});
  await trial.step({type: 'compact', isAll: true});
  expect(trial.storage.tombstoneCount).toBe(0);
  expect(trial.storage.tables()).toEqual([]);
  // The file goes with its last reader, a moment later.
  const parts = async () => {
    const names = (await trial.fixture.disk.list('replicas/1-1')).map(({name}) => name);
    return names.filter((name) => name.endsWith('.part'));
  };
  await expect.poll(parts).toEqual([]);
  await trial.step({type: 'crash'});
  for (const query of EVERYTHING) await trial.check(query);
  await trial.storage.close();
});

test('a scan keeps what it pinned, whatever is deleted under it', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 100, step: 1_000}, 1));
  await trial.step({type: 'flush', isAwaited: true});
  trial.write(series(2, {count: 100, step: 1_000}, 2));
  const want = trial.model.scan(WHOLE_TABLE);
  const scan = trial.storage.scan(specOf(WHOLE_TABLE));
  trial.delete(deleteOf(1, 0, 2 ** 40));
  await trial.step({type: 'flush', isAwaited: true});
  await trial.step({type: 'compact', isAll: true});
  expect(await linesOf(scan)).toEqual(want);
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});
