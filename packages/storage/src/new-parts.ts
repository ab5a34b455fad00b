// Parts as a replica has them: a memtable flushed, and what a merge made of neighbours. A part of no rows is
// no part, and its file is not kept.

import type {BlockCut} from './block-cut.ts';
import {writeMemtable} from './flush.ts';
import type {Memtable} from './memtable.ts';
import type {Part, PartRecord} from './part.ts';
import {type PartVersion, tellsChecksums} from './part-format.ts';
import type {WrittenPart} from './part-writer.ts';
import type {ReplicaFiles} from './replica-files.ts';
import type {ReplicaState} from './replica-state.ts';
import type {SeriesIndex} from './series-index.ts';
import type {Slices} from './slices.ts';
import {liveTombstones} from './tombstone.ts';

export interface PartWriting {
  readonly files: ReplicaFiles;
  readonly index: SeriesIndex;
  readonly cut: BlockCut;
  readonly slices: Slices;
  readonly version: PartVersion;
}

interface Flushed {
  readonly memtable: Memtable;
  /** The log range (lo, hi] whose effect the memtable holds. */
  readonly lo: number;
  readonly hi: number;
}

/** Requires a memtable with rows. */
export async function writeFlushed(
  {files, ...writing}: PartWriting,
  {memtable, lo, hi}: Flushed,
): Promise<PartRecord | undefined> {
  const file = await files.nextName('part');
  const path = files.path(file);
  const write = () => writeMemtable({disk: files.disk, path, memtable, ...writing});
  const written = await files.writing(file, write);
  if (written.tables.length > 0) return recordOf(written, {file, lo, hi, isMerged: false});
  await files.discard(file);
  return undefined;
}

/** The state once `merged` stands where `parts` stood; undefined: nothing was left of them. */
export function withMerged(
  state: ReplicaState,
  parts: readonly Part[],
  merged: PartRecord | undefined,
): ReplicaState {
  const replaced = new Set(parts.map(({record}) => record.file));
  const at = state.parts.findIndex((record) => replaced.has(record.file));
  const kept = state.parts.filter((record) => !replaced.has(record.file));
  const after = kept.toSpliced(at, 0, ...(merged ? [merged] : []));
  return {...state, parts: after, tombstones: liveTombstones(state.tombstones, after)};
}

interface PartPlace extends Pick<PartRecord, 'file' | 'lo' | 'hi' | 'cleanIndex'> {
  readonly isMerged: boolean;
}

export function recordOf(
  {bytes, version, checksum, tables}: WrittenPart,
  {file, isMerged, ...range}: PartPlace,
): PartRecord {
  const told = tellsChecksums(version) ? {checksum, ...(isMerged && {mergedAs: version})} : {};
  return {file, bytes, ...told, ...range, tables: tables.map(({index: _, ...table}) => table)};
}
