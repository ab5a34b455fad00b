// A snapshot of one replica becomes the state of another: whole, or not at all.

import {DbError, FatalError} from '@flotilla/base';
import type {TableScan} from '@flotilla/column';
import {drainReactions} from '@flotilla/testkit';
import {expect, test, vi} from 'vitest';
import type {MergeJob} from './merge-parts.ts';
import {type MergeRun, MergesInTurns, type PartMerges} from './part-merges.ts';
import {EVERYTHING, linesOf, series, specOf, WHOLE_TABLE} from './replica-model.fixture.ts';
import type {FlushPoint} from './replica-state.ts';
import type {ReplicaStorage} from './replica-storage.ts';
import {dead, Trial} from './replica-trial.fixture.ts';

test('an install that dies leaves the old state or the new one', async () => {
  for (let calls = 0, isDone = false; !isDone; calls++) {
    const trial = new Trial();
    const {disk} = trial.fixture;
    trial.storage = await trial.fixture.open(1);
    trial.write(series(1, {count: 40, step: 1_000}, 1));
    const snapshot = await trial.storage.snapshot(trial.point());
    await disk.makeDirectory('staging');
    for (const file of snapshot.files) {
      const copy = await disk.open(`staging/${file.name}`, 'create');
      await copy.writeAt(0, [await file.read(0, file.bytes)]);
      await copy.sync();
    }
    for (const path of ['', 'staging']) await disk.syncDirectory(path);
    const target = await trial.fixture.open(2);
    trial.fixture.life.callsLeft = calls;
    const fileNames = snapshot.files.map(({name}) => name);
    const install = target.install({directory: 'staging', fileNames, point: snapshot.point});
    isDone = await Promise.race([install.then(() => true), dead(trial.fixture.life)]);
    trial.fixture.crash();
    trial.storage = await trial.fixture.open(2);
    if (isDone) expect(trial.storage.durablePoint()).toEqual(snapshot.point);
    if (trial.storage.durablePoint() === undefined)
      expect(await linesOf(trial.storage.scan(specOf(WHOLE_TABLE)))).toEqual([]);
    else await trial.check(WHOLE_TABLE);
    await trial.storage.close();
  }
});

/** A snapshot of one replica, staged for another on the same disk. */
async function stageSnapshot(trial: Trial, directory: string) {
  const {disk} = trial.fixture;
  const snapshot = await trial.storage.snapshot(trial.point());
  await disk.makeDirectory(directory);
  for (const file of snapshot.files) {
    const copy = await disk.open(`${directory}/${file.name}`, 'create');
    await copy.writeAt(0, [await file.read(0, file.bytes)]);
    await copy.sync();
  }
  snapshot.release();
  return {directory, fileNames: snapshot.files.map(({name}) => name), point: snapshot.point};
}

test('the members of what is installed are those that the log says, not those of the state', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 4, step: 1_000}, 1));
  const staged = await stageSnapshot(trial, 'staging');
  const target = await trial.fixture.open(2);
  const configuration = {voters: [2], learners: []};
  expect(staged.point.configuration).not.toEqual(configuration);
  await target.install({...staged, point: {...staged.point, configuration}});
  await target.close();
  const again = await trial.fixture.open(2);
  expect(again.durablePoint()).toEqual({...staged.point, configuration});
  await again.close();
  await trial.storage.close();
});

test('while a snapshot is installed a scan sees what was there, or all of the snapshot', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  // A replica that fell behind: it has the first write only.
  const behind = await trial.fixture.open(2);
  trial.write(series(1, {count: 40, step: 1_000}, 1));
  trial.log[0]!(behind, 1);
  const before = trial.model.scan(WHOLE_TABLE);
  trial.write(series(1, {start: 20_000, count: 40, step: 1_000}, 2));
  trial.write(series(2, {count: 40, step: 1_000}, 3));
  const after = trial.model.scan(WHOLE_TABLE);
  let isDone = false;
  const install = behind.install(await stageSnapshot(trial, 'staging')).then(() => {
    isDone = true;
  });
  const scans: TableScan[] = [];
  while (!isDone) {
    scans.push(behind.scan(specOf(WHOLE_TABLE)));
    await Promise.resolve();
  }
  await install;
  scans.push(behind.scan(specOf(WHOLE_TABLE)));
  const seen = new Set<string>();
  for (const scan of scans) seen.add((await linesOf(scan)).join('\n'));
  expect([...seen]).toEqual([before.join('\n'), after.join('\n')]);
  await trial.storage.close();
  await behind.close();
});

type Begin = (behind: ReplicaStorage, point: FlushPoint) => Promise<unknown>;
const begins: readonly (readonly [string, Begin])[] = [
  ['flush', (behind, point) => behind.flush(point)],
  ['compaction', (behind) => behind.compact()],
];

