// A replica's durable state as a set of immutable files: pinned here and streamed by whoever sends a
// snapshot, or staged on this disk by whoever received one and installed in one commit.

import {assert, type Disk, FatalError} from '@flotilla/base';
import {loadKeys} from './key-file.ts';
import type {ReplicaFiles} from './replica-files.ts';
import {
  decodeStateFile,
  encodeStateFile,
  type ReplicaState,
  type StoragePoint,
} from './replica-state.ts';
import {SeriesIndex} from './series-index.ts';
import type {Slices} from './slices.ts';

/** What the parts and keys of a snapshot belong to: point, tables, opaque bytes. */
export const STATE_FILE = 'state';

export interface SnapshotFile {
  readonly name: string;
  readonly bytes: number;
  /** Of the file, under the disk's root: for whoever reads it on his own. Absent: it is in memory alone. */
  readonly path?: string | undefined;
  read(offset: number, length: number): Promise<Uint8Array>;
}

export interface StorageSnapshot {
  readonly point: StoragePoint;
  readonly files: readonly SnapshotFile[];
  /** Ends the pins. Idempotent; not while a read is under way. */
  release(): void;
}

/** A received snapshot: all its files lie complete and synced in `directory` of the same disk. */
export interface StagedFiles {
  readonly directory: string;
  readonly fileNames: readonly string[];
  readonly point: StoragePoint;
}

/** Requires a durable point. */
export function pinSnapshot(files: ReplicaFiles): StorageSnapshot {
  const {state} = files;
  assert(state.point !== undefined, 'a snapshot needs a durable point');
  const pinned = [...files.parts.map((part) => part.file), ...files.keyFiles];
  for (const file of pinned) file.retain();
  const stateBytes = encodeStateFile(state);
  let isReleased = false;
  return {
    point: state.point,
    files: [
      {
        name: STATE_FILE,
        bytes: stateBytes.length,
        read: async (offset, length) => stateBytes.slice(offset, offset + length),
      },
      ...pinned.map((file) => ({
        name: file.name,
        bytes: file.bytes,
        path: file.path,
        read: (offset: number, length: number) => file.read(offset, length),
      })),
    ],
    release: () => {
      if (isReleased) return;
      isReleased = true;
      for (const file of pinned) files.release(file);
    },
  };
}

/**
 * Links the staged files under names of this replica's own, then commits them in place of all else.
 * @param installed  called in the turn of the commit with the series of the snapshot, so that no scan
 *                   sees its parts beside what was in memory before
 */
export async function installFiles(
  files: ReplicaFiles,
  {staged, slices}: {readonly staged: StagedFiles; readonly slices: Slices},
  installed: (state: ReplicaState, index: SeriesIndex) => void,
): Promise<void> {
  const state = await readStaged(files, staged);
  // Before the commit: keys that do not load must not take the place of those that do.
  const index = new SeriesIndex();
  for (const record of state.keyFiles)
    await loadKeys(files.disk, `${staged.directory}/${record.file}`, record, {index, slices});
  const adopt = async <R extends {readonly file: string}>(
    records: readonly R[],
    suffix: 'part' | 'keys',
  ): Promise<R[]> => {
    const adopted: R[] = [];
    for (const record of records) {
      const file = await files.nextName(suffix);
      await files.disk.link(`${staged.directory}/${record.file}`, files.path(file));
      adopted.push({...record, file});
    }
    return adopted;
  };
  const parts = await adopt(state.parts, 'part');
  const keyFiles = await adopt(state.keyFiles, 'keys');
  // Who the members are the log says: what goes on after a lost majority has others than the state it began with.
  const {index: at, term, configuration} = staged.point;
  const point = {index: at, term, configuration};
  await files.commit(
    () => ({...state, point, parts, keyFiles}),
    () => installed(state, index),
  );
}

async function readStaged(files: ReplicaFiles, staged: StagedFiles): Promise<ReplicaState> {
  const path = `${staged.directory}/${STATE_FILE}`;
  const state = decodeStateFile(await readWhole(files.disk, path), path);
  if (state.point?.index !== staged.point.index || state.point.term !== staged.point.term)
    throw new FatalError(
      `snapshot is of ${state.point?.index}, want ${staged.point.index}; ${path}`,
    );
  const names = new Set(staged.fileNames);
  for (const {file: name} of [...state.parts, ...state.keyFiles])
    if (!names.has(name)) throw new FatalError(`snapshot lacks ${name}; in ${staged.directory}`);
  return state;
}

async function readWhole(disk: Disk, path: string): Promise<Uint8Array> {
  const file = await disk.open(path, 'read');
  try {
    return await file.readAt(0, await file.size());
  } finally {
    await file.close();
  }
}
