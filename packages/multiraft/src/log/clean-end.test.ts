// What a log knows of its end once it was closed in order.

import {MemoryDisk} from '@flotilla/testkit';
import {expect, test, vi} from 'vitest';
import {CLEAN_END_NAME} from './clean-end.ts';
import {entries, FILE, filled, founding, key, open, SET, write} from './log.fixture.ts';
import {checkLog} from './log-check.ts';
import {LogDamage} from './log-damage.ts';

const LOG = 'store/log';
const END = `${LOG}/${CLEAN_END_NAME}`;

async function closed(): Promise<MemoryDisk> {
  const disk = await filled();
  await (await open(disk)).close();
  return disk;
}

async function look(disk: MemoryDisk) {
  const faults: string[] = [];
  const fault = ({file, message}: {file: string; message: string}) =>
    faults.push(`${file}: ${message}`);
  return {...(await checkLog(disk, LOG, {fault, read: () => {}, unreadable: () => {}})), faults};
}

test('after a close no byte of a record can change unseen, nor be cut off', async () => {
  const disk = await closed();
  const whole = disk.bytesOf(FILE);
  for (let offset = 0; offset < whole.length; offset++) {
    disk.overwrite(FILE, whole);
    disk.flipBit(FILE, offset, offset % 8);
    expect(await look(disk)).toMatchObject({isDamaged: true, torn: undefined});
    await expect(open(disk)).rejects.toThrow(LogDamage);
    disk.overwrite(FILE, whole.subarray(0, offset));
    await expect(open(disk)).rejects.toThrow(LogDamage);
  }
  disk.overwrite(FILE, whole);
  expect((await open(disk)).group(SET)!.lastIndex).toBe(10);
});

test('what is written after it may be torn, and what stood before may not', async () => {
  const disk = await closed();
  const endOffset = disk.bytesOf(FILE).length;
  await (await open(disk)).append([write(entries(11, 2))]);
  const whole = disk.bytesOf(FILE);
  disk.overwrite(FILE, whole.subarray(0, whole.length - 1));
  expect(await look(disk)).toMatchObject({isDamaged: false, torn: {offset: endOffset}});
  expect((await open(disk)).group(SET)!.lastIndex).toBe(10);
  disk.overwrite(FILE, whole.subarray(0, endOffset - 1));
  await expect(open(disk)).rejects.toThrow('where it ended in order');
});

test('the segment in which it ended is missed, also where it was the only one', async () => {
  const disk = await closed();
  await disk.remove(FILE);
  await expect(open(disk)).rejects.toThrow('segment 1, where it ended in order, is missing');
  const {isDamaged, faults} = await look(disk);
  expect([isDamaged, faults]).toEqual([true, [expect.stringContaining('is missing')]]);
});

test('segments that are removed later leave it true', async () => {
  const disk = await closed();
  const log = await open(disk, 1);
  await log.append([write(entries(11, 1))]);
  await log.append([{type: 'compact', ...key, firstIndex: 12, prevTerm: 6}]);
  await log.append([write(entries(12, 1))]);
  expect(log.oldestSegment).toBeGreaterThan(1);
  expect((await open(disk, 1)).group(SET)!.lastIndex).toBe(12);
  expect(await look(disk)).toMatchObject({isDamaged: false, faults: []});
});

test('a damaged end is named, and the log is gone by alone', async () => {
  const disk = await closed();
  const whole = disk.bytesOf(END);
  for (let offset = 0; offset <= whole.length; offset++) {
    disk.overwrite(END, whole.subarray(0, offset));
    if (offset < whole.length) expect(await look(disk)).toMatchObject({damagedEnd: END});
    disk.overwrite(END, whole);
    if (offset === whole.length) break;
    disk.flipBit(END, offset, offset % 8);
    expect(await look(disk)).toMatchObject({damagedEnd: END, isDamaged: false, faults: []});
    expect((await open(disk)).group(SET)!.lastIndex).toBe(10);
  }
  expect(await look(disk)).toMatchObject({damagedEnd: undefined});
});

test('a crash while it is written leaves the one before, or the new one', async () => {
  for (const step of ['open', 'rename', 'syncDirectory'] as const) {
    const disk = await closed();
    const log = await open(disk);
    await log.append([write(entries(11, 1))]);
    const power = vi.spyOn(disk, step).mockRejectedValue(new Error('power'));
    await expect(log.close()).rejects.toThrow('power');
    power.mockRestore();
    disk.crash();
    const again = await open(disk);
    expect(again.group(SET)!.lastIndex).toBe(11);
    expect(disk.files().filter((file) => file.endsWith('.new'))).toEqual([]);
  }
});

test('a log that has failed tells no end', async () => {
  const disk = new MemoryDisk();
  const log = await open(disk);
  await log.append([{type: 'create', ...key, founding}]);
  disk.fail({operation: 'sync'});
  await expect(log.append([write(entries(6, 1))])).rejects.toThrow('cannot sync');
  await log.close();
  expect(disk.files()).not.toContain(END);
});

test('a full disk keeps the end before', async () => {
  const disk = await closed();
  const before = disk.bytesOf(END);
  const log = await open(disk);
  await log.append([write(entries(11, 1))]);
  disk.fail({operation: 'write', path: END, code: 'ENOSPC'});
  await log.close();
  expect(disk.bytesOf(END)).toEqual(before);
  expect((await open(disk)).group(SET)!.lastIndex).toBe(11);
});
