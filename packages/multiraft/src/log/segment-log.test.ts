import {FatalError, type ReplicaId, type ReplicaSetId, SeededRandom} from '@flotilla/base';
import type {Entry} from '@flotilla/raft';
import {drainReactions, MemoryDisk, VirtualClock} from '@flotilla/testkit';
import {ByteWriter} from '@flotilla/wire';
import fc from 'fast-check';
import {describe, expect, test, vi} from 'vitest';
import {LogDirectory} from './directory.ts';
import {decodeEntries, decodeItems, encodeItem, type LogItem} from './log-item.ts';
import {SegmentLog} from './segment-log.ts';

const SET = 1 as ReplicaSetId;
const REPLICA = 11 as ReplicaId;
const key = {set: SET, replica: REPLICA};
const founding = {
  index: 5,
  term: 5,
  configuration: {
    voters: [11, 12],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  },
};

function open(disk: MemoryDisk, segmentBytes?: number, bootEpoch = 0): Promise<SegmentLog> {
  const place = {disk, path: 'store/log', random: new SeededRandom(1)};
  return SegmentLog.open({...place, segmentBytes, bootEpoch});
}

function entries(first: number, count: number, term = 6, bytes = 20): Entry[] {
  return Array.from({length: count}, (_, i) => ({
    term,
    index: first + i,
    type: 'normal' as const,
    payload: new Uint8Array(bytes).fill(first + i),
  }));
}

function write(list: Entry[], more: Partial<Extract<LogItem, {type: 'write'}>> = {}): LogItem {
  return {type: 'write', ...key, term: 6, vote: 11, commit: 5, entries: list, ...more};
}

async function readAll(log: SegmentLog, set = SET): Promise<Entry[]> {
  const group = log.group(set)!;
  if (group.lastIndex < group.firstIndex) return [];
  return log.read(group, {from: group.firstIndex, upto: group.lastIndex, bytesMax: Infinity});
}

const plain = (list: readonly Entry[]) =>
  list.map((entry) => ({...entry, payload: [...entry.payload]}));

describe('items', () => {
  const number = fc.oneof(fc.maxSafeNat(), fc.nat(200));
  const ids = fc.array(number, {maxLength: 3});
  const configuration = fc.record({
    voters: ids,
    votersOutgoing: ids,
    learners: ids,
    learnersNext: ids,
    autoLeave: fc.boolean(),
  });
  const optional = <Value>(arbitrary: fc.Arbitrary<Value>) =>
    fc.option(arbitrary, {nil: undefined});
  const point = fc.record({index: number, term: number, configuration});
  const snapshot = fc.record({index: number, term: number, configuration, configIndex: number});
  const keys = {
    set: number as fc.Arbitrary<ReplicaSetId>,
    replica: number as fc.Arbitrary<ReplicaId>,
  };
  const type = <Name extends string>(name: Name) => fc.constant(name);
  const item: fc.Arbitrary<LogItem> = fc.oneof(
    fc.record({...keys, type: type('create'), founding: optional(point)}),
    fc.record({...keys, type: type('tombstone'), dataGone: fc.boolean()}),
    fc.record({...keys, type: type('failover'), manual: fc.boolean()}),
    fc.record({...keys, type: type('compact'), firstIndex: number, prevTerm: number}),
    fc.record({...keys, type: type('configured'), index: number}),
    fc.record({...keys, type: type('damaged')}),
    fc.record({...keys, type: type('renumbered'), offset: number}),
    fc.record({...keys, type: type('gap'), after: number, until: number}),
    fc.record({...keys, type: type('loss'), isSettled: fc.boolean()}),
    fc.record({
      ...keys,
      type: type('group'),
      founding: optional(point),
      snapshot: optional(snapshot),
      term: number,
      vote: number,
      commit: number,
      firstIndex: number,
      prevTerm: number,
      lastIndex: number,
      manual: fc.boolean(),
      damaged: fc.boolean(),
      configIndexes: ids,
    }),
    fc
      .record({
        ...keys,
        type: type('write'),
        term: number,
        vote: number,
        commit: number,
        truncateFrom: optional(number),
        snapshot: optional(snapshot),
        first: fc.nat(2 ** 40),
        payloads: fc.array(fc.tuple(number, fc.uint8Array({maxLength: 30})), {maxLength: 4}),
      })
      .map(({first, payloads, ...rest}) => ({
        ...rest,
        entries: payloads.map(([term, payload], i) => ({
          term,
          index: first + i,
          type: 'config' as const,
          payload,
        })),
      })),
  );

  test('come back, and their entries are found in place', () => {
    fc.assert(
      fc.property(fc.array(item), (items) => {
        const writer = new ByteWriter();
        for (const one of items) encodeItem(writer, one);
        const bytes = writer.finish();
        const back = decodeItems(bytes, 0, bytes.length)!.map(({item: one, entryBlock}) => {
          if (one.type !== 'write' || entryBlock === undefined) return one;
          const {offset, bytes: length, firstIndex, count} = entryBlock;
          const block = bytes.slice(offset, offset + length);
          return {...one, entries: decodeEntries(block, firstIndex, count)!};
        });
        expect(back).toEqual(items);
      }),
    );
  });

  test('decoding is total', () => {
    fc.assert(
      fc.property(fc.uint8Array({maxLength: 80}), (bytes) => {
        decodeItems(bytes, 0, bytes.length);
      }),
    );
  });
});

