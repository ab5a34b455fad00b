// One replica against a plain model of it: random writes, flushes, compactions, unloads, crashes, dropped
// tables and snapshots, and after each the scans of both must agree. A crash loses whatever was not durable;
// then the log is applied again from behind the durable point, as multiraft does.
import {expect, test, vi} from 'vitest';
import {expectAgreement} from './replica-commands.fixture.ts';
import {HOST, linesOf, series, specOf, WHOLE_TABLE} from './replica-model.fixture.ts';
import {Trial} from './replica-trial.fixture.ts';
import {LoadedStripe} from './stripe-reader.ts';

test('a long series of many stripes, with late and partial rows over it, reads as written', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  const flush = {type: 'flush', isAwaited: true} as const;
  for (let half = 0; half < 2; half++)
    trial.write(series(1, {start: half * 35_000_000, count: 35_000, step: 1_000}, half));
  await trial.step(flush);
  trial.write(series(1, {start: 500, count: 600, step: 90_000}, 7, [0]));
  trial.write(series(2, {count: 50, step: 3_000}, 8));
  await trial.step(flush);
  trial.write(series(1, {start: 30_000_000, count: 9_000, step: 1_000}, 9, [1]));
  await trial.check(WHOLE_TABLE);
  await trial.check({...WHOLE_TABLE, start: 29_999_500, length: 120_000, fields: [1, 0]});
  await trial.step(flush);
  await trial.check(WHOLE_TABLE);
  // The first and the last row of a part alone.
  await trial.check({...WHOLE_TABLE, start: 0, length: 1});
  await trial.check({...WHOLE_TABLE, start: 69_999_000, length: 1});
  await trial.step({type: 'compact', isAll: true});
  await trial.check(WHOLE_TABLE);
  expect(trial.storage.tables()).toEqual([
    {table: 1, rowCount: 70_650, seriesCount: 2, isDropped: false},
  ]);
  await trial.storage.close();
});

test('thousands of series with few rows each fill stripes by blocks', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (const [mark, hosts] of [
    [1, 3_000],
    [2, 1_500],
  ] as const) {
    const points = Array.from({length: hosts}, (_, host) =>
      series(host, {start: mark * 500, count: 2, step: 1_000}, mark),
    );
    trial.write(points.flat());
    await trial.step({type: 'flush', isAwaited: true});
  }
  await trial.check(WHOLE_TABLE);
  const tags = {op: 'in', column: HOST, values: ['host_7', 'host_2999', 'host_9999']} as const;
  await trial.check({...WHOLE_TABLE, tags});
  await trial.step({type: 'crash'});
  await trial.step({type: 'compact', isAll: true});
  await trial.check({...WHOLE_TABLE, tags});
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test('writes and scans go on while a flush and a compaction run, and a scan keeps what it pinned', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 3_000, step: 1_000}, 1));
  const wantBefore = trial.model.scan(WHOLE_TABLE);
  const before = trial.storage.scan(specOf(WHOLE_TABLE));
  const flush = trial.step({type: 'flush', isAwaited: true});
  trial.write(series(1, {start: 500, count: 3_000, step: 1_000}, 2));
  await trial.check(WHOLE_TABLE);
  await flush;
  const wantBetween = trial.model.scan(WHOLE_TABLE);
  const between = trial.storage.scan(specOf(WHOLE_TABLE));
  await trial.step({type: 'flush', isAwaited: true});
  const compaction = trial.step({type: 'compact', isAll: true});
  trial.write(series(1, {count: 3_000, step: 1_000}, 3, [1]));
  await compaction;
  await trial.check(WHOLE_TABLE);
  expect(await linesOf(between)).toEqual(wantBetween);
  expect(await linesOf(before)).toEqual(wantBefore);
  await trial.storage.close();
  // The parts that the scans pinned are gone with them.
  const names = (await trial.fixture.disk.list('replicas/1-1')).map(({name}) => name);
  expect(names.filter((name) => name.endsWith('.part'))).toHaveLength(1);
});

