import {crc32} from 'node:zlib';
import {
  FatalError,
  handledElsewhere,
  type ReplicaId,
  type ReplicaSetId,
  SeededRandom,
} from '@flotilla/base';
import {MemoryDisk} from '@flotilla/testkit';
import {expect, test} from 'vitest';
import type {LogItem} from '../log/log-item.ts';
import {SegmentLog} from '../log/segment-log.ts';
import {TestCluster} from './cluster.fixture.ts';
import {HOST_LIMITS} from './options.ts';
import {replace} from './started.fixture.ts';
import {Store} from './store.ts';

const SET = 1 as ReplicaSetId;
const OTHER = 2 as ReplicaSetId;
const LOG = 'store-0/log';
const SEGMENT = `${LOG}/segment-0000000000000001`;

/** Node 3 is down, one bit in the middle of its log changed. */
async function withDamage(damagedLog: 'refuse' | 'replace') {
  const cluster = new TestCluster({damagedLog});
  await cluster.startAll();
  const voters = await cluster.found(1);
  for (const value of ['a', 'b', 'c']) await cluster.write(1, value);
  await cluster.agree(1, [1, 2, 3], 3);
  cluster.crash(3);
  const {disk} = cluster.node(3);
  disk.flipBit(SEGMENT, Math.floor(disk.bytesOf(SEGMENT).length / 2));
  return {cluster, voters, disk};
}

test('a log damaged in its middle is not opened by who has nobody to replace its replicas from', async () => {
  const {cluster, disk} = await withDamage('refuse');
  const before = disk.bytesOf(SEGMENT);
  await expect(cluster.start(3)).rejects.toThrow(/corrupt log.*segment-0000000000000001 offset=/);
  expect(disk.bytesOf(SEGMENT)).toEqual(before);
});

test('replicas of a log that tells nothing any more never vote again either', async () => {
  const {cluster, voters, disk} = await withDamage('replace');
  disk.flipBit(SEGMENT, SALT_BIT);
  const host = await cluster.start(3);
  const lost = {set: SET, replica: voters[2]!};
  // Not even made anew by a late order.
  await expect(host.createReplica(lost)).rejects.toMatchObject({code: 'UNAVAILABLE'});
  await cluster.clock.resolve(host.bringBackLost(lost));
  await cluster.clock.resolve(host.settleLoss());
  expect(host.broken().get(SET)).toMatchObject({replica: voters[2], isLost: true});
  const again = host.createReplica({set: SET, replica: voters[2]!});
  await cluster.clock.resolve(again);
  expect(host.status(SET)).toBeUndefined();
  cluster.crash(cluster.leader(1) === 1 ? 2 : 1);
  // One of three is left: it gives no vote.
  await cluster.clock.advance(10_000);
  expect(cluster.leader(1)).not.toBe(3);
});

test('its replicas never vote or acknowledge again, and are replaced under new ids', async () => {
  const {cluster, voters, disk} = await withDamage('replace');
  const before = disk.bytesOf(SEGMENT);
  const host = await cluster.start(3);
  expect(host.broken().get(SET)).toMatchObject({replica: voters[2], reason: /damaged/});
  expect(disk.bytesOf(SEGMENT.replace('log/', 'log.damaged-1/'))).toEqual(before);
  const one = cluster.leader(1) === 1 ? 2 : 1;
  cluster.crash(one);
  // One of three is left: it gives no vote.
  await cluster.clock.advance(10_000);
  expect(cluster.leader(1)).not.toBe(3);
  await cluster.start(one);
  await cluster.write(1, 'd');

  await cluster.clock.resolve(host.destroyReplica({set: SET, replica: voters[2]!}));
  const again = host.createReplica({set: SET, replica: voters[2]!});
  await expect(again).rejects.toMatchObject({code: 'CONFLICT'});
  await cluster.clock.resolve(host.settleLoss());
  await replace(cluster, 3, voters[2]!);
  expect(await cluster.agree(1, [1, 2, 3], 4)).toBe(true);
});

test('damage that comes while the store is open stops it when the entry is read, and the next start replaces', async () => {
  const cluster = new TestCluster({damagedLog: 'replace', limits: {cacheBytesMax: 0}});
  await cluster.startAll();
  await cluster.found(1);
  await cluster.write(1, 'a');
  const leader = cluster.leader(1);
  const behind = leader === 3 ? 2 : 3;
  cluster.crash(behind);
  for (let i = 0; i < 5; i++) await cluster.write(1, `value ${i}`.repeat(50));
  await cluster.clock.advance(3_000);
  const stops: unknown[] = [];
  cluster.host(leader).onStopped((stop) => stops.push(stop));
  const {disk} = cluster.node(leader);
  disk.flipBit(SEGMENT, disk.bytesOf(SEGMENT).length - 1_500);
  await cluster.start(behind);
  expect(await cluster.clock.until(() => stops.length > 0, 5_000)).toBe(true);
  expect(stops.at(-1)).toMatchObject({isStore: true, reason: expect.stringContaining('checksum')});
  cluster.crash(leader);
  expect((await cluster.start(leader)).broken().size).toBe(1);
});