async function filled(segmentBytes?: number): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const log = await open(disk, segmentBytes);
  await log.append([{type: 'create', ...key, founding}]);
  await log.append([write(entries(6, 3))]);
  await log.append([write(entries(9, 2))]);
  return disk;
}

const FILE = 'store/log/segment-0000000000000001';

describe('recovery', () => {
  test('gives back identity, hard state and entries', async () => {
    const disk = await filled();
    disk.crash();
    const log = await open(disk);
    const group = log.group(SET)!;
    expect(group).toMatchObject({
      replica: 11,
      term: 6,
      vote: 11,
      commit: 5,
      firstIndex: 6,
      lastIndex: 10,
    });
    expect(group.terms).toEqual([{index: 6, term: 6}]);
    expect(group.founding).toEqual(founding);
    expect(plain(await readAll(log))).toEqual(plain(entries(6, 5)));
  });

  test('cuts a torn last record at every length, and goes on writing', async () => {
    const whole = (await filled()).bytesOf(FILE);
    const shorter = new MemoryDisk();
    const log = await open(shorter);
    await log.append([{type: 'create', ...key, founding}]);
    await log.append([write(entries(6, 3))]);
    const lastStart = shorter.bytesOf(FILE).length;
    for (let cut = lastStart; cut < whole.length; cut++) {
      const disk = await filled();
      disk.overwrite(FILE, whole.subarray(0, cut));
      const reopened = await open(disk);
      expect(reopened.group(SET)!.lastIndex).toBe(8);
      await reopened.append([write(entries(9, 4, 7))]);
      const again = await open(disk);
      expect(plain(await readAll(again))).toEqual(plain([...entries(6, 3), ...entries(9, 4, 7)]));
    }
  });

  test('a flipped bit before the last record is damage that names its place; in the last it is a torn end', async () => {
    const whole = (await filled()).bytesOf(FILE);
    const disk = await filled();
    let torn = 0;
    for (let offset = 0; offset < whole.length; offset++) {
      disk.overwrite(FILE, whole);
      disk.flipBit(FILE, offset, offset % 8);
      try {
        const log = await open(disk);
        expect(log.group(SET)!.lastIndex).toBe(8);
        torn += 1;
      } catch (error) {
        expect(error).toBeInstanceOf(FatalError);
        expect((error as Error).message).toMatch(
          /file=store\/log\/segment-0000000000000001 offset=\d+/,
        );
      }
    }
    const last = 20 + 1 + 2 + 1 + 3 + 2 + 8 + 2 * 23;
    expect(torn).toBe(last);
  });

  test('disowned groups keep no segment, stay so through checkpoints, and numbers go on above', async () => {
    const disk = await filled();
    const known = (await open(disk)).durableRecord + 100;
    const log = await open(disk, 1);
    await log.disown(known);
    expect(log.durableRecord).toBeGreaterThan(known);
    const other = {set: 2 as ReplicaSetId, replica: 21 as ReplicaId};
    for (let i = 0; i < 3; i++) await log.append([{type: 'create', ...other, founding}]);
    expect(log.oldestSegment).toBeGreaterThan(1);
    const told = log.durableRecord;
    disk.crash();
    const again = await open(disk);
    expect(again.openedRecord).toBe(told);
    expect(again.group(SET)).toMatchObject({replica: REPLICA, damaged: true});
    expect(again.group(other.set)?.damaged).toBe(false);
  });

  test('a store that wrote on before it was told of its loss is disowned too', async () => {
    const disk = await filled();
    const log = await open(disk);
    const known = log.openedRecord + 1;
    const key = {set: SET, replica: REPLICA};
    for (const manual of [true, false, true])
      await log.append([{type: 'failover', ...key, manual}]);
    expect(log.durableRecord).toBeGreaterThan(known);
    const before = log.durableRecord;
    await log.disown(known);
    const again = await open(disk);
    expect(again.group(SET)?.damaged).toBe(true);
    expect(again.openedRecord).toBeGreaterThan(before);
  });

  test('a crash leaves a loss that is still to be told, or all that it damaged', async () => {
    for (let delay = 0; delay < 40; delay++) {
      const disk = await filled();
      // Each batch begins a segment first.
      const log = await open(disk, 1);
      const known = log.openedRecord + 100;
      const appended = log.append([{type: 'failover', ...key, manual: true}]);
      for (let turn = 0; turn < delay; turn++) await Promise.resolve();
      void log.disown(known);
      await appended;
      disk.crash();
      const again = await open(disk);
      expect(again.isLost(known), `told after ${delay}`).toBe(again.group(SET)?.damaged !== true);
      expect(again.hasLoss).toBe(!again.isLost(known));
    }
  });

  test('what one life lost is known as lost to all later ones, until it was disowned', async () => {
    const disk = await filled();
    const key = {set: SET, replica: REPLICA};
    const turn = async (log: SegmentLog): Promise<number> => {
      await log.append([{type: 'failover', ...key, manual: true}]);
      return log.durableRecord;
    };
    const first = await open(disk, undefined, 1);
    const kept = await turn(first);
    const file = disk.bytesOf('store/log/segment-0000000000000001').length;
    const lost = await turn(first);
    disk.crash();
    disk.overwrite(
      'store/log/segment-0000000000000001',
      disk.bytesOf('store/log/segment-0000000000000001').slice(0, file),
    );
    const second = await open(disk, undefined, 2);
    expect([kept, lost].map((told) => second.isLost(told))).toEqual([false, true]);
    const after = [await turn(second), await turn(second)];
    expect([kept, lost, ...after].map((told) => second.isLost(told))).toEqual([
      ...[false, true, false, false],
    ]);
    // A crash before anybody told it; checkpoints carry the gap on.
    disk.crash();
    const third = await open(disk, 1, 3);
    const last = [await turn(third), await turn(third)];
    const told = [kept, lost, ...after, ...last];
    expect(told.map((record) => third.isLost(record))).toEqual([
      ...[false, true, false, false, false, false],
    ]);
    expect(third.isLost(third.durableRecord + 1)).toBe(true);
    expect(third.segmentCount).toBeGreaterThan(1);
    await third.close();
    const fourth = await open(disk, undefined, 4);
    expect(told.filter((record) => fourth.isLost(record))).toEqual([lost]);
    await fourth.disown(lost);
    await fourth.close();
    const fifth = await open(disk, undefined, 5);
    expect(told.filter((record) => fifth.isLost(record))).toEqual([]);
    expect(fifth.group(SET)?.damaged).toBe(true);
  });

  test('the index that made a configuration is known from the log itself', async () => {
    const disk = new MemoryDisk();
    let log = await open(disk, 500);
    const config = (index: number) => [{...entries(index, 1)[0]!, type: 'config' as const}];
    await log.append([{type: 'create', ...key, founding}, write(entries(6, 2)), write(config(8))]);
    await log.append([write(config(9)), write([], {truncateFrom: 9}), write(entries(9, 30))]);
    const madeAt = () => [7, 8, 38].map((index) => log.group(SET)!.configIndexAt(index));
    expect(madeAt()).toEqual([5, 8, 8]);
    disk.crash();
    log = await open(disk, 500);
    expect(madeAt()).toEqual([5, 8, 8]);
    await log.append([{type: 'compact', ...key, firstIndex: 39, prevTerm: 6}]);
    for (let index = 39; index < 45; index++) await log.append([write(entries(index, 1, 6, 200))]);
    disk.crash();
    log = await open(disk, 500);
    expect(log.oldestSegment).toBeGreaterThan(1);
    expect(log.group(SET)!.configIndexAt(38)).toBe(8);
  });

  test('a truncation and a snapshot void what came before', async () => {
    const disk = await filled();
    let log = await open(disk);
    await log.append([write(entries(8, 2, 7), {term: 7, truncateFrom: 8})]);
    log = await open(disk);
    expect(plain(await readAll(log))).toEqual(plain([...entries(6, 2), ...entries(8, 2, 7)]));
    expect(log.group(SET)!.terms).toEqual([
      {index: 6, term: 6},
      {index: 8, term: 7},
    ]);
    const snapshot = {index: 50, term: 8, configuration: founding.configuration, configIndex: 40};
    await log.append([write(entries(51, 1, 8), {term: 8, commit: 50, snapshot})]);
    log = await open(disk);
    expect(log.group(SET)).toMatchObject({firstIndex: 51, prevTerm: 8, lastIndex: 51, snapshot});
    expect(log.group(SET)!.configIndexAt(50)).toBe(40);
  });

  test('a replica made again never sees its predecessor', async () => {
    const disk = await filled();
    let log = await open(disk);
    await log.append([{type: 'tombstone', ...key, dataGone: false}]);
    await log.append([{type: 'create', set: SET, replica: 21 as ReplicaId}]);
    log = await open(disk);
    expect(log.group(SET)).toMatchObject({
      replica: 21,
      firstIndex: 1,
      lastIndex: 0,
      term: 0,
      vote: 0,
    });
    expect(log.tombstone(SET)).toBe(11);
    expect([...log.unburied()]).toEqual([[SET, REPLICA]]);
  });

  test('any prefix of unsynced sectors is a torn end, never damage', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const clock = new VirtualClock();
      const disk = new MemoryDisk({clock, latencyMs: {sync: 5}});
      const log = await clock.resolve(open(disk));
      await clock.resolve(log.append([{type: 'create', ...key, founding}, write(entries(6, 3))]));
      void log.append([write(entries(9, 30, 6, 100))]); // The crash leaves it without an answer.
      await clock.advance(2);
      disk.crash(new SeededRandom(seed));
      const reopened = await clock.resolve(open(disk));
      expect([8, 38]).toContain(reopened.group(SET)!.lastIndex);
    }
  });
});

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

test('a checkpoint tells of each destroyed replica of a set whose data is left', () => {
  const later = {set: SET, replica: 21 as ReplicaId};
  const before = new LogDirectory();
  for (const one of [key, later]) {
    before.apply({type: 'create', ...one}, undefined, 1);
    before.apply({type: 'tombstone', ...one, dataGone: false}, undefined, 1);
  }
  const restored = (from: LogDirectory): LogDirectory => {
    const directory = new LogDirectory();
    for (const item of from.toItems()) directory.apply(item, undefined, 1);
    return directory;
  };
  const after = restored(before);
  expect(new Map(after.tombstones)).toEqual(new Map([[SET, 21]]));
  expect(new Set([...after.unburied()].map(([, replica]) => replica))).toEqual(new Set([11, 21]));
  after.apply({type: 'tombstone', ...later, dataGone: true}, undefined, 1);
  expect([...restored(after).unburied()]).toEqual([[SET, REPLICA]]);
  after.apply({type: 'tombstone', ...key, dataGone: true}, undefined, 1);
  expect([...restored(after).unburied()]).toEqual([]);
  expect(restored(after).tombstones.get(SET)).toBe(21);
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
