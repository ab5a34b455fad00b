// What a look at a log says that nobody has open: the same as an opening would find, and nothing is written.

import type {FileFault} from '@flotilla/base';
import type {MemoryDisk} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {entries, FILE, filled, founding, key, open, REPLICA, SET, write} from './log.fixture.ts';
import {checkLog, type LogLook} from './log-check.ts';

const LOG = 'store/log';

interface Seen {
  readonly faults: FileFault[];
  readonly unreadable: {readonly file: string; readonly message: string}[];
  readonly bytes: number;
}

async function look(disk: MemoryDisk): Promise<LogLook & Seen> {
  const faults: FileFault[] = [];
  const unreadable: {file: string; message: string}[] = [];
  let bytes = 0;
  const held = () =>
    disk.files().map((file) => [file, Buffer.from(disk.bytesOf(file)).toString('hex')]);
  const before = held();
  const found = await checkLog(disk, LOG, {
    fault: (fault) => faults.push(fault),
    read: (_, count) => {
      bytes += count;
    },
    unreadable: (file, {message}) => unreadable.push({file, message}),
  });
  expect(held()).toEqual(before);
  return {...found, faults, unreadable, bytes};
}

test('of a whole log it tells the replicas and where their entries end', async () => {
  const disk = await filled();
  expect(await look(disk)).toMatchObject({
    faults: [],
    isDamaged: false,
    torn: undefined,
    leftovers: [],
    segments: 1,
    records: 4,
    bytes: disk.bytesOf(FILE).length,
    replicas: [
      {
        set: SET,
        replica: REPLICA,
        firstIndex: 6,
        lastIndex: 10,
        foundingIndex: 5,
        isDamaged: false,
      },
    ],
  });
});

test('wherever a byte changes it is named: before the last record as damage, in it as a torn end', async () => {
  const disk = await filled();
  const whole = disk.bytesOf(FILE);
  let torn = 0;
  for (let offset = 0; offset < whole.length; offset++) {
    disk.overwrite(FILE, whole);
    disk.flipBit(FILE, offset, offset % 8);
    const found = await look(disk);
    if (found.torn !== undefined) {
      expect(found.faults).toEqual([]);
      expect(found.torn.offset).toBeLessThanOrEqual(offset);
      expect(found.torn.offset + found.torn.bytes).toBe(whole.length);
      torn += 1;
      continue;
    }
    expect(found.isDamaged).toBe(true);
    const [fault] = found.faults;
    expect(fault).toMatchObject({file: FILE, offset: expect.any(Number)});
    expect(fault!.offset).toBeLessThanOrEqual(offset);
    expect(fault!.message).not.toContain('offset=');
    // Who lived there is told by the records around the damage, if any is left.
    for (const replica of found.replicas)
      expect(replica).toMatchObject({set: SET, isDamaged: true});
  }
  // As in recovery.test.ts.
  expect(torn).toBe(20 + 1 + 2 + 1 + 3 + 2 + 8 + 2 * 23);
});

test('zeros behind the last record are none of it; what stands in them is', async () => {
  const disk = await filled();
  const whole = disk.bytesOf(FILE);
  const longer = new Uint8Array(whole.length + 500);
  longer.set(whole);
  disk.overwrite(FILE, longer);
  expect((await look(disk)).torn).toBeUndefined();
  disk.flipBit(FILE, whole.length + 99);
  const {torn, faults} = await look(disk);
  expect([torn, faults]).toEqual([{file: FILE, offset: whole.length, bytes: 100}, []]);
});

const segment = (number: number) => `${LOG}/segment-${String(number).padStart(16, '0')}`;

/** Four segments. */
async function segmented(): Promise<MemoryDisk> {
  const disk = await filled();
  const log = await open(disk, 1);
  for (let i = 0; i < 3; i++) await log.append([write(entries(11 + i, 1))]);
  await log.close();
  return disk;
}

test('a segment that the disk does not give is named, and the others are looked at all the same', async () => {
  const disk = await segmented();
  disk.fail({operation: 'read', path: segment(2), times: Infinity});
  const found = await look(disk);
  expect(found).toMatchObject({faults: [], isDamaged: false, isUnread: true, replicas: []});
  expect(found.unreadable).toMatchObject([
    {file: segment(2), message: expect.stringContaining('EIO')},
  ]);
  expect(found.segments).toBe(4);
  disk.flipBit(segment(3), 40);
  const {faults, unreadable} = await look(disk);
  expect([faults.length, faults[0]!.file, unreadable.length]).toEqual([1, segment(3), 1]);
  disk.mend();
  disk.fail({operation: 'open', path: `${LOG}/end`});
  const withoutEnd = await look(disk);
  expect(withoutEnd.unreadable).toMatchObject([{file: `${LOG}/end`}]);
});

test('a sector that the disk has lost is damage, and told with its place', async () => {
  const disk = await filled();
  const log = await open(disk);
  await log.append([write(entries(11, 100, 6, 100))]);
  await log.close();
  const at = disk.bytesOf(FILE).length - 1;
  expect(at).toBeGreaterThan(4_096);
  disk.fail({operation: 'read', path: FILE, at, times: Infinity});
  const {faults, unreadable, isDamaged, isUnread} = await look(disk);
  expect([isDamaged, isUnread, unreadable]).toEqual([true, false, []]);
  expect(faults).toEqual([
    {file: FILE, offset: at - (at % 4_096), message: 'cannot read log: a sector is lost'},
  ]);
});

test('a segment that is missing, cut, or left behind is told', async () => {
  const disk = await segmented();
  const whole = await look(disk);
  expect([whole.faults, whole.segments]).toEqual([[], 4]);

  const second = disk.bytesOf(segment(2));
  disk.overwrite(segment(2), second.subarray(0, second.length - 1));
  expect((await look(disk)).faults).toMatchObject([
    {file: segment(2), message: expect.stringContaining('bad record before the last segment')},
  ]);
  disk.overwrite(segment(2), second);

  await disk.remove(segment(2));
  const {faults, leftovers, replicas} = await look(disk);
  expect(leftovers).toContain(segment(1));
  expect(faults[0]!.message).toMatch(/entries 6 to \d+ of replica 11 of set 1 are missing/);
  expect(replicas).toMatchObject([{set: SET, replica: REPLICA, isDamaged: true}]);
});

test('a log that is not there has nobody, and a destroyed replica is known as such', async () => {
  const disk = await filled();
  const log = await open(disk);
  await log.append([{type: 'tombstone', ...key, dataGone: false}]);
  await log.append([
    {type: 'create', set: SET, replica: (REPLICA + 1) as typeof REPLICA, founding},
  ]);
  await log.close();
  const found = await look(disk);
  expect(found.tombstones.get(SET)).toBe(REPLICA);
  expect(found.replicas).toMatchObject([{replica: REPLICA + 1, foundingIndex: 5}]);
  const none = await checkLog(disk, 'elsewhere', {
    fault: () => expect.unreachable(),
    read: () => expect.unreachable(),
    unreadable: () => expect.unreachable(),
  });
  expect([none.segments, none.replicas]).toEqual([0, []]);
});
