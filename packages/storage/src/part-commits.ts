// What makes a replica's rows durable, each in one commit: a frozen memtable as a part with the keys of its new
// series, and neighbouring parts as one. Who may work beside whom is the work order's to say.

import {DbError, isDiskFull, type WorkSlices} from '@flotilla/base';
import {BlockCut, type BucketTime} from './block-cut.ts';
import {writeNewKeys} from './key-files.ts';
import type {FrozenMemtable, Memtables} from './memtables.ts';
import {type PartWriting, recordOf, withMerged, writeFlushed} from './new-parts.ts';
import type {Part, PartRecord} from './part.ts';
import type {PartVersion} from './part-format.ts';
import {type MergeRun, mergedTables, type PartMerges} from './part-merges.ts';
import type {WrittenPart} from './part-writer.ts';
import type {ReplicaFiles} from './replica-files.ts';
import type {ReplicaState} from './replica-state.ts';
import type {SeriesIndex} from './series-index.ts';
import {Slices} from './slices.ts';
import type {StorageCounts} from './storage-counts.ts';
import {liveTombstones} from './tombstone.ts';

export interface PartCommitsDeps {
  readonly files: ReplicaFiles;
  readonly memtables: Memtables;
  /** Another one after an install. Asked for only where there are rows or new series. */
  readonly index: () => SeriesIndex;
  readonly bucket: BucketTime;
  readonly partVersion: () => PartVersion;
  /** Of the thread. */
  readonly turns: WorkSlices;
  readonly merges: PartMerges;
  readonly counts: StorageCounts;
}

export class PartCommits {
  readonly #deps: PartCommitsDeps;
  /** Before a merge begins: what it has to know. */
  readonly #preparing: Slices;
  readonly #cut: BlockCut;
  #run: MergeRun | undefined;
  #isStopped = false;

  constructor(deps: PartCommitsDeps) {
    this.#deps = deps;
    this.#preparing = new Slices(deps.turns, {work: 'compaction'});
    this.#cut = new BlockCut(deps.bucket);
  }

  /** In the order of the log: what a full disk refused before comes first. */
  async flushUpto(frozen: FrozenMemtable, pressure: () => number): Promise<void> {
    const {memtables} = this.#deps;
    // It is there no more where a snapshot took the place of what it was.
    while (memtables.holds(frozen)) await this.#flush(memtables.oldest!, pressure);
  }

  /** Neighbouring parts as one. Requires that the replica is loaded. */
  async merge(parts: readonly Part[]): Promise<void> {
    const {files, counts} = this.#deps;
    for (const {file} of parts) file.retain();
    try {
      const merged = await this.#merged(parts.map(({record}) => record));
      await files.commit((state) => withMerged(state, parts, merged));
      counts.compactions += 1;
      counts.compactedBytes += merged?.bytes ?? 0;
    } finally {
      for (const {file} of parts) files.release(file);
    }
  }

  /** Merges end with CANCELLED, the one under way before long. */
  stopMerges(): void {
    this.#isStopped = true;
    this.#preparing.stop();
    this.#run?.stop();
  }

  /** Undefined: nothing was left of them. */
  async #merged(parts: readonly PartRecord[]): Promise<PartRecord | undefined> {
    const {files, index, bucket, partVersion, merges} = this.#deps;
    const file = await files.nextName('part');
    const {state} = files;
    this.#preparing.begin();
    const tables = await mergedTables(parts, {state, index: index(), slices: this.#preparing});
    if (this.#isStopped) throw new DbError('CANCELLED', 'the replica is closing');
    const {directory} = files;
    const job = {directory, parts, file, bucket, version: partVersion(), tables};
    this.#run = merges.begin(job);
    const {written} = this.#run;
    const part = await files.writing(file, () => this.#orDiscarded(file, written));
    const [{lo}, {hi}] = [parts[0]!, parts.at(-1)!];
    return part && recordOf(part, {file, lo, hi, cleanIndex: state.tombstones.at(-1)?.index});
  }

  /** Who carried it out may be gone while the replica goes on: nobody else would remove the file by then. */
  async #orDiscarded(
    file: string,
    written: Promise<WrittenPart | undefined>,
  ): Promise<WrittenPart | undefined> {
    try {
      return await written;
    } catch (error) {
      if (error instanceof DbError) await this.#deps.files.discard(file);
      throw error;
    } finally {
      this.#run = undefined;
    }
  }

  async #flush(frozen: FrozenMemtable, pressure: () => number): Promise<void> {
    const {files, memtables, turns, index, partVersion} = this.#deps;
    const {memtable, lo} = frozen;
    const urgency = () => Math.max(memtables.flushLag(), pressure());
    const slices = new Slices(turns, {work: 'flush', urgency});
    const flushed = {memtable, lo, hi: frozen.point.index};
    const writing = memtable.isEmpty ? undefined : this.#writing(slices);
    const part = writing && (await writeFlushed(writing, flushed));
    try {
      const version = (): PartVersion => writing?.version ?? partVersion();
      const keyFiles = await writeNewKeys(files, {index, slices, version}, frozen.seriesCount);
      await this.#commitFlushed(frozen, part, keyFiles);
    } catch (error) {
      // Written again with the next flush; until then a full disk has better use for the room.
      if (part !== undefined && isDiskFull(error)) await files.discard(part.file);
      throw error;
    }
  }

  async #commitFlushed(
    frozen: FrozenMemtable,
    part: PartRecord | undefined,
    keyFiles: ReplicaState['keyFiles'],
  ): Promise<void> {
    const {files, memtables, counts} = this.#deps;
    if (part !== undefined) {
      counts.flushes += 1;
      counts.flushedBytes += part.bytes;
    }
    const {index, term, configuration, extra} = frozen.point;
    const change = (state: ReplicaState): ReplicaState => {
      const parts = part === undefined ? state.parts : [...state.parts, part];
      return {
        ...state,
        point: {index, term, configuration},
        extra,
        parts,
        keyFiles,
        droppedTables: frozen.droppedTables,
        purgedTables: frozen.purgedTables,
        deadColumns: frozen.deadColumns,
        tombstones: liveTombstones([...state.tombstones, ...frozen.memtable.tombstones], parts),
      };
    };
    // In the turn of the commit, so that no scan sees the rows twice or not at all.
    await files.commit(change, () => {
      memtables.remove(frozen);
      for (const pin of frozen.pins) pin();
    });
  }

  #writing(slices: Slices): PartWriting {
    const {files, index, partVersion} = this.#deps;
    return {files, index: index(), cut: this.#cut, slices, version: partVersion()};
  }
}
