// What a log gives back when it is opened: after crashes, torn ends, flipped bits, and what it lost.

import {FatalError, type ReplicaId, type ReplicaSetId, SeededRandom} from '@flotilla/base';
import {MemoryDisk, VirtualClock} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import {
  entries,
  FILE,
  filled,
  founding,
  key,
  open,
  plain,
  REPLICA,
  readAll,
  SET,
  write,
} from './log.fixture.ts';
import type {SegmentLog} from './segment-log.ts';

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
  for (const manual of [true, false, true]) await log.append([{type: 'failover', ...key, manual}]);
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
