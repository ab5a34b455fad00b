// The node's side: which files it writes, which it only names, and how it refuses. The replica is one without
// rows; test/cluster/backup.test.ts has real ones.

import {
  type Disk,
  FatalError,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  type RpcContext,
} from '@flotilla/base';
import {ReplicaMachine} from '@flotilla/replica';
import {type Announcement, announce, BackupDirectory} from '@flotilla/storage';
import {MemoryDisk, VirtualClock} from '@flotilla/testkit';
import {beforeEach, expect, test} from 'vitest';
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

beforeEach(async () => {
  clock = new VirtualClock();
  disk = new MemoryDisk();
  files = new Map([
    ['state', Buffer.from('the state')],
    ['1.part', Buffer.alloc(1_500_000, 'rows ')],
    ['1.keys', Buffer.alloc(0)],
  ]);
  [readBytes, pins, confirmed] = [0, 0, 0];
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
  });
  const request = {directory: '/mnt', backup: 'b1', bytesPerSecond: 1e9, known: [], ...more};
  const context = {set: SET, signal: new AbortController().signal} as unknown as RpcContext;
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
