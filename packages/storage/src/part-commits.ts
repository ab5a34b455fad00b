// What makes a replica's rows durable, each in one commit: a frozen memtable as a part with the keys of its new
// series, and neighbouring parts as one. Who may work beside whom is the work order's to say.

import {isDiskFull, type WorkSlices} from '@flotilla/base';
import type {BlockCut} from './block-cut.ts';
import {writeNewKeys} from './key-files.ts';
import type {FrozenMemtable, Memtables} from './memtables.ts';
import {type PartWriting, withMerged, writeFlushed, writeMerged} from './new-parts.ts';
import type {Part, PartRecord} from './part.ts';
import type {PartVersion} from './part-format.ts';
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
  readonly cut: BlockCut;
  readonly partVersion: () => PartVersion;
  /** Of the thread. */
  readonly turns: WorkSlices;
  readonly compactionSlices: Slices;
  readonly counts: StorageCounts;
}

export class PartCommits {
  readonly #deps: PartCommitsDeps;

  constructor(deps: PartCommitsDeps) {
    this.#deps = deps;
  }

  /** In the order of the log: what a full disk refused before comes first. */
  async flushUpto(frozen: FrozenMemtable, pressure: () => number): Promise<void> {
    const {memtables} = this.#deps;
    // It is there no more where a snapshot took the place of what it was.
    while (memtables.holds(frozen)) await this.#flush(memtables.oldest!, pressure);
  }

  async merge(parts: readonly Part[]): Promise<void> {
    const {files, compactionSlices: slices, counts} = this.#deps;
    for (const {file} of parts) file.retain();
    slices.begin();
    try {
      const merged = await writeMerged(this.#writing(slices), parts);
      await files.commit((state) => withMerged(state, parts, merged));
      counts.compactions += 1;
      counts.compactedBytes += merged?.bytes ?? 0;
    } finally {
      for (const {file} of parts) files.release(file);
    }
  }

  async #flush(frozen: FrozenMemtable, pressure: () => number): Promise<void> {
    const {files, memtables, turns, index} = this.#deps;
    const {memtable, lo} = frozen;
    const urgency = () => Math.max(memtables.flushLag(), pressure());
    const slices = new Slices(turns, {work: 'flush', urgency});
    const flushed = {memtable, lo, hi: frozen.point.index};
    const part = memtable.isEmpty ? undefined : await writeFlushed(this.#writing(slices), flushed);
    try {
      const keyFiles = await writeNewKeys(files, {index, slices}, frozen.seriesCount);
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
    const {files, index, cut, partVersion} = this.#deps;
    return {files, index: index(), cut, slices, version: partVersion()};
  }
}
