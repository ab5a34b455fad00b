// The key files of a replica: each flush adds one with the series that are new, and when there are many
// they are gathered to one.

import {encodeKeys, type KeyFileRecord, loadKeys} from './key-file.ts';
import {type PartVersion, tellsChecksums} from './part-format.ts';
import type {ReplicaFiles} from './replica-files.ts';
import type {ReplicaState} from './replica-state.ts';
import {SeriesIndex} from './series-index.ts';
import type {Slices} from './slices.ts';

/** More key files than these are written again as one: a restart opens few files. */
const KEY_FILES_MAX = 8;

/** How many series a restart finds. */
export function seriesInFiles({keyFiles}: Pick<ReplicaState, 'keyFiles'>): number {
  const last = keyFiles.at(-1);
  return last === undefined ? 0 : last.firstSeries + last.count;
}

export interface KeyWriting {
  /** Asked for only if there are keys to write; so is the version. */
  readonly index: () => SeriesIndex;
  readonly slices: Slices;
  /** Of parts that are written now. */
  readonly version: () => PartVersion;
}

/** Writes the keys of the first `seriesCount` series that are in no file yet; all files there are then. */
export async function writeNewKeys(
  files: ReplicaFiles,
  work: KeyWriting,
  seriesCount: number,
): Promise<readonly KeyFileRecord[]> {
  const {keyFiles} = files.state;
  const durableCount = seriesInFiles(files.state);
  if (seriesCount === durableCount) return keyFiles;
  const kept = keyFiles.length < KEY_FILES_MAX ? keyFiles : [];
  const firstSeries = kept.length === 0 ? 0 : durableCount;
  const count = seriesCount - firstSeries;
  const keyWork = {index: work.index(), slices: work.slices};
  const {bytes, checksum} = await encodeKeys(keyWork, firstSeries, count);
  const file = await files.nextName('keys');
  await files.writeFile(file, bytes);
  const told = tellsChecksums(work.version()) ? {checksum} : {};
  return [...kept, {file, bytes: bytes.length, ...told, firstSeries, count}];
}

/** The series of all key files. */
export async function loadIndex(files: ReplicaFiles, slices: Slices): Promise<SeriesIndex> {
  const index = new SeriesIndex();
  for (const record of files.state.keyFiles)
    await loadKeys(files.disk, files.path(record.file), record, {index, slices});
  return index;
}
