// A scan of one table at one applied index: the TableScan contract of @flotilla/column over a
// RowSource. It pins memtable views and parts until it is closed.

import {assert, type ColumnId, type SeriesId} from '@flotilla/base';
import type {SeriesChunk, TableScan} from '@flotilla/column';
import {RowSource, type RowSourceOptions} from './row-source.ts';
import type {SeriesIndex} from './series-index.ts';
import type {SeriesRows} from './series-rows.ts';

/** Rows handed out at once: enough to feed kernels, few enough to stay in the second-level cache. */
const ROWS_PER_CALL = 8_192;

export interface ScanOptions extends RowSourceOptions {
  readonly index: SeriesIndex;
  /** Ids to look at, ascending. */
  readonly series: Int32Array;
  /** Ends the pins. Called once. */
  readonly release: () => void;
}

export class ReplicaTableScan implements TableScan {
  readonly #options: ScanOptions;
  #source: RowSource | undefined;
  /** Position in `series` of the one to open next. */
  #next = 0;
  #open: {readonly series: SeriesId; readonly pieces: AsyncGenerator<SeriesRows>} | undefined;
  #isClosed = false;

  constructor(options: ScanOptions) {
    this.#options = options;
  }

  async next(): Promise<readonly SeriesChunk[] | undefined> {
    assert(!this.#isClosed, 'the scan is closed');
    this.#source ??= await RowSource.open(this.#options);
    const chunks: SeriesChunk[] = [];
    let rowCount = 0;
    while (rowCount < ROWS_PER_CALL) {
      const chunk = await this.#nextChunk(this.#source);
      if (chunk === undefined) break;
      chunks.push(chunk);
      rowCount += chunk.rowCount;
    }
    return chunks.length === 0 ? undefined : chunks;
  }

  tagValue(series: SeriesId, column: ColumnId): string | undefined {
    return this.#options.index.tagValue(series, column);
  }

  seriesKey(series: SeriesId): Uint8Array {
    return this.#options.index.key(series);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.release();
  }

  async #nextChunk(source: RowSource): Promise<SeriesChunk | undefined> {
    for (;;) {
      if (this.#open !== undefined) {
        const {series, pieces} = this.#open;
        const piece = await pieces.next();
        if (!piece.done) return {series, ...piece.value};
        this.#open = undefined;
      }
      const chunk = this.#openNext(source);
      if (chunk !== undefined) return chunk;
      if (this.#open === undefined) return undefined;
    }
  }

  /** Goes on to the next series that has rows; the small ones in memory are chunks at once. */
  #openNext(source: RowSource): SeriesChunk | undefined {
    const {series: ids} = this.#options;
    while (this.#next < ids.length) {
      const series = ids[this.#next++]! as SeriesId;
      if (!source.hasNoBlocks(series)) {
        this.#open = {series, pieces: source.rowsOf(series)};
        return undefined;
      }
      const rows = source.memtableRows(series);
      if (rows === undefined) continue;
      if (rows.rowCount <= ROWS_PER_CALL) return {series, ...rows};
      this.#open = {series, pieces: source.rowsOf(series)};
      return undefined;
    }
    return undefined;
  }
}
