// What arrives is made durable while more comes: never is more of it left for the end than a slow disk writes soon.

import {crc32} from 'node:zlib';
import type {DiskFile, NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import {EMPTY_CONFIGURATION} from '@flotilla/raft';
import {drainReactions, MemoryDisk} from '@flotilla/testkit';
import {expect, test, vi} from 'vitest';
import {SnapshotReceiver} from './snapshot-receiver.ts';

const FROM = 2 as NodeId;
const CHUNK = new Uint8Array(64 * 1024).fill(7);
const MIB = 1024 * 1024;
const SIZES = [20 * MIB, 0, CHUNK.length];

type Of<At extends number> = ConstructorParameters<typeof SnapshotReceiver>[At];
type Group = NonNullable<Parameters<SnapshotReceiver['begin']>[1]>;

/** A file that keeps no bytes; `unsynced` is told how many of all files are not durable. */
function countedFile(path: string, unsynced: (change: number) => void): DiskFile {
  let own = 0;
  return {
    path,
    readAt: () => Promise.reject(new Error('nobody reads it')),
    writeAt: async (_, chunks) => {
      for (const chunk of chunks) own += chunk.length;
      unsynced(chunks.reduce((sum, {length}) => sum + length, 0));
    },
    sync: async () => {
      unsynced(-own);
      own = 0;
    },
    truncate: async () => undefined,
    size: async () => 0,
    close: async () => undefined,
  };
}

test('of a large file some megabytes are not durable yet, and one file is open at a time', async () => {
  const disk = new MemoryDisk();
  const opened: string[] = [];
  let unsynced = 0;
  let highest = 0;
  vi.spyOn(disk, 'open').mockImplementation(async (path) => {
    opened.push(path.slice(path.lastIndexOf('/') + 1));
    return countedFile(path, (change) => {
      unsynced += change;
      highest = Math.max(highest, unsynced);
    });
  });
  const stepped: object[] = [];
  const driver = {
    changed: {mark: () => undefined},
    step: (_group: Group, input: object) => stepped.push(input),
    failStore: (_store: unknown, error: unknown) => expect.unreachable(String(error)),
  };
  const group = {
    set: 1 as ReplicaSetId,
    replica: 12 as ReplicaId,
    isGone: false,
    nodes: new Map(),
    store: {disk, path: 'store', stagingPath: 'store/staging', stagedPath: () => 'store/staging/s'},
  } as unknown as Group;
  const receiver = new SnapshotReceiver(
    driver as unknown as Of<0>,
    {wake: () => undefined} as unknown as Of<1>,
    {send: () => true} as unknown as Of<2>,
    {isGone: () => false, receivedMax: 1, thread: 0, log: undefined, now: () => 0},
  );
  const point = {index: 9, term: 5, configuration: EMPTY_CONFIGURATION};
  const snapshot = {...point, configIndex: 9};
  const files = SIZES.map((bytes, i) => ({name: `f${i}`, bytes}));
  receiver.begin(
    FROM,
    group,
    {
      transfer: 1,
      message: {type: 'snapshot', from: 11, to: 12, term: 5, session: 1, snapshot},
      files,
    },
    1,
  );
  await drainReactions();
  expect(opened).toEqual(['f1']);
  const crc = crc32(CHUNK);
  for (const [file, bytes] of SIZES.entries())
    for (let offset = 0; offset < bytes; offset += CHUNK.length) {
      receiver.chunk(FROM, {transfer: 1, file, offset, crc, payload: CHUNK});
      await drainReactions();
    }
  expect(receiver.staged.get(group)?.fileNames).toEqual(['f0', 'f1', 'f2']);
  expect(stepped).toMatchObject([{type: 'message'}]);
  expect(opened).toEqual(['f1', 'f0', 'f2']);
  expect(highest).toBeLessThanOrEqual(8 * MIB);
  expect(unsynced).toBe(0);
});