test.each(begins)(
  'a %s that begins while a snapshot is installed comes behind it',
  async (_, begin) => {
    const trial = new Trial();
    const {disk} = trial.fixture;
    trial.storage = await trial.fixture.open(1);
    const rows = series(1, {count: 40, step: 1_000}, 1);
    trial.write([...rows, ...rows.map((each) => ({...each, table: 2}))]);
    trial.changeTable('drop', 2);
    trial.changeTable('purge', 2);
    for (const mark of [2, 3]) trial.write(series(1, {count: 40, step: 1_000}, mark));
    await trial.step({type: 'flush', isAwaited: true});
    trial.write(series(2, {count: 40, step: 1_000}, 4));
    const staged = await stageSnapshot(trial, 'staging');
    await trial.storage.close();
    // A replica that fell behind, with a part to compact and a write to flush.
    const behind = await trial.fixture.open(2);
    const pointAt = (index: number): FlushPoint => ({...trial.point(), index});
    trial.log[0]!(behind, 1);
    await behind.flush(pointAt(1));
    for (const index of [2, 3]) trial.log[index - 1]!(behind, index);
    await behind.flush(pointAt(3));
    expect(behind.needsCompaction()).toBe(true);
    trial.log[3]!(behind, 4);
    const install = behind.install(staged);
    const link = disk.link.bind(disk);
    const open = disk.open.bind(disk);
    let begun: Promise<unknown> | undefined;
    vi.spyOn(disk, 'link').mockImplementation((from, to) => {
      begun ??= begin(behind, pointAt(4));
      return link(from, to);
    });
    vi.spyOn(disk, 'open').mockImplementation(async (path, mode) => {
      // What it writes is slow to come: run beside the install, it would commit last.
      if (mode === 'create') await install;
      return open(path, mode);
    });
    await install;
    await begun;
    expect(begun).toBeDefined();
    expect(behind.durablePoint()).toEqual(staged.point);
    trial.storage = behind;
    trial.replica = 2;
    for (const query of EVERYTHING) await trial.check(query);
    await trial.step({type: 'crash'});
    for (const query of EVERYTHING) await trial.check(query);
    await trial.storage.close();
  },
);

const isPart = (path: string): boolean => /^replicas\/1-2\/.*\.part$/.test(path);

/** Merges that end by their stop alone, as in a thread that has others to carry out first; then in turns. */
class HeldMerges implements PartMerges {
  isHeld = true;
  begun = 0;
  readonly #inTurns: PartMerges;

  constructor({disk}: Trial['fixture']) {
    this.#inTurns = new MergesInTurns(disk, {due: drainReactions});
  }

  begin(job: MergeJob): MergeRun {
    this.begun += 1;
    if (!this.isHeld) return this.#inTurns.begin(job);
    const {promise: written, reject} = Promise.withResolvers<undefined>();
    return {written, stop: () => reject(new DbError('CANCELLED', 'the replica is closing'))};
  }
}

test('an install waits for no merge: what that would make is for nothing', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  const merges = new HeldMerges(trial.fixture);
  const behind = await trial.fixture.open(2, {merges});
  for (let mark = 1; mark <= 4; mark++) {
    trial.write(series(1, {count: 40, step: 1_000, start: mark * 1_000_000}, mark));
    await trial.step({type: 'flush', isAwaited: true});
    trial.log[mark - 1]!(behind, mark);
    await behind.flush({...trial.point(), index: mark});
  }
  trial.write(series(2, {count: 40, step: 1_000}, 5));
  const staged = await stageSnapshot(trial, 'staging');
  const step = behind.compact();
  const order = behind.compactAll();
  await expect.poll(() => merges.begun).toBe(1);
  const install = behind.install(staged);
  merges.isHeld = false;
  const later = behind.compact();
  await install;
  expect(behind.durablePoint()).toEqual(staged.point);
  // Whoever takes one step after the other goes on; an order is carried out on what came.
  expect(await step).toBe(true);
  expect(behind.view().leftOut).toBe(0);
  expect(await later).toBe(true);
  expect(await order).toBe(false);
  expect(merges.begun).toBe(2);
  await expect.poll(() => trial.fixture.disk.files().filter(isPart)).toHaveLength(1);
  await trial.storage.close();
  trial.storage = behind;
  trial.replica = 2;
  for (const query of EVERYTHING) await trial.check(query);
  await trial.storage.close();
});

test('a snapshot whose keys are damaged is not installed', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 4, step: 1_000}, 1));
  const staged = await stageSnapshot(trial, 'staging');
  const keys = staged.fileNames.find((name) => name.endsWith('.keys'))!;
  trial.fixture.disk.flipBit(`staging/${keys}`, 12);
  const target = await trial.fixture.open(2);
  await expect(target.install(staged)).rejects.toThrow(FatalError);
  expect(target.durablePoint()).toBeUndefined();
  await target.close();
  await (await trial.fixture.open(2)).close();
  await trial.storage.close();
});

test('a state that is damaged is refused, and its file is not left open', async () => {
  const trial = new Trial();
  const {disk} = trial.fixture;
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 4, step: 1_000}, 1));
  const staged = await stageSnapshot(trial, 'staging');
  disk.flipBit('staging/state', 3);
  const target = await trial.fixture.open(2);
  const close = vi.fn(async () => {});
  const open = disk.open.bind(disk);
  const opened = vi.spyOn(disk, 'open').mockImplementation(async (...args) => {
    const file = await open(...args);
    return args[0] === 'staging/state' ? {...file, close} : file;
  });
  await expect(target.install(staged)).rejects.toThrow(FatalError);
  expect(close).toHaveBeenCalledTimes(1);
  opened.mockRestore();
  await target.close();
  await trial.storage.close();
});

test('a snapshot that is not what was announced, or lacks a file, is not installed', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, {count: 4, step: 1_000}, 1));
  const staged = await stageSnapshot(trial, 'staging');
  const target = await trial.fixture.open(2);
  const {index} = staged.point;
  for (const wrong of [
    {...staged, point: {...staged.point, index: index + 1}},
    {...staged, point: {...staged.point, term: 2}},
    {...staged, fileNames: staged.fileNames.filter((name) => !name.endsWith('.part'))},
    {...staged, fileNames: staged.fileNames.filter((name) => !name.endsWith('.keys'))},
  ])
    await expect(target.install(wrong)).rejects.toThrow(/^snapshot (is of|lacks)/);
  expect(target.durablePoint()).toBeUndefined();
  await target.install(staged);
  await trial.storage.close();
  trial.storage = target;
  await trial.check(WHOLE_TABLE);
  await target.close();
});
