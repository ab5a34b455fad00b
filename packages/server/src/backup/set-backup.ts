// The node's side of a backup: brings its replica up to what was acknowledged, pins its files, and writes those
// into the directory that it does not hold yet. The answer tells of each file as it is stored.

import {crc32} from 'node:zlib';
import {
  type Clock,
  DbError,
  type Disk,
  FatalError,
  handledElsewhere,
  type NodeId,
  type ReplicaId,
  type ReplicaSetId,
  type RpcContext,
  type WorkSlices,
} from '@flotilla/base';
import {ReplicaMachine} from '@flotilla/replica';
import {
  announcementPath,
  type BackedUpFile,
  BackupDirectory,
  incomingPath,
  type SnapshotFile,
  type StoredFile,
} from '@flotilla/storage';
import type {CopyRun, FileCopies} from '../adapters/copying/copy-client.ts';
import {pause} from '../engine/pause.ts';
import {Rate} from './rate.ts';

export const BACKUP_METHOD = 'replica.backup';
/** A majority that is there confirms a read in a round trip, or after an election. */
const CONFIRM_MS_MAX = 5_000;
/** What is less is a piece or two: copied in turns, and nobody starts a thread for it. */
const THREAD_BYTES_MIN = 1024 * 1024;
/** Between two looks at how far a thread is with a file. */
const LOOK_MS = 250;
/** Holds the checksum of a key file, and the trailer of a part, which has those of all the rest. */
const TAIL_BYTES = 64;

/** What crosses nodes. Plain JSON. */
export interface SetBackupRequest {
  readonly directory: string;
  readonly backup: string;
  readonly bytesPerSecond: number;
  /** By replica, files that are stored: of those that it still has nothing is read but the end. */
  readonly known: readonly (readonly [ReplicaId, readonly BackedUpFile[]])[];
}

/** Each is one item of the answer. */
export type SetBackupNews =
  /** Which replica it is made of, and up to which index of its log. The first item. */
  | {readonly type: 'pinned'; readonly replica: ReplicaId; readonly index: number}
  | {readonly type: 'copied'; readonly bytes: number}
  | {readonly type: 'stored'; readonly file: BackedUpFile};

export interface BackupHost {
  readIndex(set: ReplicaSetId, options: {readonly deadlineMs: number}): Promise<number>;
  status(set: ReplicaSetId): {readonly replica: ReplicaId} | undefined;
  stateMachine(set: ReplicaSetId): unknown;
}

export interface SetBackupPorts {
  readonly node: NodeId;
  readonly host: BackupHost;
  readonly clock: Clock;
  /** Of the thread. */
  readonly slices: WorkSlices;
  readonly openDisk: (directory: string) => Disk;
  /** In a thread of their own. */
  readonly copies: FileCopies;
}

export function setBackupHandler(
  ports: SetBackupPorts,
): (payload: Uint8Array, context: RpcContext) => AsyncIterable<Uint8Array> {
  return async function* (payload, {set, signal}) {
    const request = JSON.parse(new TextDecoder().decode(payload)) as SetBackupRequest;
    try {
      for await (const news of backUp(ports, set, request)) {
        // Not an end: what was told by then must not pass for all.
        if (signal.aborted) throw new DbError('CANCELLED', 'the coordinator is gone');
        yield new TextEncoder().encode(JSON.stringify(news));
      }
    } catch (error) {
      throw namingNode(ports.node, error);
    }
  };
}

/** What a disk refused, whichever it is, says what it could not do; another node may. */
export function namingNode(node: NodeId, error: unknown): unknown {
  if (!(error instanceof FatalError)) return error;
  return new DbError('UNAVAILABLE', `node ${node}: ${error.message}`, {node}, error);
}

