import {MemoryDisk} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {BALLAST_BYTES, Ballast} from './ballast.ts';

const PATH = 'ballast';

test('it is given up once', async () => {
  const disk = new MemoryDisk();
  const ballast = await Ballast.open(disk, PATH);
  expect(await ballast.release()).toBe(false);
  await ballast.keep();
  expect(disk.bytesOf(PATH)).toHaveLength(BALLAST_BYTES);
  expect([await ballast.release(), await ballast.release()]).toEqual([true, false]);
  expect(disk.files()).toEqual([]);
});

test.each([false, true])(
  'one that is being made is given up too, where the disk filled up: %s',
  async (isFilled) => {
    const disk = new MemoryDisk();
    const ballast = await Ballast.open(disk, PATH);
    const keeping = ballast.keep().catch((error: Error) => error.message);
    await Promise.resolve();
    // As if others had taken it all.
    if (isFilled) disk.freeBytes = 0;
    const releasing = ballast.release();
    if (isFilled) expect(await keeping).toMatch(/ENOSPC/);
    else expect(await keeping).toBeUndefined();
    expect(await releasing).toBe(true);
    expect(disk.files()).toEqual([]);
    expect(await ballast.release()).toBe(false);
  },
);