function places(disk: MemoryDisk) {
  return {disk, path: LOG, random: new SeededRandom(1), bootEpoch: 1};
}

async function open(disk: MemoryDisk, bootEpoch = 1): Promise<Store> {
  const options = {random: new SeededRandom(2), clock: undefined as never, bootEpoch};
  const store = {store: 0 as never, disk, path: 'store-0'};
  return Store.open(store, {...options, damagedLog: 'replace'}, HOST_LIMITS);
}

function write(set: ReplicaSetId, replica: number, term: number): LogItem {
  return {
    type: 'write',
    set,
    replica: replica as ReplicaId,
    term,
    vote: replica,
    commit: 0,
    truncateFrom: undefined,
    entries: [],
    snapshot: undefined,
  };
}

function entry(set: ReplicaSetId, replica: number, index: number): LogItem {
  const entries = [{index, term: 1, type: 'normal', payload: new Uint8Array(40)}] as const;
  return {...write(set, replica, 1), entries} as LogItem;
}

/** Two replicas that live, one of which had a predecessor, and one that was destroyed. */
async function filled(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const log = await SegmentLog.open(places(disk));
  const create = (set: ReplicaSetId, replica: number): LogItem => {
    return {type: 'create', set, replica: replica as ReplicaId, founding: undefined};
  };
  const bury = (set: ReplicaSetId, replica: number): LogItem => {
    return {type: 'tombstone', set, replica: replica as ReplicaId, dataGone: true};
  };
  const third = 3 as ReplicaSetId;
  const records = [
    [create(SET, 11)],
    [write(SET, 11, 1)],
    [bury(SET, 11)],
    [create(SET, 15)],
    [create(OTHER, 12), create(third, 13)],
    [write(SET, 15, 2), write(OTHER, 12, 7)],
    [bury(third, 13)],
    [write(OTHER, 12, 8)],
  ];
  for (const items of records) await log.append(items);
  await log.close();
  return disk;
}

test('wherever one bit changes, every replica that lived and every id that was used up is known', async () => {
  const whole = (await filled()).bytesOf(SEGMENT);
  let salvaged = 0;
  for (let offset = 33; offset < whole.length; offset++) {
    const disk = await filled();
    disk.flipBit(SEGMENT, offset, offset % 8);
    const {log} = await open(disk);
    const living = [...log.groups()].map(({set, replica, damaged}) => [set, replica, damaged]);
    if (!(await disk.exists(`${LOG}.damaged-1`))) continue;
    salvaged += 1;
    expect(living).toContainEqual([1, 15, true]);
    expect(living).toContainEqual([2, 12, true]);
    for (const [, , damaged] of living) expect(damaged).toBe(true);
    // Used up, or known to be there: never made anew.
    const third = living.find(([set]) => set === 3);
    expect(Math.max(log.tombstone(3 as ReplicaSetId), Number(third?.[1] ?? 0))).toBe(13);
    expect(log.durableRecord).toBeGreaterThanOrEqual(9);
  }
  expect(salvaged).toBeGreaterThan(whole.length / 2);
});

test('a replica that stood in lost records alone may have lived: none is made until all are known', async () => {
  const disk = new MemoryDisk();
  const log = await SegmentLog.open(places(disk));
  const create = (set: ReplicaSetId, replica: number): LogItem => {
    return {type: 'create', set, replica: replica as ReplicaId, founding: undefined};
  };
  await log.append([create(SET, 11)]);
  const from = disk.bytesOf(SEGMENT).length;
  await log.append([create(OTHER, 12)]);
  await log.append([write(OTHER, 12, 7)]);
  const upto = disk.bytesOf(SEGMENT).length;
  await log.append([write(SET, 11, 1)]);
  await log.close();
  disk.overwrite(SEGMENT, disk.bytesOf(SEGMENT).fill(0, from, upto));
  const store = await open(disk);
  expect([...store.log.groups()].map(({set}) => set)).toEqual([SET]);
  expect(store.hasLoss).toBe(true);
});

/** In the salt, without which no checksum of the segment holds. */
const SALT_BIT = 17;

