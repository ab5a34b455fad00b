// The key files of a replica: each flush adds one with the series that are new, and when there are many
// they are gathered to one.

import {encodeKeys, type KeyFileRecord, loadKeys} from './key-file.ts';
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

/**
 * Writes the keys of the first `seriesCount` series that are in no file yet; all files there are then.
 * @param work  its index is asked for only if there are such series
 */
export async function writeNewKeys(
  files: ReplicaFiles,
  work: {readonly index: () => SeriesIndex; readonly slices: Slices},
  seriesCount: number,
): Promise<readonly KeyFileRecord[]> {
  const {keyFiles} = files.state;
  const durableCount = seriesInFiles(files.state);
  if (seriesCount === durableCount) return keyFiles;
  const kept = keyFiles.length < KEY_FILES_MAX ? keyFiles : [];
  const firstSeries = kept.length === 0 ? 0 : durableCount;
  const count = seriesCount - firstSeries;
  const bytes = await encodeKeys({index: work.index(), slices: work.slices}, firstSeries, count);
  const file = await files.nextName('keys');
  await files.writeFile(file, bytes);
  return [...kept, {file, bytes: bytes.length, firstSeries, count}];
}

/** The series of all key files. */
export async function loadIndex(files: ReplicaFiles, slices: Slices): Promise<SeriesIndex> {
  const index = new SeriesIndex();
  for (const record of files.state.keyFiles)
    await loadKeys(files.disk, files.path(record.file), record, {index, slices});
  return index;
}
