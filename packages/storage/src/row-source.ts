// One table's rows out of memtables and parts, series by series: what a scan reads and what a
// compaction writes again.

import type {SeriesId, TableId} from '@flotilla/base';
import type {BlockRequest} from '@flotilla/column';
import type {BlockRun} from './block-run.ts';
import type {MaskedSeries} from './masked-series.ts';
import type {Field, MemtableView, RowRange} from './memtable-view.ts';
import type {Part} from './part.ts';
import {type BlockCounts, type BlockReference, PartCursor} from './part-cursor.ts';
import {mergeSeries, mergeWithBlocks} from './series-merge.ts';
import {clipRows, mergeRows, type SeriesRows} from './series-rows.ts';
import type {Mask} from './tombstone.ts';
import {WholeBlocks} from './whole-blocks.ts';

export interface RowSourceOptions {
  readonly table: TableId;
  readonly fields: readonly Field[];
  /** Ids that will be asked for, ascending. */
  readonly series: Int32Array;
  readonly range: RowRange;
  /** From the oldest to the newest, all of the table. */
  readonly parts: readonly Part[];
  /** From the oldest to the newest; each newer than every part. */
  readonly memtables: readonly MemtableView[];
  /** What hides rows of each of `parts` and of each of `memtables`. */
  readonly partMasks: readonly (readonly Mask[])[];
  readonly memtableMasks: readonly (readonly Mask[])[];
  /** Of all of these masks. */
  readonly masked: MaskedSeries;
  /** The rows are written again. */
  readonly isMerged?: boolean | undefined;
  /** Which blocks `rowsOf` may give without their rows. */
  readonly blocks?: BlockRequest | undefined;
  readonly counts?: BlockCounts | undefined;
}

export class RowSource {
  readonly #options: RowSourceOptions;
  readonly #cursors: readonly PartCursor[];
  readonly #blocks: WholeBlocks | undefined;

  private constructor(options: RowSourceOptions, cursors: readonly PartCursor[]) {
    this.#options = options;
    this.#cursors = cursors;
    this.#blocks = options.blocks && new WholeBlocks(options.blocks, options);
  }

  static async open(options: RowSourceOptions): Promise<RowSource> {
    const {parts, table, fields, series, range, partMasks, masked, isMerged, counts} = options;
    const takesBlocks = options.blocks !== undefined;
    const cursors = parts.map(async (part, i) => {
      const request = {
        ...{fields, series, ...range, masks: partMasks[i]!, masked},
        ...{isMerged, takesBlocks, counts},
      };
      return new PartCursor(part, await part.tableIndex(table), request);
    });
    return new RowSource(options, await Promise.all(cursors));
  }

  /** The series' rows in time order, in pieces. Series ascend from call to call. */
  async *rowsOf(series: SeriesId): AsyncGenerator<SeriesRows | BlockRun> {
    const {startOffset, endOffset} = this.#options.range;
    const references = await this.blocksOf(series);
    const newest = this.memtableRows(series);
    const pieces =
      this.#blocks === undefined
        ? mergeSeries(references, newest)
        : mergeWithBlocks(references, newest, this.#blocks);
    for await (const piece of pieces) {
      if ('blockCount' in piece) {
        yield piece;
        continue;
      }
      const rows = clipRows(piece, startOffset, endOffset);
      if (rows.rowCount > 0) yield rows;
    }
  }

  /** What the parts alone have of the series, from the oldest part to the newest; blocks may reach beyond the range. */
  async blocksOf(series: SeriesId): Promise<BlockReference[]> {
    const references: BlockReference[] = [];
    for (const cursor of this.#cursors) {
      if (!cursor.mayHave(series)) continue;
      // One by one: a series has more blocks in a large part than a call may have arguments.
      for (const reference of await cursor.blocksOf(series)) references.push(reference);
    }
    return references;
  }

  /** True: no part has rows of the series, so `memtableRows` has them all. */
  hasNoBlocks(series: SeriesId): boolean {
    return this.#cursors.every((cursor) => !cursor.mayHave(series));
  }

  memtableRows(series: SeriesId): SeriesRows | undefined {
    const {memtables, memtableMasks, masked, fields, range} = this.#options;
    let merged: SeriesRows | undefined;
    memtables.forEach((memtable, i) => {
      const masks = masked.masksOf(series, memtableMasks[i]!);
      const rows = memtable.rowsOf(series, fields, {...range, masks});
      if (rows !== undefined) merged = merged === undefined ? rows : mergeRows(merged, rows);
    });
    return merged;
  }
}
