import {LIMITS} from '@flotilla/base';
import {MemoryDisk} from '@flotilla/testkit';
import {expect, test, vi} from 'vitest';
import {CountedFile} from './counted-file.ts';
import {OpenFiles} from './open-files.ts';

async function filesOf(count: number, max?: number) {
  const disk = new MemoryDisk();
  await disk.makeDirectory('a');
  const openFiles = new OpenFiles(max);
  const files: CountedFile[] = [];
  for (let i = 0; i < count; i++) {
    await (await disk.open(`a/${i}`, 'create')).writeAt(0, [Uint8Array.of(i)]);
    files.push(new CountedFile({disk, directory: 'a', openFiles}, `${i}`, 1));
  }
  const opened: string[] = [];
  const open = disk.open.bind(disk);
  vi.spyOn(disk, 'open').mockImplementation((path, mode) => {
    opened.push(path);
    return open(path, mode);
  });
  return {disk, openFiles, files, opened};
}

test('past open_files_max those that were read longest ago are closed, and opened by their next reader', async () => {
  const {files, openFiles, opened} = await filesOf(5, 3);
  for (const i of [0, 1, 2, 0, 3, 4]) expect(await files[i]!.read(0, 1)).toEqual(Uint8Array.of(i));
  expect(openFiles.count).toBe(3);
  expect(opened.splice(0)).toEqual(['a/0', 'a/1', 'a/2', 'a/3', 'a/4']);
  for (const i of [0, 3, 4]) await files[i]!.read(0, 1);
  expect(opened).toEqual([]);
  for (const i of [1, 2]) expect(await files[i]!.read(0, 1)).toEqual(Uint8Array.of(i));
  expect(opened).toEqual(['a/1', 'a/2']);
  for (const file of files) await file.release();
  expect(openFiles.count).toBe(0);
});

test('what is held or read stays open', async () => {
  const {disk, files, openFiles, opened} = await filesOf(4, 1);
  files[0]!.retainOpen();
  const reading = files[1]!.read(0, 1);
  await files[2]!.read(0, 1);
  expect(await reading).toEqual(Uint8Array.of(1));
  await disk.remove('a/0');
  expect(await files[0]!.read(0, 1)).toEqual(Uint8Array.of(0));
  expect(opened).toEqual(['a/0', 'a/1', 'a/2']);
  await files[0]!.release();
  await files[3]!.read(0, 1);
  expect(openFiles.count).toBe(1);
});

test('one that cannot be opened does not count', async () => {
  const {disk, files, openFiles} = await filesOf(1);
  vi.spyOn(disk, 'open').mockRejectedValueOnce(new Error('EMFILE'));
  await expect(files[0]!.read(0, 1)).rejects.toThrow('EMFILE');
  expect(openFiles.count).toBe(0);
  await files[0]!.read(0, 1);
  expect(openFiles.count).toBe(1);
});

test('as many as the limit says are open at once', async () => {
  const max = LIMITS.open_files_max.value;
  const {files, openFiles} = await filesOf(max + 10);
  for (const file of files) await file.read(0, 1);
  expect(openFiles.count).toBe(max);
});
