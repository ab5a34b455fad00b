import {
  type Disk,
  type DiskFile,
  FatalError,
  type ReplicaId,
  type ReplicaSetId,
  SeededRandom,
} from '@flotilla/base';
import type {Entry} from '@flotilla/raft';
import {MemoryDisk} from '@flotilla/testkit';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {checkLog} from './log-check.ts';
import type {LogItem} from './log-item.ts';
import {SegmentLog} from './segment-log.ts';
import {ZERO_BYTES} from './zero-tail.ts';

const key = {set: 1 as ReplicaSetId, replica: 11 as ReplicaId};
const configuration = {
  voters: [11],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};
const FILE = 'log/segment-0000000000000001';
/** More than it takes until the first zeros come. */
const RECORDS = 100;

/** A MemoryDisk whose files write and sync in one call, and what zeros it was asked for. */
class DurableDisk extends MemoryDisk {
  zeros: {offset: number; isWritten: boolean}[] = [];
  /** What a write of zeros waits for before it begins. */
  gate: Promise<void> | undefined;
  /** Thrown by the next write of zeros. */
  failure: Error | undefined;

  override async open(...args: Parameters<Disk['open']>): Promise<DiskFile> {
    const file = await super.open(...args);
    const writeAt: DiskFile['writeAt'] = async (offset, chunks) => {
      if (chunks[0]?.length !== ZERO_BYTES) return file.writeAt(offset, chunks);
      const zeros = {offset, isWritten: false};
      this.zeros.push(zeros);
      await this.gate;
      if (this.failure !== undefined) throw this.failure;
      await file.writeAt(offset, chunks);
      zeros.isWritten = true;
    };
    const writeDurably: DiskFile['writeAt'] = async (offset, chunks) => {
      const end = offset + chunks.reduce((sum, {length}) => sum + length, 0);
      for (const zeros of this.zeros)
        if (!zeros.isWritten && this.failure === undefined)
          expect(end, 'a record where zeros are still to come').toBeLessThanOrEqual(zeros.offset);
      await file.writeAt(offset, chunks);
      await file.sync();
    };
    return {...file, writeAt, writeDurably};
  }
}

function open(disk: Disk, segmentBytes?: number): Promise<SegmentLog> {
  return SegmentLog.open({
    disk,
    path: 'log',
    random: new SeededRandom(1),
    bootEpoch: 0,
    segmentBytes,
  });
}

async function founded(disk: Disk, segmentBytes?: number): Promise<SegmentLog> {
  const log = await open(disk, segmentBytes);
  const founding = {index: 0, term: 0, configuration};
  await log.append([{type: 'create', ...key, founding}]);
  return log;
}

function write(index: number, bytes = 20): LogItem {
  const payload = new Uint8Array(bytes).fill(index);
  const entries: Entry[] = [{term: 1, index, type: 'normal', payload}];
  return {type: 'write', ...key, term: 1, vote: 11, commit: 0, entries};
}

async function fill(log: SegmentLog, from: number, upto: number, bytes?: number): Promise<void> {
  for (let index = from; index <= upto; index++) await log.append([write(index, bytes)]);
}

async function indexes(log: SegmentLog): Promise<number[]> {
  const group = log.group(key.set)!;
  const range = {from: 1, upto: group.lastIndex, bytesMax: Infinity};
  return (await log.read(group, range)).map(({index, payload}) => {
    expect([payload[0], payload.at(-1)]).toEqual([index % 256, index % 256]);
    return index;
  });
}

const upTo = (last: number): number[] => Array.from({length: last}, (_, i) => i + 1);

test('small records get zeros before them; a restart takes those for a torn end', async () => {
  const disk = new DurableDisk();
  const log = await founded(disk);
  await fill(log, 1, RECORDS);
  await log.close();
  expect(disk.zeros).toHaveLength(1);
  expect(disk.bytesOf(FILE).length).toBe(disk.zeros[0]!.offset + ZERO_BYTES);
  disk.crash();
  const again = await open(disk);
  expect(disk.bytesOf(FILE).length).toBe(again.totalBytes);
  // Before what recovery read is let go: nothing is read there that was written since.
  await fill(again, RECORDS + 1, 2 * RECORDS);
  expect(await indexes(again)).toEqual(upTo(2 * RECORDS));
  again.opened();
  expect(await indexes(again)).toEqual(upTo(2 * RECORDS));
});

test('large records get none, and none are wanted while enough are left', async () => {
  const disk = new DurableDisk();
  const log = await founded(disk);
  await fill(log, 1, 200, 1_500);
  expect(disk.zeros).toHaveLength(0);
  await fill(log, 201, 500);
  await log.close();
  expect(disk.zeros).toHaveLength(1);
  expect(await indexes(await open(disk))).toEqual(upTo(500));
});

