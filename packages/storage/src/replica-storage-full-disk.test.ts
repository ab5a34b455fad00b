// A disk that was full for a while, or could not be asked: what it refused is made durable once there is room,
// in the order of the log, and until then nothing is missing and nothing is left lying about.

import {FatalError} from '@flotilla/base';
import {expect, test, vi} from 'vitest';
import {EVERYTHING, series} from './replica-model.fixture.ts';
import {Trial} from './replica-trial.fixture.ts';

const rows = (start: number) => ({start, count: 40, step: 1_000});

async function flushed(): Promise<Trial> {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, rows(0), 1));
  await trial.storage.flush(trial.point());
  return trial;
}

async function fileNames({fixture}: Trial): Promise<string[]> {
  return (await fixture.disk.list('replicas/1-1')).map(({name}) => name).sort();
}

/** As it is now, and as a restart finds it. */
async function checkAll(trial: Trial): Promise<void> {
  for (const query of EVERYTHING) await trial.check(query);
}

test('a flush that found no room is made good by the next, and by a snapshot', async () => {
  const trial = await flushed();
  const {disk} = trial.fixture;
  const before = await fileNames(trial);
  disk.freeBytes = 0;
  trial.write(series(1, rows(20_000), 2));
  await expect(trial.storage.flush(trial.point())).rejects.toThrow('ENOSPC');
  trial.write(series(2, rows(0), 3));
  await expect(trial.storage.flush(trial.point())).rejects.toThrow('ENOSPC');
  await expect(trial.storage.snapshot(trial.point())).rejects.toThrow('ENOSPC');
  expect(await fileNames(trial)).toEqual(before);
  expect(trial.storage.durablePoint()?.index).toBe(1);
  await checkAll(trial);
  disk.freeBytes = 2 ** 40;
  const snapshot = await trial.storage.snapshot(trial.point());
  expect(snapshot.point.index).toBe(3);
  snapshot.release();
  await checkAll(trial);
  await trial.crash();
  expect(trial.storage.durablePoint()?.index).toBe(3);
  await checkAll(trial);
  await trial.storage.close();
});

test.each([
  ['its file cannot be made', {operation: 'open', path: '.part', code: 'EMFILE'}],
  ['its bytes cannot be written', {operation: 'write', path: '.part', code: 'EINTR'}],
  ['the keys cannot be written', {operation: 'open', path: '.keys', code: 'EMFILE'}],
  ['its bytes cannot be synced', {operation: 'sync', path: '.part', code: 'ENOMEM'}],
] as const)('a flush that fails while %s is made good by the next', async (_, fault) => {
  const trial = await flushed();
  const before = await fileNames(trial);
  trial.write(series(2, rows(0), 2));
  trial.fixture.disk.fail(fault);
  await expect(trial.storage.flush(trial.point())).rejects.toThrow(fault.code);
  expect(await fileNames(trial)).toEqual(before);
  trial.write(series(2, rows(20_000), 3));
  await trial.storage.flush(trial.point());
  expect(trial.storage.durablePoint()?.index).toBe(3);
  await checkAll(trial);
  await trial.crash();
  expect(trial.storage.durablePoint()?.index).toBe(3);
  await checkAll(trial);
  await trial.storage.close();
});

test('neither does a directory that cannot be synced end the commits', async () => {
  const trial = await flushed();
  const before = await fileNames(trial);
  const cause = Object.assign(new Error('EMFILE'), {code: 'EMFILE', syscall: 'open'});
  const failure = new FatalError('cannot sync directory: EMFILE', cause);
  vi.spyOn(trial.fixture.disk, 'syncDirectory').mockRejectedValueOnce(failure);
  trial.write(series(1, rows(20_000), 2));
  await expect(trial.storage.flush(trial.point())).rejects.toThrow('EMFILE');
  expect(await fileNames(trial)).toEqual(before);
  await trial.storage.flush(trial.point());
  await trial.crash();
  expect(trial.storage.durablePoint()?.index).toBe(2);
  await checkAll(trial);
  await trial.storage.close();
});

test('the first file of a replica finds its directory made at the second try', async () => {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  trial.write(series(1, rows(0), 1));
  trial.fixture.disk.fail({operation: 'sync', code: 'EMFILE'});
  await expect(trial.storage.flush(trial.point())).rejects.toThrow('EMFILE');
  await trial.storage.flush(trial.point());
  await trial.crash();
  expect(trial.storage.durablePoint()?.index).toBe(1);
  await checkAll(trial);
  await trial.storage.close();
});

test('behind a flush whose bytes may be lost none follows', async () => {
  const trial = await flushed();
  trial.write(series(1, rows(20_000), 2));
  trial.fixture.disk.fail({operation: 'sync', path: '.part', code: 'EIO'});
  await expect(trial.storage.flush(trial.point())).rejects.toThrow('EIO');
  await expect(trial.storage.flush(trial.point())).rejects.toThrow('EIO');
  expect(trial.storage.durablePoint()?.index).toBe(1);
  await trial.storage.close();
});

test('a compaction that found no room leaves its parts, and is done later', async () => {
  const trial = await flushed();
  const {disk} = trial.fixture;
  trial.write(series(1, rows(20_000), 2));
  await trial.storage.flush(trial.point());
  const before = await fileNames(trial);
  disk.freeBytes = 0;
  await expect(trial.storage.compactAll()).rejects.toThrow('ENOSPC');
  expect(await fileNames(trial)).toEqual(before);
  await checkAll(trial);
  disk.freeBytes = 2 ** 40;
  await trial.storage.compactAll();
  expect(trial.storage.sizes().parts).toBe(1);
  await checkAll(trial);
  await trial.storage.close();
});

test('a manifest that finds no room for a flush has its files removed, and takes the next', async () => {
  const trial = await flushed();
  const before = await fileNames(trial);
  // Of a series that is new: its key has a file too.
  trial.write(series(2, rows(20_000), 2));
  const full = new FatalError('cannot commit: ENOSPC');
  vi.spyOn(trial.fixture.store, 'commit').mockRejectedValueOnce(full);
  await expect(trial.storage.flush(trial.point())).rejects.toThrow('ENOSPC');
  expect(await fileNames(trial)).toEqual(before);
  await trial.storage.flush(trial.point());
  await trial.crash();
  expect(trial.storage.durablePoint()?.index).toBe(2);
  await checkAll(trial);
  await trial.storage.close();
});

test('one that finds no room for a compaction has what was merged removed, and takes the next', async () => {
  const trial = await flushed();
  trial.write(series(1, rows(20_000), 2));
  await trial.storage.flush(trial.point());
  const before = await fileNames(trial);
  const full = new FatalError('cannot commit: ENOSPC');
  vi.spyOn(trial.fixture.store, 'commit').mockRejectedValueOnce(full);
  await expect(trial.storage.compactAll()).rejects.toThrow('ENOSPC');
  expect(await fileNames(trial)).toEqual(before);
  await checkAll(trial);
  await trial.storage.compactAll();
  expect(trial.storage.sizes().parts).toBe(1);
  await trial.crash();
  await checkAll(trial);
  await trial.storage.close();
});
