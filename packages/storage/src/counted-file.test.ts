import {drainReactions, MemoryDisk} from '@flotilla/testkit';
import {expect, test, vi} from 'vitest';
import {CountedFile} from './counted-file.ts';
import {OpenFiles} from './open-files.ts';

async function written(): Promise<{disk: MemoryDisk; file: CountedFile}> {
  const disk = new MemoryDisk();
  await disk.makeDirectory('a');
  await (await disk.open('a/1.part', 'create')).writeAt(0, [Uint8Array.of(1, 2, 3)]);
  const place = {disk, directory: 'a', openFiles: new OpenFiles()};
  return {disk, file: new CountedFile(place, '1.part', 3)};
}

test('a file that could not be opened is opened by the next reader', async () => {
  const {disk, file} = await written();
  disk.fail({operation: 'open', code: 'EMFILE'});
  await expect(file.read(0, 3)).rejects.toThrow('EMFILE');
  expect(await file.read(1, 2)).toEqual(Uint8Array.of(2, 3));
  await file.release();
});

test('one that could not be opened at all has nothing to close', async () => {
  const {disk, file} = await written();
  disk.fail({operation: 'open', code: 'EMFILE', times: 2});
  await expect(file.read(0, 3)).rejects.toThrow('EMFILE');
  file.retainOpen();
  await Promise.all([file.release(), file.release()]);
});

test('who has retained it open reads it when its directory is gone', async () => {
  const {disk, file} = await written();
  const held = Promise.withResolvers<void>();
  const open = disk.open.bind(disk);
  vi.spyOn(disk, 'open').mockImplementationOnce(async (path, mode) => {
    await held.promise;
    return open(path, mode);
  });
  file.retainOpen();
  // Whoever removes the directory lets go first, and waits for that.
  let isReleased = false;
  const release = file.release().then(() => {
    isReleased = true;
  });
  await drainReactions();
  expect(isReleased).toBe(false);
  held.resolve();
  await release;
  await disk.remove('a');
  expect(await file.read(0, 3)).toEqual(Uint8Array.of(1, 2, 3));
  await file.release();
});

test('one that nobody reads is closed, and opened by the next reader', async () => {
  const {disk, file} = await written();
  const opened = vi.spyOn(disk, 'open');
  file.retainOpen();
  await file.closeUnread();
  expect(await file.read(0, 3)).toEqual(Uint8Array.of(1, 2, 3));
  expect(opened).toHaveBeenCalledTimes(1);
  await file.release();
  const reading = file.read(0, 3);
  await file.closeUnread();
  await reading;
  await file.closeUnread();
  await file.closeUnread();
  expect(await file.read(1, 2)).toEqual(Uint8Array.of(2, 3));
  expect(opened).toHaveBeenCalledTimes(2);
  await file.release();
});

test('one that is obsolete goes once, with its last reference', async () => {
  const {disk, file} = await written();
  file.retainOpen();
  file.markObsolete();
  await file.release();
  expect(disk.files()).toEqual(['a/1.part']);
  await file.release();
  expect(disk.files()).toEqual([]);
});
