// The node's side: which files it writes, which it only names, and how it refuses. The replica is one without
// rows; test/cluster/backup.test.ts has real ones.

import {
  DbError,
  type Disk,
  FatalError,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  type RpcContext,
} from '@flotilla/base';
import {ReplicaMachine} from '@flotilla/replica';
import {type Announcement, announce, BackupDirectory, type StoredFile} from '@flotilla/storage';
import {MemoryDisk, VirtualClock} from '@flotilla/testkit';
import {beforeEach, expect, test} from 'vitest';
import type {FileCopies} from '../adapters/copying/copy-client.ts';
import {type SetBackupNews, type SetBackupRequest, setBackupHandler} from './set-backup.ts';

const SET = 5 as ReplicaSetId;
const REPLICA = 9 as ReplicaId;

let clock: VirtualClock;
let disk: MemoryDisk;
/** Of the replica, by name. */
let files: Map<string, Buffer>;
let readBytes: number;
let pins: number;
let confirmed: number;
/** Files that lie on the disk; the others are in memory alone. */
let onDisk: string[];
let copies: FileCopies;
/** Aborts where the coordinator is gone. */
let gone: AbortController;

beforeEach(async () => {
  clock = new VirtualClock();
  disk = new MemoryDisk();
  files = new Map([
    ['state', Buffer.from('the state')],
    ['1.part', Buffer.alloc(1_500_000, 'rows ')],
    ['1.keys', Buffer.alloc(0)],
  ]);
  [readBytes, pins, confirmed] = [0, 0, 0];
  onDisk = [];
  gone = new AbortController();
  copies = {
    begin: () => {
      throw new Error('no thread is to be had');
    },
  };
  const directory = await BackupDirectory.prepare(disk, 'c');
  await announce(directory, {id: 'b1'} as Announcement);
  await announce(directory, {id: 'b2'} as Announcement);
});

/** A machine with those files. */
function machine(): ReplicaMachine {
  return Object.create(ReplicaMachine.prototype, {
    snapshot: {
      value: async () => {
        pins += 1;
        return {
          point: {index: 7},
          files: [...files].map(([name, bytes]) => ({
            ...{name, bytes: bytes.length},
            path: onDisk.includes(name) ? `stores/0/${name}` : undefined,
            read: async (at: number, length: number) => {
              readBytes += length;
              return bytes.subarray(at, at + length);
            },
          })),
          release: () => {
            pins -= 1;
          },
        };
      },
    },
  }) as ReplicaMachine;
}

async function backUp(
  more: Partial<SetBackupRequest> = {},
  openDisk: () => Disk = () => disk,
): Promise<SetBackupNews[]> {
  const handler = setBackupHandler({
    node: 2 as NodeId,
    host: {
      readIndex: async () => ++confirmed,
      status: () => ({replica: REPLICA}),
      stateMachine: () => machine(),
    },
    clock,
    slices: {due: () => undefined},
    openDisk,
    copies,
  });
  const request = {directory: '/mnt', backup: 'b1', bytesPerSecond: 1e9, known: [], ...more};
  const context = {set: SET, signal: gone.signal} as unknown as RpcContext;
  const news: SetBackupNews[] = [];
  const all = (async () => {
    for await (const item of handler(Buffer.from(JSON.stringify(request)), context))
      news.push(JSON.parse(Buffer.from(item).toString()) as SetBackupNews);
  })();
  await clock.resolve(all, 600_000);
  return news;
}

function storedIn(news: readonly SetBackupNews[]) {
  return news.flatMap((one) => (one.type === 'stored' ? [one.file] : []));
}

test('what was acknowledged is confirmed first, then each file is stored, and the pins end', async () => {
  const news = await backUp();
  expect(confirmed).toBe(1);
  expect(news[0]).toEqual({type: 'pinned', replica: REPLICA, index: 7});
  const stored = storedIn(news);
  expect(stored.map(({name, bytes}) => [name, bytes])).toEqual([
    ['state', 9],
    ['1.part', 1_500_000],
    ['1.keys', 0],
  ]);
  const directory = await BackupDirectory.open(disk);
  for (const file of stored)
    expect(Buffer.from(await directory.read(file)).equals(files.get(file.name)!)).toBe(true);
  const copied = news.reduce((sum, one) => sum + (one.type === 'copied' ? one.bytes : 0), 0);
  expect(copied).toBe(1_500_009);
  expect(pins).toBe(0);
});