test('a record that does not fit before zeros that are under way waits for them', async () => {
  const disk = new DurableDisk();
  const log = await founded(disk);
  let go = (): void => undefined;
  disk.gate = new Promise((resolve) => {
    go = resolve;
  });
  await fill(log, 1, 63);
  const rest = fill(log, 64, RECORDS);
  while (disk.zeros.length === 0) await Promise.resolve();
  go();
  await rest;
  await log.close();
  expect(await indexes(await open(disk))).toEqual(upTo(RECORDS));
});

test('a segment that another follows ends with its last record', async () => {
  const disk = new DurableDisk();
  const log = await founded(disk, 10_000);
  await fill(log, 1, 1_000);
  await log.close();
  expect(disk.zeros.length).toBeGreaterThan(3);
  expect(log.segmentCount).toBeGreaterThan(3);
  disk.crash();
  expect(await indexes(await open(disk))).toEqual(upTo(1_000));
});

test('zeros behind a segment that another follows are no damage: the disk lost their cut', async () => {
  const disk = new MemoryDisk({writesDurably: true});
  const log = await founded(disk, 10_000);
  let last = 0;
  let lastAt = 0;
  while (log.totalBytes < 10_000) {
    lastAt = log.totalBytes;
    await log.append([write(++last)]);
  }
  disk.fail({operation: 'sync', path: 'segment', code: 'EIO', marksClean: true});
  await expect(log.append([write(last + 1)])).rejects.toThrow('EIO');
  disk.kill();
  const second = await open(disk, 10_000);
  await fill(second, last + 1, last + 10);
  expect(second.segmentCount).toBe(2);
  disk.crash();
  const whole = disk.bytesOf(FILE);
  expect(whole.length).toBeGreaterThan(ZERO_BYTES);
  const all = {set: 1, replica: 11, lastIndex: last + 10};
  const faults: unknown[] = [];
  const fault = (found: unknown) => faults.push(found);
  const check = {read: () => {}, unreadable: () => {}, fault};
  expect(await checkLog(disk, 'log', check)).toMatchObject({isDamaged: false, replicas: [all]});
  expect(await indexes(await open(disk, 10_000))).toEqual(upTo(last + 10));
  // A record that has become zeros is one.
  disk.overwrite(FILE, whole.fill(0, lastAt));
  await expect(open(disk, 10_000)).rejects.toThrow('corrupt log');
  await checkLog(disk, 'log', check);
  expect(faults).not.toEqual([]);
});

test('where there is no room for zeros records go on without', async () => {
  const disk = new DurableDisk();
  disk.failure = new FatalError('cannot write: ENOSPC');
  const log = await founded(disk);
  await fill(log, 1, 300);
  await log.close();
  expect(disk.zeros).toHaveLength(1);
  expect(await indexes(await open(disk))).toEqual(upTo(300));
});

test('a log whose zeros fail is dead', async () => {
  const disk = new DurableDisk();
  disk.failure = new FatalError('cannot write: EIO');
  const log = await founded(disk);
  await expect(fill(log, 1, RECORDS)).rejects.toThrow('EIO');
  expect(log.failure?.message).toContain('EIO');
  await log.close();
});

test('whatever was acknowledged is there after a power cut at any time', async () => {
  const sizes = fc.array(fc.constantFrom(10, 300, 5_000), {maxLength: 4});
  const life = fc.record({sizes, seed: fc.nat(), isCut: fc.boolean()});
  await fc.assert(
    fc.asyncProperty(fc.array(life, {minLength: 1, maxLength: 3}), async (lives) => {
      const disk = new DurableDisk();
      await (await founded(disk)).close();
      let acknowledged = 0;
      for (const {sizes: some, seed, isCut} of lives) {
        const log = await open(disk, 400_000);
        const last = log.group(key.set)!.lastIndex;
        expect(last).toBeGreaterThanOrEqual(acknowledged);
        expect(await indexes(log)).toEqual(upTo(last));
        let next = last + 1;
        for (const bytes of some) {
          await fill(log, next, next + 39, bytes);
          next += 40;
        }
        acknowledged = next - 1;
        if (isCut) void log.append([write(next, 900)]);
        for (let turns = seed % 7; turns > 0; turns--) await Promise.resolve();
        disk.crash(new SeededRandom(seed));
        disk.zeros = [];
      }
      expect((await indexes(await open(disk))).length).toBeGreaterThanOrEqual(acknowledged);
    }),
    {numRuns: 15},
  );
});

test('what a restart finds on a full disk outlives a power cut, though its sync had failed', async () => {
  const disk = new MemoryDisk({writesDurably: true});
  const log = await open(disk);
  await log.append([{type: 'create', ...key, founding: undefined}]);
  disk.fail({operation: 'sync', path: 'segment', code: 'EIO', marksClean: true});
  await expect(log.append([{type: 'failover', ...key, manual: true}])).rejects.toThrow('EIO');
  disk.kill();
  disk.freeBytes = 0;
  expect((await open(disk)).group(key.set)!.manual).toBe(true);
  disk.crash();
  expect((await open(disk)).group(key.set)!.manual).toBe(true);
});
