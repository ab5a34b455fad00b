// The work of a fragment, where its data is: filter, then project or aggregate chunk by chunk, and
// send what comes of it as encoded batches (batch-codec.ts). Between chunks it lets others run. The scan is closed at the end, on an error, and when the reader goes away.

import {assert, DbError} from '@flotilla/base';
import type {BlockChunk, BlockRequest, BlockScan, SeriesChunk, TableScan} from '@flotilla/column';
import type {Fragment, GroupsWork, RowsWork} from '../plan/plan.ts';
import type {Accumulator} from './accumulator.ts';
import {createAccumulator} from './aggregates.ts';
import type {Batch} from './batch-codec.ts';
import {encodePieces, PIECE_TEXT_CHARACTERS_MAX} from './batch-pieces.ts';
import {blockRequest} from './block-request.ts';
import {type BlocksOf, blocksOfArgument, blockTimes} from './block-vectors.ts';
import {ChunkRows, fragmentBase} from './chunk-rows.ts';
import {compileExpression, type Evaluate} from './compile.ts';
import {GroupKeys} from './group-keys.ts';
import {type QueriesMemory, QueryMemory} from './memory.ts';
import {Runs} from './runs.ts';
import {SortedRows} from './sorted-rows.ts';
import {type BooleanVector, consecutive, gather, type TimeBase, type Vector} from './vector.ts';

export interface ExecuteOptions {
  readonly signal?: AbortSignal | undefined;
  /** Asked before each chunk: a promise to wait for where others of the thread are to run first. */
  readonly due?: (() => Promise<void> | undefined) | undefined;
  readonly memoryBytesMax?: number | undefined;
  readonly memory?: QueriesMemory | undefined;
  /** False: all rows are read, also where statistics of blocks would do. For tests. */
  readonly statistics?: boolean | undefined;
}

/** Rows of one batch on the wire: some 300 KiB of ten columns, one fragment of bulk. */
const BATCH_ROWS = 4_096;
/** Rows that wait for a batch to fill take no more; a character counts for two bytes. */
const WAITING_BYTES_MAX = 2 * PIECE_TEXT_CHARACTERS_MAX;

/** The batches of a fragment. `return` releases the scan, also before the first `next`. */
export interface FragmentBatches extends AsyncIterable<Uint8Array> {
  next(): Promise<IteratorResult<Uint8Array, void>>;
  return(): Promise<IteratorResult<Uint8Array, void>>;
}

/**
 * Owns `scan` from the call on: it is closed at the end, after an error and by `return`.
 * Throws QUERY_ERROR (memory, overflow, a cast that fails), CANCELLED, and what the scan throws.
 */
export function executeFragment(
  fragment: Fragment,
  scan: TableScan,
  options: ExecuteOptions = {},
): FragmentBatches {
  const batches = runFragment(fragment, scan, options);
  const opened: FragmentBatches = {
    next: () => batches.next(),
    return: () => {
      // A generator that was never asked for anything skips its `finally`.
      scan.close();
      return batches.return();
    },
    [Symbol.asyncIterator]: () => opened,
  };
  return opened;
}

async function* runFragment(
  fragment: Fragment,
  scan: TableScan,
  options: ExecuteOptions,
): AsyncGenerator<Uint8Array, void> {
  if (fragment.version !== 1) {
    throw new DbError('UNSUPPORTED', `query fragment of version ${fragment.version}`);
  }
  const memory = new QueryMemory(options.memoryBytesMax, options.memory);
  const work =
    fragment.work.kind === 'groups'
      ? new GroupsExecution(fragment, fragment.work, scan, memory)
      : new RowsExecution(fragment, fragment.work, scan, memory);
  try {
    const request = options.statistics === false ? undefined : work.blocks;
    const source: BlockScan = (request && scan.withBlocks?.(request)) ?? scan;
    while (!work.done) {
      refuseCancelled(options.signal);
      const chunks = await source.next();
      if (chunks === undefined) break;
      for (const chunk of chunks) {
        const due = options.due?.();
        if (due !== undefined) {
          await due;
          refuseCancelled(options.signal);
        }
        if ('blockCount' in chunk) work.addBlocks(chunk);
        else work.add(chunk);
        yield* work.ready();
      }
    }
    yield* work.finish();
  } finally {
    scan.close();
    memory.release();
  }
}

function refuseCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new DbError('CANCELLED', 'the query was cancelled');
}

/** What both kinds of work do first. */
class FilteredChunks {
  readonly rows: ChunkRows;
  readonly #filter: Evaluate | undefined;

  constructor(fragment: Fragment, scan: TableScan) {
    this.rows = new ChunkRows(fragment, scan);
    this.#filter = fragment.filter && compileExpression(fragment.filter, fragmentBase(fragment));
  }

  load(chunk: SeriesChunk): ChunkRows {
    this.rows.load(chunk);
    if (this.#filter !== undefined) this.rows.filter(this.#filter(this.rows) as BooleanVector);
    return this.rows;
  }
}

class GroupsExecution {
  readonly done = false;
  readonly #chunks: FilteredChunks;
  readonly #keys: GroupKeys;
  readonly #runs = new Runs();
  readonly #aggregates: readonly {
    readonly accumulator: Accumulator;
    readonly argument: Evaluate | undefined;
    /** Present if `blocks` is. */
    readonly blocksOf: BlocksOf | undefined;
  }[];
  /** Undefined: all rows are needed. */
  readonly blocks: BlockRequest | undefined;
  readonly #base: TimeBase;