test('a part that is flushed while older ones are merged stays newer than they', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (const mark of [1, 2]) {
    trial.write(series(1, {count: 5_000, step: 1_000}, mark));
    await trial.step({type: 'flush', isAwaited: true});
  }
  const compaction = trial.step({type: 'compact', isAll: true});
  trial.write(series(1, {count: 50, step: 1_000}, 3));
  await trial.step({type: 'flush', isAwaited: true});
  await compaction;
  expect(trial.storage.tables()[0]!.rowCount).toBe(5_050);
  await trial.check(WHOLE_TABLE);
  await trial.step({type: 'crash'});
  await trial.check(WHOLE_TABLE);
  await trial.step({type: 'compact', isAll: true});
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test('parts in the middle of the log are merged in their place', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (const [mark, count] of [10_000, 50, 50, 50, 50, 10_000].entries()) {
    trial.write(series(1, {start: mark * 7_000, count, step: 1_000}, mark));
    await trial.step({type: 'flush', isAwaited: true});
  }
  expect(await trial.storage.compact()).toBe(true);
  expect(trial.storage.needsCompaction()).toBe(false);
  await trial.check(WHOLE_TABLE);
  await trial.step({type: 'crash'});
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test('a compaction decodes only blocks that meet others, are thin, or hold deleted rows', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  // From 00:30:00 on, one row a second: blocks of five minutes.
  for (const [mark, count] of [600, 150, 150, 40, 560, 300].entries()) {
    const start = [0, 600, 750, 900, 940, 1_500][mark]! * 1_000;
    trial.write(series(1, {start, count, step: 1_000}, mark));
    await trial.step({type: 'flush', isAwaited: true});
  }
  trial.delete({...WHOLE_TABLE, start: 1_600_000, length: 5_000});
  await trial.step({type: 'flush', isAwaited: true});
  const decoded = vi.spyOn(LoadedStripe.prototype, 'rows');
  await trial.step({type: 'compact', isAll: true});
  // The 40 rows, those of their five minutes behind them, and what was deleted from.
  expect(decoded).toHaveBeenCalledTimes(3);
  decoded.mockRestore();
  await trial.check(WHOLE_TABLE);
  await trial.check({...WHOLE_TABLE, start: 890_000, length: 100_000});
  await trial.storage.close();
});

test('a scan that is closed in the middle of a read lets it end, then lets go', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (const mark of [1, 2]) {
    trial.write(series(1, {count: 3_000, step: 1_000}, mark));
    await trial.step({type: 'flush', isAwaited: true});
  }
  const scan = trial.storage.scan(specOf(WHOLE_TABLE));
  await trial.storage.compactAll();
  const reading = scan.next();
  scan.close();
  await reading;
  await trial.storage.close();
  const names = (await trial.fixture.disk.list('replicas/1-1')).map(({name}) => name);
  expect(names.filter((name) => name.endsWith('.part'))).toHaveLength(1);
});

test('key files are gathered to one when they become many', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (let host = 0; host < 20; host++) {
    trial.write(series(host, {count: 2, step: 1_000}, host));
    await trial.step({type: 'flush', isAwaited: true});
    const names = (await trial.fixture.disk.list('replicas/1-1')).map(({name}) => name);
    expect(names.filter((name) => name.endsWith('.keys')).length).toBeLessThanOrEqual(9);
  }
  await trial.step({type: 'crash'});
  expect(trial.storage.seriesCount).toBe(20);
  expect(trial.storage.needsCompaction()).toBe(true);
  while (trial.storage.needsCompaction()) expect(await trial.storage.compact()).toBe(true);
  expect(await trial.storage.compact()).toBe(false);
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test.each([
  {partVersions: [1], numRuns: 200},
  // Now one node writes, then another: a compaction may meet newer parts than it may write.
  {partVersions: [2, 2, 1], numRuns: 100},
  {partVersions: [4], numRuns: 100},
  {partVersions: [4, 4, 2, 1], numRuns: 100},
] as const)(
  'scans agree with the model, whatever was flushed, merged, lost or moved, with parts of $partVersions',
  ({partVersions, numRuns}) => expectAgreement(() => new Trial(partVersions), numRuns),
  600_000,
);
