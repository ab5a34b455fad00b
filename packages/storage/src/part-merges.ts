// Who carries out a compaction, and what only the replica knows of it: its series and its deletes, which are
// asked before. The rest is files, so it may be done in the engine thread's turns or in another thread.

import type {Disk, WorkSlices} from '@flotilla/base';
import {MaskedSeries} from './masked-series.ts';
import {type MergedTable, type MergeJob, mergeParts} from './merge-parts.ts';
import type {PartRecord} from './part.ts';
import type {WrittenPart} from './part-writer.ts';
import type {ReplicaState} from './replica-state.ts';
import type {SeriesIndex} from './series-index.ts';
import {Slices} from './slices.ts';
import {masksOfPart} from './tombstone.ts';

export interface MergeRun {
  /**
   * The file is durable, its name is not yet. Undefined: nothing is left, and there is no file. What a failed run
   * leaves of the file is the caller's to remove.
   */
  readonly written: Promise<WrittenPart | undefined>;
  /** It ends with CANCELLED before long, unless it has ended. Until then it reads and writes. */
  stop(): void;
}

/** Whoever carries out compactions. */
export interface PartMerges {
  /** Requires that the files of the parts stay where they are until the run has ended. */
  begin(job: MergeJob): MergeRun;
}

/** In the thread of the call, slice by slice. */
export class MergesInTurns implements PartMerges {
  readonly #disk: Disk;
  readonly #turns: WorkSlices;

  constructor(disk: Disk, turns: WorkSlices) {
    this.#disk = disk;
    this.#turns = turns;
  }

  begin(job: MergeJob): MergeRun {
    const slices = new Slices(this.#turns, {work: 'compaction'});
    return {
      written: mergeParts(job, {disk: this.#disk, slices}),
      stop: () => slices.stop(),
    };
  }
}

interface MergedState {
  readonly state: Pick<ReplicaState, 'purgedTables' | 'tombstones' | 'deadColumns'>;
  readonly index: SeriesIndex;
  readonly slices: Slices;
}

/**
 * Only purges, deletes and dead columns that are durable count: until then the state of a restart still has the rows,
 * and a checksum of an entry before them its values.
 */
export async function mergedTables(
  parts: readonly PartRecord[],
  {state, index, slices}: MergedState,
): Promise<readonly MergedTable[]> {
  const all = parts.flatMap(({tables}) => tables.map(({table}) => table));
  const kept = [...new Set(all)].filter((table) => !state.purgedTables.includes(table));
  const merged: MergedTable[] = [];
  for (const table of kept.sort((a, b) => a - b)) {
    const range = {startOffset: Number.NEGATIVE_INFINITY, endOffset: Number.POSITIVE_INFINITY};
    const partMasks = parts
      .filter((part) => part.tables.some((each) => each.table === table))
      .map((part) => masksOfPart(part, state.tombstones, {table, ...range}));
    const {bits: masked} = await MaskedSeries.of(partMasks.flat(), index, slices);
    // A copy: the index grows meanwhile, and its own array may be much larger than what is in it.
    const series = index.select(table, undefined).slice();
    const deadColumns = state.deadColumns.find((dead) => dead.table === table)?.columns ?? [];
    merged.push({table, series, partMasks, masked, deadColumns});
  }
  return merged;
}
