import {isUnreadable} from '@flotilla/base';
import {MemoryDisk} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {entries, FILE, filled, key, open, readAll, write} from './log.fixture.ts';
import {LogDamage} from './log-damage.ts';
import {readSegment} from './segment-bytes.ts';

const SECTOR = 4096;
const lost = (at?: number) => ({operation: 'read', path: FILE, at, times: Infinity}) as const;

/** Two pieces and a bit, no two sectors alike. */
async function file() {
  const disk = new MemoryDisk();
  const bytes = new Uint8Array(600 * SECTOR + 100).map((_, at) => 1 + ((at / SECTOR) % 251));
  const made = await disk.open('segment', 'create');
  await made.writeAt(0, [bytes]);
  return {disk, bytes, made};
}

test('what the disk gives is read as one; what it gives when it is asked again is not lost', async () => {
  const {disk, bytes, made} = await file();
  const isWhole = async (): Promise<boolean> => {
    const read = await readSegment(made);
    return read.lostAt === undefined && Buffer.compare(read.bytes, bytes) === 0;
  };
  expect(await isWhole()).toBe(true);
  expect(disk.counts.read).toBe(1);
  disk.fail({operation: 'read', times: 2});
  expect(await isWhole()).toBe(true);
});

test('lost sectors are zeros, the first is told, and few others are asked for by themselves', async () => {
  const {disk, bytes, made} = await file();
  for (const sector of [300, 301, 600])
    disk.fail({operation: 'read', at: sector * SECTOR + 7, times: Infinity});
  const want = bytes
    .slice()
    .fill(0, 300 * SECTOR, 302 * SECTOR)
    .fill(0, 600 * SECTOR);
  const {bytes: have, lostAt} = await readSegment(made);
  expect(Buffer.compare(have, want)).toBe(0);
  expect(lostAt).toBe(300 * SECTOR);
  expect(disk.counts.read).toBeLessThan(400);
});

test('a disk that gives nothing has not lost it', async () => {
  const {disk, made} = await file();
  disk.fail({operation: 'read', times: Infinity});
  await expect(readSegment(made)).rejects.toSatisfy(isUnreadable);
  disk.mend();
  disk.fail({operation: 'read', code: 'ENOMEM'});
  await expect(readSegment(made)).rejects.toThrow('ENOMEM');
});

test('a lost last record is damage, and never cut off as one that a crash has torn', async () => {
  const disk = new MemoryDisk();
  const log = await open(disk);
  await log.append([{type: 'create', ...key}]);
  await log.append([write(entries(1, 100, 6, 100))]);
  const {length} = disk.bytesOf(FILE);
  expect(length).toBeGreaterThan(2 * SECTOR);
  disk.fail(lost(length - 1));
  await expect(open(disk)).rejects.toThrow(LogDamage);
  await expect(open(disk)).rejects.toThrow(/a sector is lost; file=.*offset=\d+/);
  disk.mend();
  expect(await readAll(await open(disk))).toHaveLength(100);
});

test('a log of which nothing can be read is not damaged, and a lost end of it is no damage of it either', async () => {
  const disk = await filled();
  disk.fail(lost());
  const failed = await open(disk).catch((error: unknown) => error);
  expect(isUnreadable(failed)).toBe(true);
  expect(failed).not.toBeInstanceOf(LogDamage);
  disk.mend();
  await (await open(disk)).close();
  disk.fail({operation: 'read', path: 'log/end', times: Infinity});
  expect(await readAll(await open(disk))).toHaveLength(5);
});