test('of what is known only the end is read; another replica, size or end is no known file', async () => {
  const known = storedIn(await backUp());
  const copiedOf = (news: readonly SetBackupNews[]) =>
    news.reduce((sum, one) => sum + (one.type === 'copied' ? one.bytes : 0), 0);
  readBytes = 0;
  const again = await backUp({backup: 'b2', known: [[REPLICA, known]]});
  expect([copiedOf(again), readBytes]).toEqual([0, 9 + 64]);
  expect(storedIn(again)).toEqual(known);
  expect(copiedOf(await backUp({known: [[8 as ReplicaId, known]]}))).toBe(1_500_009);
  files.get('1.part')!.writeUInt8(1, 1_499_999);
  expect(copiedOf(await backUp({known: [[REPLICA, known]]}))).toBe(1_500_000);
  files.set('1.part', Buffer.alloc(1_500_001, 'rows '));
  expect(copiedOf(await backUp({known: [[REPLICA, known]]}))).toBe(1_500_001);
});

test('no more is read in a second than it was told', async () => {
  const beganMs = clock.monotonicMs();
  await backUp({bytesPerSecond: 500_000});
  const tookMs = clock.monotonicMs() - beganMs;
  // The last piece is not waited for.
  expect(tookMs).toBeGreaterThan(1_800);
  expect(tookMs).toBeLessThan(3_200);
});

test('a directory that is not the one of the coordinator is refused, before anything is pinned', async () => {
  await expect(backUp({backup: 'b9'})).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringContaining('node 2 does not find backup b9 in /mnt'),
  });
  await expect(backUp({}, () => new MemoryDisk())).rejects.toMatchObject({code: 'CONFLICT'});
  expect([confirmed, pins]).toEqual([0, 0]);
});

test('what a disk refuses is told with its node, and leaves nothing pinned', async () => {
  disk.fail({operation: 'write', path: 'incoming', code: 'ENOSPC'});
  await expect(backUp()).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringMatching(/^node 2: cannot write incoming.*ENOSPC/),
  });
  expect(pins).toBe(0);
  expect((await backUp()).length).toBeGreaterThan(3);
  const broken = () => {
    throw new FatalError('no disk');
  };
  await expect(backUp({}, broken)).rejects.toMatchObject({code: 'UNAVAILABLE'});
});

const STORED: StoredFile = {bytes: 1_500_000, sha256: 'ab'.repeat(32)};
const FROM_THREAD = ['1.part', '1.keys'];

test('a large file on the disk is copied in a thread, which says how far it is; others are not', async () => {
  onDisk = FROM_THREAD;
  const jobs: unknown[] = [];
  copies = {
    begin: (job) => {
      jobs.push(job);
      const {promise: stored, resolve} = Promise.withResolvers<StoredFile>();
      clock.setTimer(600, () => resolve(STORED));
      let left = STORED.bytes;
      const takeCopiedBytes = (): number => {
        const bytes = Math.min(left, 600_000);
        left -= bytes;
        return bytes;
      };
      return {stored, takeCopiedBytes, stop: () => undefined};
    },
  };
  const news = await backUp({bytesPerSecond: 7e6});
  expect(jobs).toEqual([
    {
      ...{path: 'stores/0/1.part', bytes: 1_500_000, bytesPerSecond: 7e6},
      ...{directory: '/mnt', incoming: 'incoming/b1/5-9'},
    },
  ]);
  expect(news.map((one) => (one.type === 'copied' ? one.bytes : one.type))).toEqual([
    ...['pinned', 9, 'stored'],
    ...[600_000, 600_000, 300_000, 'stored'],
    'stored',
  ]);
  // Of the part its end alone, for the next backup to know it by.
  expect(readBytes).toBe(9 + 9 + 64);
  expect(storedIn(news)[1]).toMatchObject({name: '1.part', ...STORED});
  expect(pins).toBe(0);
});

test('what a thread was refused is told with the node', async () => {
  onDisk = FROM_THREAD;
  const stored = Promise.reject(new FatalError('cannot write incoming/b1: ENOSPC'));
  copies = {begin: () => ({stored, takeCopiedBytes: () => 0, stop: () => undefined})};
  await expect(backUp()).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('node 2: cannot write'),
  });
  expect(pins).toBe(0);
});

test('where the coordinator is gone the copy is given up, and the file stays pinned until it has ended', async () => {
  onDisk = FROM_THREAD;
  const {promise: stored, reject} = Promise.withResolvers<StoredFile>();
  let stops = 0;
  let pinnedAtEnd = 0;
  const stop = (): void => {
    stops += 1;
    clock.setTimer(400, () => {
      pinnedAtEnd = pins;
      reject(new DbError('CANCELLED', 'the backup is given up'));
    });
  };
  copies = {
    begin: () => {
      clock.setTimer(600, () => gone.abort());
      return {stored, takeCopiedBytes: () => 1, stop};
    },
  };
  await expect(backUp()).rejects.toMatchObject({code: 'CANCELLED'});
  expect([stops, pinnedAtEnd, pins]).toEqual([1, 1, 0]);
});
