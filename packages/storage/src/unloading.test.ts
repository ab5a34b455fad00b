// What of a replica is in memory only while somebody uses it, and what goes on without.

import {drainReactions} from '@flotilla/testkit';
import {expect, test, vi} from 'vitest';
import {deleteOf, linesOf, series, specOf, WHOLE_TABLE} from './replica-model.fixture.ts';
import {Trial} from './replica-trial.fixture.ts';

const FLUSH = {type: 'flush', isAwaited: true} as const;
const UNLOAD = {type: 'unload', isFlushed: true} as const;

/** A replica with rows of three series in a part. */
async function flushed(): Promise<Trial> {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  for (const host of [1, 2, 3]) trial.write(series(host, {count: 40, step: 1_000}, host));
  await trial.step(FLUSH);
  return trial;
}

/** Paths that are opened from now on. */
function opens({fixture}: Trial): string[] {
  const paths: string[] = [];
  const open = fixture.disk.open.bind(fixture.disk);
  vi.spyOn(fixture.disk, 'open').mockImplementation((path, mode) => {
    paths.push(path);
    return open(path, mode);
  });
  return paths;
}

test('a restart reads no file of a replica that nobody uses, and its keys once for all who wait', async () => {
  const trial = await flushed();
  await trial.storage.close();
  const paths = opens(trial);
  trial.storage = await trial.fixture.openUnloaded(1);
  expect(paths).toEqual([]);
  expect(trial.storage).toMatchObject({isLoaded: false, seriesCount: 3, appliedIndex: 3});
  expect(trial.storage.indexBytes()).toBe(0);
  expect(() => trial.storage.scan(specOf(WHOLE_TABLE))).toThrow('not loaded');
  const loading = trial.storage.load();
  expect(trial.storage.load()).toBe(loading);
  await loading;
  expect(paths).toEqual(['replicas/1-1/00000002.keys']);
  expect(trial.storage.load()).toBeUndefined();
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test('a replica without series has nothing to load', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.openUnloaded(1);
  expect(trial.storage.isLoaded).toBe(true);
  expect(trial.storage.load()).toBeUndefined();
  trial.write(series(1, {count: 4, step: 1_000}, 1));
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test('what needs neither rows nor series goes on without them, and reads nothing', async () => {
  const trial = await flushed();
  await trial.step(UNLOAD);
  const paths = opens(trial);
  trial.changeTable('drop', 2);
  trial.append((storage, index) => storage.applyNothing(index));
  await trial.step(FLUSH);
  expect(trial.storage.durablePoint()?.index).toBe(5);
  expect(trial.storage.droppedTables()).toEqual([2]);
  const snapshot = await trial.storage.snapshot(trial.point());
  expect(snapshot.files.map(({name}) => name)).toEqual(['state', '00000001.part', '00000002.keys']);
  snapshot.release();
  expect(paths).toEqual([]);
  expect(trial.storage.sizes()).toMatchObject({parts: 1, seriesCount: 3, memoryBytes: 0});
  await trial.step({type: 'crash'});
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test('what is in memory only keeps a replica loaded, and so does work under way', async () => {
  const trial = await flushed();
  trial.write(series(4, {count: 4, step: 1_000}, 4));
  expect(trial.storage.unload()).toBe(false);
  const flush = trial.storage.flush(trial.point());
  expect(trial.storage.unload()).toBe(false);
  await flush;
  trial.delete(deleteOf(1, 0, 2_000, 4));
  expect(trial.storage.unload()).toBe(false);
  await trial.step(FLUSH);
  const compaction = trial.storage.compactAll();
  expect(trial.storage.unload()).toBe(false);
  await compaction;
  const pinned = (await trial.storage.flushAndPin(trial.point()))!;
  const checksum = trial.storage.checksum(pinned);
  expect(trial.storage.unload()).toBe(false);
  await checksum;
  expect(trial.storage.unload()).toBe(true);
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test('a purge that takes the rows of new series from memory leaves their keys to the next flush', async () => {
  const trial = await flushed();
  trial.write(series(9, {count: 2, step: 1_000}, 9).map((point) => ({...point, table: 2})));
  trial.changeTable('purge', 2);
  expect(trial.storage.unload()).toBe(false);
  await trial.step(UNLOAD);
  expect(trial.storage.seriesCount).toBe(4);
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test('a scan keeps what it began with; who comes after it opens the files anew', async () => {
  const trial = await flushed();
  const want = trial.model.scan(WHOLE_TABLE);
  const scan = trial.storage.scan(specOf(WHOLE_TABLE));
  await trial.step(UNLOAD);
  expect(await linesOf(scan)).toEqual(want);
  // Its handle was the scan's, and nobody's since.
  await trial.step(UNLOAD);
  await drainReactions();
  const paths = opens(trial);
  await trial.check(WHOLE_TABLE);
  expect(paths).toEqual(['replicas/1-1/00000002.keys', 'replicas/1-1/00000001.part']);
  await trial.check(WHOLE_TABLE);
  expect(paths).toHaveLength(2);
  await trial.storage.close();
});

test('keys that turn out to be damaged, or cannot be read for a while, are told to whoever wants them', async () => {
  const trial = await flushed();
  await trial.step(UNLOAD);
  const {disk} = trial.fixture;
  disk.fail({operation: 'read', path: '.keys', code: 'EIO'});
  await expect(trial.storage.load()).rejects.toThrow('EIO');
  disk.flipBit('replicas/1-1/00000002.keys', 12);
  for (const _ of [1, 2]) await expect(trial.storage.load()).rejects.toThrow('checksum mismatch');
  expect(trial.storage.isLoaded).toBe(false);
  disk.flipBit('replicas/1-1/00000002.keys', 12);
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});

test.each(['whole', 'damaged'])(
  'a snapshot that comes while keys are read takes their place, though they are %s',
  async (keys) => {
    const donor = await flushed();
    donor.write(series(5, {count: 40, step: 1_000}, 5));
    const snapshot = await donor.storage.snapshot(donor.point());
    const trial = await flushed();
    const {disk} = trial.fixture;
    await disk.makeDirectory('staging');
    for (const file of snapshot.files) {
      const copy = await disk.open(`staging/${file.name}`, 'create');
      await copy.writeAt(0, [await file.read(0, file.bytes)]);
      await copy.sync();
    }
    snapshot.release();
    await trial.step(UNLOAD);
    const held = Promise.withResolvers<void>();
    const open = disk.open.bind(disk);
    vi.spyOn(disk, 'open').mockImplementation(async (path, mode) => {
      if (path === 'replicas/1-1/00000002.keys') await held.promise;
      return open(path, mode);
    });
    const loading = trial.storage.load();
    const fileNames = snapshot.files.map(({name}) => name);
    await trial.storage.install({directory: 'staging', fileNames, point: snapshot.point});
    expect(disk.files()).toContain('replicas/1-1/00000002.keys');
    if (keys === 'damaged') disk.flipBit('replicas/1-1/00000002.keys', 12);
    held.resolve();
    await loading;
    expect(trial.storage.seriesCount).toBe(4);
    expect(await linesOf(trial.storage.scan(specOf(WHOLE_TABLE)))).toEqual(
      donor.model.scan(WHOLE_TABLE),
    );
    await trial.storage.close();
    expect(disk.files()).not.toContain('replicas/1-1/00000002.keys');
    await donor.storage.close();
  },
);

test('closing ends what is being loaded', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  // Enough for a look whether the slice is over.
  trial.write(Array.from({length: 300}, (_, host) => series(host, {count: 1, step: 1}, 1)).flat());
  await trial.step(UNLOAD);
  const loading = expect(trial.storage.load()).rejects.toMatchObject({code: 'CANCELLED'});
  await trial.storage.close();
  await loading;
  trial.storage = await trial.fixture.open(1);
  await trial.check(WHOLE_TABLE);
  await trial.storage.close();
});
