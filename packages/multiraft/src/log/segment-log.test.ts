import {FatalError, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import {drainReactions, MemoryDisk, VirtualClock} from '@flotilla/testkit';
import {describe, expect, test, vi} from 'vitest';
import {LogDirectory} from './directory.ts';
import {
  entries,
  FILE,
  filled,
  founding,
  key,
  open,
  plain,
  readAll,
  SET,
  write,
} from './log.fixture.ts';
import type {LogItem} from './log-item.ts';

describe('group commit', () => {
  test('what gathers during a sync becomes one record and one sync', async () => {
    const clock = new VirtualClock();
    const disk = new MemoryDisk({clock, latencyMs: {sync: 5}});
    const log = await clock.resolve(open(disk));
    await clock.resolve(log.append([{type: 'create', ...key, founding}]));
    const before = {...disk.counts, record: log.durableRecord};
    const all = Promise.all(
      Array.from({length: 20}, (_, i) => log.append([write(entries(6 + i, 1))])),
    );
    await clock.resolve(all);
    expect(disk.counts.sync - before.sync).toBe(1);
    expect(log.durableRecord - before.record).toBe(1);
    const first = log.append([write(entries(26, 1))]);
    await clock.advance(1);
    const second = [27, 28, 29].map((index) => log.append([write(entries(index, 1))]));
    await clock.resolve(Promise.all([first, ...second]));
    expect(disk.counts.sync - before.sync).toBe(3);
  });

  test('a disk that writes and syncs in one call is asked for no more', async () => {
    const disk = new MemoryDisk();
    const calls: string[] = [];
    const plain = disk.open.bind(disk);
    vi.spyOn(disk, 'open').mockImplementation(async (path, mode) => {
      const file = await plain(path, mode);
      const {writeAt, sync} = file;
      return Object.assign(file, {
        writeAt: (...args: Parameters<typeof writeAt>) => {
          calls.push('write');
          return writeAt(...args);
        },
        sync: () => {
          calls.push('sync');
          return sync();
        },
        writeDurably: async (...args: Parameters<typeof writeAt>) => {
          calls.push('durably');
          await writeAt(...args);
          await sync();
        },
      });
    });
    const log = await open(disk);
    calls.length = 0;
    await log.append([{type: 'create', ...key, founding}, write(entries(6, 3))]);
    expect(calls).toEqual(['durably']);
    disk.crash();
    expect((await open(disk)).group(SET)!.lastIndex).toBe(8);
  });

  test('after a failed sync the log is dead for everyone, and recovery replays what is there', async () => {
    const disk = await filled();
    const log = await open(disk);
    disk.fail({operation: 'sync', path: 'segment'});
    const results = await Promise.allSettled([
      log.append([write(entries(11, 1))]),
      log.append([write(entries(12, 1))]),
    ]);
    expect(results.map((one) => one.status)).toEqual(['rejected', 'rejected']);
    await expect(log.append([write(entries(13, 1))])).rejects.toThrow('EIO');
    expect(log.failure).toBeInstanceOf(FatalError);
    disk.crash();
    expect((await open(disk)).group(SET)!.lastIndex).toBe(10);
  });

  test('what an opened log holds survives a power cut, though the process that wrote it never synced it', async () => {
    const disk = await filled();
    const log = await open(disk);
    disk.fail({operation: 'sync', path: 'segment'});
    await expect(log.append([write(entries(11, 1), {term: 9, vote: 12})])).rejects.toThrow('EIO');
    disk.kill();
    const told = (await open(disk)).group(SET)!;
    expect([told.term, told.vote, told.lastIndex]).toEqual([9, 12, 11]);
    disk.crash();
    const after = (await open(disk)).group(SET)!;
    expect([after.term, after.vote, after.lastIndex]).toEqual([9, 12, 11]);
  });

  test('a segment that was only just named survives it too', async () => {
    const disk = await filled();
    const log = await open(disk, 1);
    vi.spyOn(disk, 'syncDirectory').mockRejectedValueOnce(new FatalError('EIO'));
    await expect(log.append([write(entries(11, 1))])).rejects.toThrow('EIO');
    disk.kill();
    const record = (await open(disk)).durableRecord;
    disk.crash();
    expect((await open(disk)).durableRecord).toBe(record);
  });

  test('what would follow a tombstone is not written, and is void where one stands', async () => {
    const disk = await filled();
    const log = await open(disk);
    const late: LogItem[] = [
      write(entries(11, 1)),
      {type: 'compact', ...key, firstIndex: 7, prevTerm: 6},
      {type: 'configured', ...key, index: 9},
      {type: 'failover', ...key, manual: true},
      {type: 'damaged', ...key},
    ];
    const before = log.totalBytes;
    await Promise.all([
      log.append([{type: 'tombstone', ...key, dataGone: false}]),
      log.append(late),
      log.append([{type: 'tombstone', ...key, dataGone: true}]),
    ]);
    expect(log.totalBytes - before).toBeLessThan(50);
    for (const item of [...late, {type: 'create', ...key} as LogItem]) await log.append([item]);
    const again = await open(disk);
    expect([again.groupCount, again.tombstone(SET), [...again.unburied()]]).toEqual([0, 11, []]);
    // As a log of an earlier version may hold it.
    const directory = new LogDirectory();
    directory.apply({type: 'create', ...key}, undefined, 1);
    directory.apply({type: 'tombstone', ...key, dataGone: true}, undefined, 1);
    for (const item of [...late, {type: 'create', ...key} as LogItem])
      directory.apply(item, undefined, 1);
    expect([directory.groups.size, directory.tombstones.get(SET)]).toEqual([0, 11]);
  });

  test('an item of a replica that never lived here stops the log before it is on the disk', async () => {
    const disk = await filled();
    const log = await open(disk);
    const stranger = {set: SET, replica: 12 as ReplicaId};
    const append = log.append([{type: 'configured', ...stranger, index: 9}]);
    await expect(append).rejects.toMatchObject({cause: {message: /replica 12 of set 1, not here/}});
    expect((await open(disk)).group(SET)!.lastIndex).toBe(10);
  });
});

describe('retention', () => {
  test('segments go once no group needs them, and recovery starts from the next checkpoint', async () => {
    const disk = new MemoryDisk();
    let log = await open(disk, 2000);
    await log.append([{type: 'create', ...key, founding}]);
    for (let index = 6; index < 66; index++) await log.append([write(entries(index, 1, 6, 100))]);
    expect(log.segmentCount).toBeGreaterThan(3);
    await log.append([{type: 'compact', ...key, firstIndex: 60, prevTerm: 6}]);
    await log.append([]); // Behind the removal, which follows the answer.
    expect(log.segmentCount).toBeLessThanOrEqual(2);
    disk.crash();
    log = await open(disk, 2000);
    expect(log.group(SET)).toMatchObject({firstIndex: 60, prevTerm: 6, lastIndex: 65});
    expect(plain(await readAll(log))).toEqual(plain(entries(60, 6, 6, 100)));
  });

  test('the last segment goes as well once nobody needs what it holds, and it holds some', async () => {
    const disk = new MemoryDisk();
    let log = await open(disk, 16_000);
    await log.append([{type: 'create', ...key, founding}]);
    const letGo = async (firstIndex: number) => {
      await log.append([{type: 'compact', ...key, firstIndex, prevTerm: 6}]);
      await log.append([]); // Behind the removal, which follows the answer.
    };
    await log.append([write(entries(6, 1))]);
    await letGo(7);
    expect(log.oldestSegment, 'too little to be worth it').toBe(1);
    await log.append([write(entries(7, 2, 6, 600))]);
    await letGo(8);
    expect(log.oldestSegment, 'its last entry is needed').toBe(1);
    await letGo(9);
    expect([log.oldestSegment, log.segmentCount]).toEqual([2, 1]);
    expect(log.totalBytes).toBeLessThan(300);
    disk.crash();
    log = await open(disk, 16_000);
    expect(log.group(SET)).toMatchObject({firstIndex: 9, prevTerm: 6, lastIndex: 8, vote: 11});
    await log.append([write(entries(9, 1))]);
    expect(plain(await readAll(log))).toEqual(plain(entries(9, 1)));
  });

  test('a full disk lets the last segment serve on', async () => {
    const disk = new MemoryDisk();
    const log = await open(disk, 16_000);
    await log.append([{type: 'create', ...key, founding}]);
    await log.append([write(entries(6, 2, 6, 600))]);
    disk.fail({operation: 'write', path: 'segment-0000000000000002', code: 'ENOSPC'});
    await log.append([{type: 'compact', ...key, firstIndex: 8, prevTerm: 6}]);
    await log.append([write(entries(8, 1))]);
    expect([log.failure, log.oldestSegment]).toEqual([undefined, 1]);
    expect(plain(await readAll(log))).toEqual(plain(entries(8, 1)));
    await log.append([{type: 'compact', ...key, firstIndex: 9, prevTerm: 6}]);
    await log.append([]);
    expect(log.oldestSegment, 'there is room again').toBe(2);
  });

  test.each(['EMFILE', 'ENOSPC'])(
    'where no segment can be begun (%s), the last one serves on until one can',
    async (code) => {
      const disk = new MemoryDisk();
      const cause = Object.assign(new Error(code), {code, syscall: 'open'});
      const openFile = disk.open.bind(disk);
      let isRefused = true;
      vi.spyOn(disk, 'open').mockImplementation(async (path, mode) => {
        if (isRefused && path.endsWith('2.new')) throw new FatalError('cannot open', cause);
        return openFile(path, mode);
      });
      let log = await open(disk, 1_000);
      await log.append([{type: 'create', ...key, founding}]);
      for (let index = 6; index < 9; index++) await log.append([write(entries(index, 1, 6, 600))]);
      expect([log.failure, log.segmentCount]).toEqual([undefined, 1]);
      disk.crash();
      log = await open(disk, 1_000);
      expect(plain(await readAll(log))).toEqual(plain(entries(6, 3, 6, 600)));
      isRefused = false;
      await log.append([write(entries(9, 1))]);
      expect(log.segmentCount).toBe(2);
      disk.crash();
      log = await open(disk, 1_000);
      expect(await readAll(log)).toHaveLength(4);
    },
  );

  test('a segment that goes is not closed beneath a read', async () => {
    const disk = new MemoryDisk();
    const calls: string[] = [];
    const held = Promise.withResolvers<void>();
    const openFile = disk.open.bind(disk);
    vi.spyOn(disk, 'open').mockImplementation(async (path, mode) => {
      const file = await openFile(path, mode);
      const {readAt, close} = file;
      return Object.assign(file, {
        readAt: async (...args: Parameters<typeof readAt>) => {
          await held.promise;
          calls.push('read');
          return readAt(...args);
        },
        close: () => {
          calls.push('close');
          return close();
        },
      });
    });
    const log = await open(disk, 500);
    await log.append([{type: 'create', ...key, founding}]);
    for (let index = 6; index < 26; index++) await log.append([write(entries(index, 1, 6, 100))]);
    const read = log.read(log.group(SET)!, {from: 6, upto: 6, bytesMax: 1_000});
    await log.append([{type: 'compact', ...key, firstIndex: 26, prevTerm: 6}]);
    await drainReactions();
    expect(calls).toEqual([]);
    held.resolve();
    expect(plain(await read)).toEqual(plain(entries(6, 1, 6, 100)));
    await log.append([]); // Behind the removal, which follows the answer.
    expect(calls.slice(0, 2)).toEqual(['read', 'close']);
    expect(log.segmentCount).toBe(1);
  });

  test('the vote of a group that is silent since outlives the segment that it was written to', async () => {
    const disk = new MemoryDisk();
    let log = await open(disk, 500);
    const silent = {set: 2 as ReplicaSetId, replica: 21 as ReplicaId};
    await log.append([
      {type: 'create', ...key, founding},
      {type: 'create', ...silent, founding},
    ]);
    await log.append([{...write([]), ...silent, term: 9, vote: 23, commit: 5} as LogItem]);
    for (let index = 6; index < 26; index++) await log.append([write(entries(index, 1, 6, 100))]);
    await log.append([{type: 'compact', ...key, firstIndex: 26, prevTerm: 6}]);
    await log.append([]);
    log = await open(disk, 500);
    expect(log.oldestSegment).toBeGreaterThan(1);
    expect(log.group(silent.set)).toMatchObject({replica: 21, term: 9, vote: 23, commit: 5});
  });

  test('a lost segment that is still needed is damage', async () => {
    const disk = new MemoryDisk();
    const log = await open(disk, 500);
    await log.append([{type: 'create', ...key, founding}]);
    for (let index = 6; index < 26; index++) await log.append([write(entries(index, 1, 6, 100))]);
    await disk.remove('store/log/segment-0000000000000002');
    await expect(open(disk, 500)).rejects.toThrow(/are missing/);
    // What is left may be all there is: nothing is removed on the way.
    expect(await disk.exists('store/log/segment-0000000000000001')).toBe(true);
  });

  test('reading back checks what it reads', async () => {
    const disk = await filled();
    const log = await open(disk);
    const group = log.group(SET)!;
    const read = await readAll(log);
    disk.flipBit(FILE, group.runs[0]!.offset + 5);
    // What recovery has read is not read again while those who live here are opened.
    expect(await readAll(log)).toEqual(read);
    log.opened();
    await expect(readAll(log)).rejects.toThrow(/bad checksum of entries/);
  });

  test('bytesMax bounds a read, one entry at least', async () => {
    const disk = await filled();
    const log = await open(disk);
    const group = log.group(SET)!;
    const range = {from: 6, upto: 10};
    expect(await log.read(group, {...range, bytesMax: 1})).toHaveLength(1);
    expect(await log.read(group, {...range, bytesMax: 45})).toHaveLength(2);
    expect(await log.read(group, {...range, from: 7, bytesMax: 1000})).toHaveLength(4);
  });
});
