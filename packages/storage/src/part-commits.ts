// What makes a replica's rows durable, each in one commit: a frozen memtable as a part with the keys of its new
// series, and neighbouring parts as one. Who may work beside whom is the work order's to say.

import {DbError, FatalError, isPassing, type WorkSlices} from '@flotilla/base';
import {BlockCut, type BucketTime} from './block-cut.ts';
import {
  type CompactionPlan,
  failuresAfterAlone,
  isCompact,
  leftOutParts,
  type MergeFailures,
  nextCompaction,
} from './compaction.ts';
import {holdDeadColumns} from './dead-columns.ts';
import {writeNewKeys} from './key-files.ts';
import type {FrozenMemtable, Memtables} from './memtables.ts';
import {type PartWriting, recordOf, withMerged, writeFlushed} from './new-parts.ts';
import type {Part, PartRecord} from './part.ts';
import type {PartVersion} from './part-format.ts';
import {type MergeRun, mergedTables, type PartMerges} from './part-merges.ts';
import type {WrittenPart} from './part-writer.ts';
import type {ReadProgress} from './read-progress.ts';
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

interface Merging {
  readonly version: PartVersion;
  readonly progress?: ReadProgress | undefined;
}

/** Nothing is wrong with the parts, and nobody needs them merged any more. */
class GivenUp extends Error {}

export class PartCommits {
  readonly #deps: PartCommitsDeps;
  /** Before a merge begins: what it has to know. */
  readonly #preparing: Slices;
  readonly #cut: BlockCut;
  /** By file of a part, whose name no other ever has. */
  readonly #failures = new Map<string, number>();
  #run: MergeRun | undefined;
  #isStopped = false;
  /** Installs that wait for merges to end. */
  #installs = 0;

  constructor(deps: PartCommitsDeps) {
    this.#deps = deps;
    this.#preparing = new Slices(deps.turns, {work: 'compaction'});
    this.#cut = new BlockCut(deps.bucket);
  }

  /** In the order of the log: what was refused before, as by a full disk, comes first. */
  async flushUpto(frozen: FrozenMemtable, pressure: () => number): Promise<void> {
    const {memtables} = this.#deps;
    // It is there no more where a snapshot took the place of what it was.
    while (memtables.holds(frozen)) await this.#flush(memtables.oldest!, pressure);
  }

  get failures(): MergeFailures {
    return this.#failures;
  }

  /** How many parts no compaction takes any more. */
  get leftOut(): number {
    return this.#failures.size === 0
      ? 0
      : leftOutParts(this.#deps.files.state, this.#failures).length;
  }

  nextMerge(): CompactionPlan | undefined {
    return nextCompaction(this.#deps.files.state, this.#failures);
  }

  /** False if there was nothing to do; else requires that the replica is loaded, as `mergeAll` does. */
  async mergeNext(): Promise<boolean> {
    const plan = this.nextMerge();
    if (plan === undefined) return false;
    const parts = this.#deps.files.parts.slice(plan.start, plan.end);
    await this.#merge(parts, {version: this.#deps.partVersion()});
    return true;
  }

  /** Those that are left out, too. False if there was nothing to do; undefined if it was given up. */
  async mergeAll(progress?: ReadProgress): Promise<boolean | undefined> {
    const {parts, state} = this.#deps.files;
    const version = this.#deps.partVersion();
    const isDue = !isCompact(state, version) || (await holdDeadColumns(parts, state));
    return isDue ? this.#merge(parts, {version, progress}) : false;
  }

  /** Neighbouring parts as one. Undefined: it was given up. */
  async #merge(parts: readonly Part[], how: Merging): Promise<true | undefined> {
    const {files, counts} = this.#deps;
    for (const {file} of parts) file.retain();
    try {
      const records = parts.map(({record}) => record);
      const merged = await this.#merged(records, how);
      await files.commit((state) => withMerged(state, parts, merged));
      this.#succeeded(records, merged);
      counts.compactions += 1;
      counts.compactedBytes += merged?.bytes ?? 0;
      return true;
    } catch (error) {
      if (!(error instanceof GivenUp)) throw error;
      return undefined;
    } finally {
      for (const {file} of parts) files.release(file);
    }
  }

  #succeeded(parts: readonly PartRecord[], merged: PartRecord | undefined): void {
    const [first] = parts;
    const failures = this.#failures.get(first!.file);
    for (const {file} of parts) this.#failures.delete(file);
    if (parts.length === 1 && merged !== undefined && failures !== undefined)
      this.#failures.set(merged.file, failuresAfterAlone(failures));
  }