async function* backUp(
  ports: SetBackupPorts,
  set: ReplicaSetId,
  request: SetBackupRequest,
): AsyncGenerator<SetBackupNews> {
  const {host, clock} = ports;
  const directory = await sharedDirectory(ports, request);
  await host.readIndex(set, {deadlineMs: clock.monotonicMs() + CONFIRM_MS_MAX});
  const machine = host.stateMachine(set);
  const replica = host.status(set)?.replica;
  if (!(machine instanceof ReplicaMachine) || replica === undefined)
    throw new DbError('REPLICA_GONE', `no replica of set ${set} on this node`);
  const snapshot = await machine.snapshot();
  try {
    yield {type: 'pinned', replica, index: snapshot.point.index};
    const ofReplica = request.known.find(([id]) => id === replica)?.[1] ?? [];
    const known = new Map(ofReplica.map((file) => [file.name, file]));
    const terms = {
      incoming: `${incomingPath(request.backup)}/${set}-${replica}`,
      due: dueOf(ports, request.bytesPerSecond),
    };
    for (const source of snapshot.files) {
      const {name, bytes} = source;
      const tail = await tailOf(source);
      const before = known.get(name);
      if (before?.bytes === bytes && before.tail === tail) {
        yield {type: 'stored', file: before};
        continue;
      }
      const {path} = source;
      // Ends with this block, also where nobody listens any more: what it has open is closed before the pins end.
      await using copying =
        path === undefined || bytes < THREAD_BYTES_MIN
          ? directory.copy(source, terms)
          : copyInThread(ports, request, {path, bytes, incoming: terms.incoming});
      for (;;) {
        const {done, value} = await copying.next();
        if (done === true) {
          yield {type: 'stored', file: {name, tail, ...value}};
          break;
        }
        yield {type: 'copied', bytes: value};
      }
    }
  } finally {
    snapshot.release();
  }
}

async function* copyInThread(
  {copies, clock}: SetBackupPorts,
  {directory, bytesPerSecond}: SetBackupRequest,
  file: {readonly path: string; readonly bytes: number; readonly incoming: string},
): AsyncGenerator<number, StoredFile> {
  const run = copies.begin({...file, directory, bytesPerSecond});
  void handledElsewhere(run.stored);
  try {
    while (!(await isStoredWithin(run, clock))) yield run.takeCopiedBytes();
    yield run.takeCopiedBytes();
    return await run.stored;
  } finally {
    // Where it has not ended, nobody waits for it any more: until it has, the file stays pinned.
    run.stop();
    await Promise.allSettled([run.stored]);
  }
}

function isStoredWithin({stored}: CopyRun, clock: Clock): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(LOOK_MS, () => resolve(false));
    void stored.then(() => resolve(true), reject).finally(() => timer.cancel());
  });
}

/** Rejects where this node does not see what the coordinator has written there. */
async function sharedDirectory(
  {openDisk, node}: SetBackupPorts,
  {directory: path, backup}: SetBackupRequest,
): Promise<BackupDirectory> {
  const disk = openDisk(path);
  if (await disk.exists(announcementPath(backup))) {
    await disk.makeDirectory(incomingPath(backup));
    return BackupDirectory.open(disk);
  }
  const message = `node ${node} does not find backup ${backup} in ${path}: it is to be one directory, which all nodes see under that name`;
  throw new DbError('CONFLICT', message, {node});
}

function dueOf(
  {clock, slices}: SetBackupPorts,
  bytesPerSecond: number,
): (bytes: number) => Promise<void> | undefined {
  const rate = new Rate(bytesPerSecond, () => clock.monotonicMs());
  const job = {work: 'compaction'} as const;
  return (bytes) => {
    const waitMs = rate.waitMs(bytes);
    return waitMs > 0 ? pause(clock, waitMs).then(() => slices.due(job)) : slices.due(job);
  };
}

async function tailOf(source: Pick<SnapshotFile, 'bytes' | 'read'>): Promise<number> {
  const length = Math.min(TAIL_BYTES, source.bytes);
  return crc32(await source.read(source.bytes - length, length));
}
