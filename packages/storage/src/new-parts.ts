// Parts as a replica makes them: a memtable flushed, or neighbouring parts merged, without what is
// deleted. A part of no rows is no part, and its file is not kept.

import type {BlockCut} from './block-cut.ts';
import {mergeParts} from './compaction.ts';
import {writeMemtable} from './flush.ts';
import type {Memtable} from './memtable.ts';
import type {Part, PartRecord} from './part.ts';
import type {PartVersion} from './part-format.ts';
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
  return keep(files, await files.writing(file, write), {file, lo, hi});
}

/** Requires parts that follow each other, from the oldest to the newest, and that are retained. */
export async function writeMerged(
  {files, ...writing}: PartWriting,
  parts: readonly Part[],
): Promise<PartRecord | undefined> {
  const file = await files.nextName('part');
  // Only purges and deletes that are durable: until then the state of a restart still has the rows.
  const {purgedTables, tombstones} = files.state;
  const merge = () =>
    mergeParts({
      disk: files.disk,
      path: files.path(file),
      parts,
      isPurged: (table) => purgedTables.includes(table),
      tombstones,
      ...writing,
    });
  const written = await files.writing(file, merge);
  const {lo} = parts[0]!.record;
  const {hi} = parts.at(-1)!.record;
  return written && keep(files, written, {file, lo, hi, cleanIndex: tombstones.at(-1)?.index});
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

async function keep(
  files: ReplicaFiles,
  {bytes, tables}: WrittenPart,
  {file, ...range}: Pick<PartRecord, 'file' | 'lo' | 'hi' | 'cleanIndex'>,
): Promise<PartRecord | undefined> {
  if (tables.length > 0)
    return {file, bytes, ...range, tables: tables.map(({index: _, ...table}) => table)};
  await files.disk.remove(files.path(file));
  return undefined;
}