test('of a segment that tells nothing any more all may have lived there: none is made until all are known', async () => {
  const disk = await filled();
  disk.flipBit(SEGMENT, SALT_BIT);
  const before = disk.bytesOf(SEGMENT);
  const store = await open(disk, 3);
  expect(disk.bytesOf(SEGMENT.replace('log/', 'log.damaged-1/'))).toEqual(before);
  expect([...store.log.groups()]).toEqual([]);
  expect(store.hasLoss).toBe(true);
  // What others remember of the lives before is lost with it; they need not say so.
  expect(store.log.isLost(2 * 2 ** 30 + 7)).toBe(false);
  expect(store.log.isLost(store.log.durableRecord + 1)).toBe(true);
  await store.log.close();
  expect((await open(disk, 4)).hasLoss).toBe(true);
  expect(await disk.exists(`${LOG}.damaged-2`)).toBe(false);
});

test('with one segment of several unreadable, whom the others name is damaged', async () => {
  const disk = new MemoryDisk();
  const log = await SegmentLog.open({...places(disk), segmentBytes: 200});
  const create = (set: ReplicaSetId, replica: number): LogItem => {
    return {type: 'create', set, replica: replica as ReplicaId, founding: undefined};
  };
  await log.append([create(SET, 11)]);
  // Its entries keep the first segment.
  for (let index = 1; index <= 10; index++) await log.append([entry(SET, 11, index)]);
  await log.append([create(OTHER, 12)]);
  expect(log.segmentCount).toBeGreaterThan(2);
  await log.close();
  for (let at = 2; at <= log.segmentCount; at++)
    disk.flipBit(`${LOG}/segment-${String(at).padStart(16, '0')}`, SALT_BIT);
  const store = await open(disk);
  expect([...store.log.groups()].map(({set, damaged}) => [set, damaged])).toEqual([[SET, true]]);
  expect(store.hasLoss).toBe(true);
});

test('an unreadable segment is left as it is where there is nobody else, and the error says what to do', async () => {
  const {cluster, disk} = await withDamage('refuse');
  disk.flipBit(SEGMENT, SALT_BIT);
  const before = disk.bytesOf(SEGMENT);
  await expect(cluster.start(3)).rejects.toThrow(
    /segment header: bad checksum; file=.*segment-0000000000000001 .*back from a copy/,
  );
  expect(disk.bytesOf(SEGMENT)).toEqual(before);
  expect(await disk.exists(`${LOG}.damaged-1`)).toBe(false);
});

test.each([
  ['nothing that this build reads', 32],
  ['records that this build reads', undefined],
])(
  'a segment of a newer build is never set aside, whatever else is damaged: with %s',
  async (_what, zerosFrom) => {
    const disk = await filled();
    const bytes = disk.bytesOf(SEGMENT).slice();
    disk.flipBit(SEGMENT, 100);
    // Version 2, and the checksum of such a header.
    bytes[4] = 2;
    new DataView(bytes.buffer).setUint32(28, crc32(bytes.subarray(0, 28)), true);
    if (zerosFrom !== undefined) bytes.fill(0, zerosFrom);
    const newer = `${LOG}/segment-0000000000000002`;
    const file = await disk.open(newer, 'create');
    await file.writeAt(0, [bytes]);
    await file.close();
    await expect(open(disk)).rejects.toThrow(/segment of version 2/);
    expect(await disk.exists(newer)).toBe(true);
  },
);

test('a crash at any step leaves a store that knows its damaged replicas, or finds the damage again', async () => {
  for (let step = 1; step <= 12; step++) {
    const disk = await filled();
    disk.flipBit(SEGMENT, 150);
    let left = step;
    const spoil = <Name extends 'rename' | 'syncDirectory' | 'remove' | 'open'>(
      name: Name,
    ): void => {
      const original = disk[name].bind(disk) as (...args: unknown[]) => Promise<unknown>;
      (disk as unknown as Record<string, unknown>)[name] = async (...args: unknown[]) => {
        left -= 1;
        if (left <= 0) throw new FatalError('the power went');
        return original(...args);
      };
    };
    for (const name of ['rename', 'syncDirectory', 'remove', 'open'] as const) spoil(name);
    await handledElsewhere(open(disk));
    left = Number.POSITIVE_INFINITY;
    disk.crash();
    const {log} = await open(disk);
    expect([step, [...log.groups()].map(({set, replica}) => [set, replica])]).toEqual([
      step,
      [
        [1, 15],
        [2, 12],
      ],
    ]);
    for (const {damaged} of log.groups()) expect(damaged).toBe(true);
  }
});
