// A scan of one table at one applied index: the TableScan contract of @flotilla/column over a
// RowSource. It pins memtable views and parts until it is closed.

import {assert, type ColumnId, type SeriesId} from '@flotilla/base';
import type {BlockChunk, BlockRequest, BlockScan, SeriesChunk, TableScan} from '@flotilla/column';
import type {BlockRun} from './block-run.ts';
import {MaskedSeries} from './masked-series.ts';
import {RowSource, type RowSourceOptions} from './row-source.ts';
import type {SeriesIndex} from './series-index.ts';
import {inPieces} from './series-merge.ts';
import {type SeriesRows, TEXT_BYTES_MAX, textBytes} from './series-rows.ts';
import type {Slices} from './slices.ts';

/** Rows handed out at once: enough to feed kernels, few enough to stay in the second-level cache. */
const ROWS_PER_CALL = 8_192;

/** What a block without its rows counts for among them: 3 us and 50 ns in test/conformance/statistics.bench.ts. */
const ROWS_PER_BLOCK = 64;

export interface ScanOptions extends Omit<RowSourceOptions, 'masked' | 'blocks'> {
  readonly index: SeriesIndex;
  readonly slices: Slices;
  /** Ends the pins. Called once. */
  readonly release: () => void;
}

type Pieces = AsyncGenerator<SeriesRows | BlockRun> | Generator<SeriesRows>;
type Chunk = SeriesChunk | BlockChunk;

export class ReplicaTableScan implements TableScan {
  readonly #options: ScanOptions;
  #source: RowSource | undefined;
  /** Position in `series` of the one to open next. */
  #next = 0;
  #open: {readonly series: SeriesId; readonly pieces: Pieces} | undefined;
  #isClosed = false;
  #isReading = false;
  #blocks: BlockRequest | undefined;

  constructor(options: ScanOptions) {
    this.#options = options;
  }

  withBlocks(request: BlockRequest): BlockScan {
    assert(this.#source === undefined && !this.#isReading, 'the scan has begun');
    this.#blocks = request;
    return {next: () => this.#guarded()};
  }

  next(): Promise<readonly SeriesChunk[] | undefined> {
    assert(this.#blocks === undefined, 'blocks are asked of the scan that has them');
    // Without a request there are rows alone.
    return this.#guarded() as Promise<readonly SeriesChunk[] | undefined>;
  }

  async #guarded(): Promise<readonly Chunk[] | undefined> {
    assert(!this.#isClosed, 'the scan is closed');
    assert(!this.#isReading, 'the call before has not answered yet');
    this.#isReading = true;
    try {
      return await this.#read();
    } finally {
      this.#isReading = false;
      if (this.#isClosed) this.#options.release();
    }
  }

  async #read(): Promise<readonly Chunk[] | undefined> {
    this.#source ??= await this.#begin();
    const chunks: Chunk[] = [];
    let rowCount = 0;
    let bytes = 0;
    while (rowCount < ROWS_PER_CALL && bytes < TEXT_BYTES_MAX && !this.#isClosed) {
      const chunk = await this.#nextChunk(this.#source);
      if (chunk === undefined) break;
      chunks.push(chunk);
      if ('blockCount' in chunk) {
        rowCount += chunk.blockCount * ROWS_PER_BLOCK;
        continue;
      }
      rowCount += chunk.rowCount;
      bytes += textBytes(chunk);
    }
    return chunks.length === 0 ? undefined : chunks;
  }

  tagValue(series: SeriesId, column: ColumnId): string | undefined {
    return this.#options.index.tagValue(series, column);
  }

  seriesKey(series: SeriesId): Uint8Array {
    return this.#options.index.key(series);
  }

  /** A read under way ends first: a file must not be closed beneath it, which would look like damage. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#isReading) this.#options.release();
  }

  async #begin(): Promise<RowSource> {
    const due = this.#options.slices.due();
    if (due !== undefined) await due;
    const {partMasks, memtableMasks, index, slices} = this.#options;
    const masks = [...partMasks.flat(), ...memtableMasks.flat()];
    const masked = await MaskedSeries.of(masks, index, slices);
    return RowSource.open({...this.#options, masked, blocks: this.#blocks});
  }

  async #nextChunk(source: RowSource): Promise<Chunk | undefined> {
    const {series: ids, slices} = this.#options;
    for (;;) {
      // Looking at a series is work as well: any number of them may have no rows in the range.
      const due = slices.due();
      if (due !== undefined) await due;
      if (this.#open !== undefined) {
        const {series, pieces} = this.#open;
        const piece = await pieces.next();
        if (!piece.done) return {series, ...piece.value};
        this.#open = undefined;
      }
      if (this.#next === ids.length) return undefined;
      const chunk = this.#openSeries(source, ids[this.#next++]! as SeriesId);
      if (chunk !== undefined) return chunk;
    }
  }

  /** A few rows in memory are a chunk at once; all else is read piece by piece. */
  #openSeries(source: RowSource, series: SeriesId): SeriesChunk | undefined {
    if (!source.hasNoBlocks(series)) {
      this.#open = {series, pieces: source.rowsOf(series)};
      return undefined;
    }
    const rows = source.memtableRows(series);
    if (rows === undefined || rows.rowCount <= ROWS_PER_CALL) return rows && {series, ...rows};
    this.#open = {series, pieces: inPieces(rows)};
    return undefined;
  }
}