  /** Merges end with CANCELLED, the one under way before long. */
  stopMerges(): void {
    this.#isStopped = true;
    this.#preparing.stop();
    this.#run?.stop();
  }

  /**
   * Until what it returns is called, once: the merge under way is given up, and so are those that wait, since a
   * snapshot takes the place of what they make.
   */
  giveUpMerges(): () => void {
    this.#installs += 1;
    this.#run?.stop();
    return () => {
      this.#installs -= 1;
    };
  }

  #mustGoOn(): void {
    if (this.#isStopped) throw new DbError('CANCELLED', 'the replica is closing');
    if (this.#installs > 0) throw new GivenUp();
  }

  /** Undefined: nothing was left of them. */
  async #merged(
    parts: readonly PartRecord[],
    {version, progress}: Merging,
  ): Promise<PartRecord | undefined> {
    const {files, index, bucket, merges} = this.#deps;
    this.#mustGoOn();
    const file = await files.nextName('part');
    const {state} = files;
    this.#preparing.begin();
    const tables = await mergedTables(parts, {state, index: index(), slices: this.#preparing});
    this.#mustGoOn();
    const {directory} = files;
    const share = progress?.begin(parts);
    const job = {directory, parts, file, bucket, version, tables, share};
    this.#run = merges.begin(job);
    const {written} = this.#run;
    const write = () => this.#orDiscarded(file, {parts, written});
    const part = await files.writing(file, write);
    const [{lo}, {hi}] = [parts[0]!, parts.at(-1)!];
    const cleanIndex = state.tombstones.at(-1)?.index;
    return part && recordOf(part, {file, lo, hi, cleanIndex, isMerged: true});
  }

  /** Who carried it out may be gone while the replica goes on: nobody else would remove the file by then. */
  async #orDiscarded(
    file: string,
    {parts, written}: {parts: readonly PartRecord[]; written: MergeRun['written']},
  ): Promise<WrittenPart | undefined> {
    try {
      return await written;
    } catch (error) {
      if (error instanceof FatalError) throw error;
      await this.#deps.files.discard(file);
      this.#mustGoOn();
      throw this.#failed(parts, error);
    } finally {
      this.#run = undefined;
    }
  }

  /**
   * Whoever carried it out is gone, or met a mistake of ours: it worked on files alone, so that says nothing of
   * the replica, which goes on without it. A process that ended for it would meet it again at each start.
   */
  #failed(parts: readonly PartRecord[], error: unknown): unknown {
    const code = error instanceof DbError ? error.code : undefined;
    if (code !== undefined && code !== 'UNAVAILABLE') return error;
    for (const {file} of parts) this.#failures.set(file, (this.#failures.get(file) ?? 0) + 1);
    const message = `${parts.length} parts cannot be merged: ${String(error)}`;
    return code === undefined ? new DbError('UNAVAILABLE', message, {}, error) : error;
  }

  async #flush(frozen: FrozenMemtable, pressure: () => number): Promise<void> {
    const {files, memtables, turns, index, partVersion} = this.#deps;
    const {memtable, lo} = frozen;
    const urgency = () => Math.max(memtables.flushLag(), pressure());
    const slices = new Slices(turns, {work: 'flush', urgency});
    const flushed = {memtable, lo, hi: frozen.point.index};
    const writing = memtable.isEmpty ? undefined : this.#writing(slices);
    const part = writing && (await writeFlushed(writing, flushed));
    const version = (): PartVersion => writing?.version ?? partVersion();
    let keyFiles: ReplicaState['keyFiles'];
    try {
      keyFiles = await writeNewKeys(files, {index, slices, version}, frozen.seriesCount);
    } catch (error) {
      // Written again with the next flush; until then a full disk has better use for the room.
      if (part !== undefined && isPassing(error)) await files.discard(part.file);
      throw error;
    }
    await this.#commitFlushed(frozen, part, keyFiles);
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