  constructor(fragment: Fragment, work: GroupsWork, scan: TableScan, memory: QueryMemory) {
    const base = fragmentBase(fragment);
    this.#base = base;
    this.#chunks = new FilteredChunks(fragment, scan);
    const accumulators = work.aggregates.map((spec) => createAccumulator(spec, base));
    const bytesPerGroup = accumulators.reduce((sum, each) => sum + each.bytesPerGroup, 0);
    this.#keys = new GroupKeys(fragment, work.keys, {base, memory, bytesPerGroup});
    const blocks = blockRequest(fragment, work, this.#keys.isOneGroup);
    this.blocks = blocks;
    this.#aggregates = work.aggregates.map((spec, i) => ({
      accumulator: accumulators[i]!,
      argument: spec.argument && compileExpression(spec.argument, base),
      blocksOf: blocks && blocksOfArgument(fragment, spec),
    }));
  }

  add(chunk: SeriesChunk): void {
    const rows = this.#chunks.load(chunk);
    if (rows.rowCount === 0) return;
    const runs = this.#runs;
    this.#keys.assign(rows, runs);
    for (const {accumulator, argument} of this.#aggregates) {
      accumulator.update(runs, argument?.(rows), rows);
    }
  }

  /** As rows at the times of their first ones: each block lies in one group whole. */
  addBlocks(chunk: BlockChunk): void {
    const {series, blockCount: rowCount, minOffsets: offsets, maxOffsets} = chunk;
    const {rows} = this.#chunks;
    rows.load({series, rowCount, offsets, columns: []});
    const runs = this.#runs;
    this.#keys.assign(rows, runs);
    const last = {rowCount, times: blockTimes(maxOffsets, this.#base), seriesKey: rows.seriesKey};
    for (const {accumulator, blocksOf} of this.#aggregates)
      accumulator.addBlocks(runs, blocksOf!(chunk, rows), {first: rows, last});
  }

  *ready(): Generator<Uint8Array> {}

  *finish(): Generator<Uint8Array> {
    const {count} = this.#keys;
    const columns = [
      ...this.#keys.vectors(),
      ...this.#aggregates.flatMap(({accumulator}) => accumulator.states(count)),
    ];
    for (let start = 0; start < count; start += BATCH_ROWS) {
      const rowCount = Math.min(BATCH_ROWS, count - start);
      const slots = consecutive(start, rowCount);
      const piece = columns.map((column) => gather(column, slots, rowCount));
      yield* encodePieces({rowCount, columns: piece});
    }
  }
}

class RowsExecution {
  readonly blocks = undefined;
  readonly #chunks: FilteredChunks;
  readonly #columns: readonly Evaluate[];
  readonly #newRows: () => SortedRows;
  readonly #sorts: boolean;
  readonly #limit: number;
  #rows: SortedRows;
  #waiting = 0;
  #sent = 0;
  /** To be encoded as they are, because the chunk was large enough. */
  readonly #whole: Batch[] = [];

  constructor(fragment: Fragment, work: RowsWork, scan: TableScan, memory: QueryMemory) {
    const base = fragmentBase(fragment);
    this.#chunks = new FilteredChunks(fragment, scan);
    this.#columns = work.columns.map((column) => compileExpression(column, base));
    const types = work.columns.map((column) => column.type);
    // Without a limit the coordinator sorts: it has to hold all rows anyway.
    this.#sorts = work.order.length > 0 && work.limit !== undefined;
    this.#limit = work.limit ?? Infinity;
    const order = this.#sorts ? work.order : [];
    const limit = this.#sorts ? work.limit : undefined;
    this.#newRows = () => new SortedRows({types, order, limit, memory, base});
    this.#rows = this.#newRows();
  }

  get done(): boolean {
    return !this.#sorts && this.#sent + this.#waiting >= this.#limit;
  }

  add(chunk: SeriesChunk): void {
    if (this.done) return;
    const rows = this.#chunks.load(chunk);
    if (rows.rowCount === 0) return;
    const vectors: Vector[] = this.#columns.map((column) => column(rows));
    if (this.#sorts) {
      this.#rows.add(vectors, rows.rowCount);
      return;
    }
    const rowCount = Math.min(rows.rowCount, this.#limit - this.#sent - this.#waiting);
    // Enough for a batch of its own: columns go out as they are, without a copy row by row.
    if (rowCount >= BATCH_ROWS / 8) {
      this.#whole.push({rowCount, columns: vectors});
      this.#sent += rowCount;
      return;
    }
    this.#rows.add(vectors, rowCount);
    this.#waiting += rowCount;
  }

  addBlocks(): void {
    assert(false, 'rows were asked for');
  }

  *ready(): Generator<Uint8Array> {
    for (const batch of this.#whole.splice(0)) yield* encodePieces(batch);
    const isFull = this.#waiting >= BATCH_ROWS || this.#rows.bytes >= WAITING_BYTES_MAX;
    if (isFull && !this.#sorts) yield* this.#flush();
  }

  *#flush(): Generator<Uint8Array> {
    const rows = this.#rows;
    this.#sent += this.#waiting;
    this.#waiting = 0;
    this.#rows = this.#newRows();
    for (const piece of rows.finish(0, BATCH_ROWS)) yield* encodePieces(piece);
    rows.release();
  }

  *finish(): Generator<Uint8Array> {
    yield* this.ready();
    yield* this.#flush();
  }
}
