// Gathers consecutive blocks of a table and lays them out column by column, each column a page under
// its own checksum: a query reads the pages of the columns it asks for, in few and large reads.

import {crc32} from 'node:zlib';
import {assert, type ColumnId, type SeriesId} from '@flotilla/base';
import {ByteWriter, encodeColumn} from '@flotilla/column';
import {writeBlockColumn} from './block-column.ts';
import {BLOCK_ROWS_MIN} from './block-cut.ts';
import {concatColumn} from './column-concat.ts';
import type {Field} from './memtable-view.ts';
import {compressPage} from './page-compression.ts';
import {
  type Block,
  encodeDirectory,
  encodingsOf,
  type Page,
  type PartVersion,
  type Stripe,
  sharesThin,
  THIN_ROWS,
} from './part-format.ts';
import {addPiece, type RowPiece, type SeriesRows, textBytes} from './series-rows.ts';
import type {Slices} from './slices.ts';
import type {EncodedBlock} from './stripe-reader.ts';
import {addSteps} from './thin-blocks.ts';

/** A page of TSBS's integers is then some 15 KB: one read and 10 us of checksum. */
const STRIPE_ROWS_MAX = 32_768;
/** Blocks of one row each must not make a directory larger than its columns. */
const STRIPE_BLOCKS_MAX = 1_024;
/** Who reads one thin block decodes them all. */
const THIN_ROWS_MAX = 8_192;
/** And of each column wanted a value for each row, however few are there: 4 MB of a wide table. */
const THIN_VALUES_MAX = 1 << 19;
/** Long strings fill a stripe before its rows do. */
const STRIPE_BYTES_MAX = 1 << 20;

const NO_BYTES = new Uint8Array(0);

/** Bodies of one column, one a block (of no bytes where the block has no value), and their ends. */
class PageBuilder {
  readonly bodies = new ByteWriter(4096);
  #ends: number[] = [];

  endBlock(): void {
    this.#ends.push(this.bodies.position);
  }

  /**
   * Lengths of all bodies, then the bodies. Undefined if every body is empty.
   * @param thin  the body that thin blocks share, and its length, begin the page; undefined where none do
   */
  take(thin?: Uint8Array | undefined): Uint8Array | undefined {
    const ends = this.#ends;
    this.#ends = [];
    const thinBytes = thin?.length ?? 0;
    if (this.bodies.position + thinBytes === 0) return undefined;
    const page = new ByteWriter(this.bodies.position + thinBytes + ends.length * 2);
    if (thin !== undefined) {
      page.varint(thin.length);
      page.bytes(thin);
    }
    let start = 0;
    for (const end of ends) {
      page.varint(end - start);
      start = end;
    }
    page.bytes(this.bodies.written());
    this.bodies.clear();
    return page.copy();
  }
}

export interface StripeFormat {
  readonly version: PartVersion;
  /**
   * By a compaction: what it writes stays longest and is read most. By a flush pages are not compressed, and up to
   * version 2 thin blocks are in encodings of version 1, which take a quarter to half of the CPU there: each
   * compaction codes such blocks anew, where it copies the others (docs/decisions/0014).
   */
  readonly isMerged: boolean;
}

export class StripeBuilder {
  readonly #fields: readonly Field[];
  readonly #format: StripeFormat;
  readonly #offsets = new PageBuilder();
  readonly #columns: readonly PageBuilder[];
  readonly #scratch = new ByteWriter(4096);
  #blocks: Block[] = [];
  #rowCount = 0;
  /** Of thin blocks, which share their bodies: pieces, of which one may hold many blocks. */
  #thin: RowPiece[] = [];
  #thinRows = 0;
  /** Most tables of a flush may have few rows, or none that are thin. */
  #thinSteps: Float64Array | undefined;
  #thinTextBytes = 0;

  constructor(fields: readonly Field[], format: StripeFormat) {
    this.#fields = fields;
    this.#format = format;
    this.#columns = fields.map(() => new PageBuilder());
  }

  get isEmpty(): boolean {
    return this.#blocks.length === 0;
  }

  get isFull(): boolean {
    if (this.#rowCount >= STRIPE_ROWS_MAX || this.#blocks.length >= STRIPE_BLOCKS_MAX) return true;
    const thinValues = this.#thinRows * (this.#fields.length + 1);
    if (this.#thinRows >= THIN_ROWS_MAX || thinValues >= THIN_VALUES_MAX) return true;
    let bytes = this.#offsets.bodies.position + this.#thinTextBytes;
    for (const column of this.#columns) bytes += column.bodies.position;
    return bytes >= STRIPE_BYTES_MAX;
  }

  /** One block: rows [from, to) of a series. Blocks come by (series, time). */
  addBlock(series: SeriesId, rows: SeriesRows, from: number, to: number): void {
    const rowCount = to - from;
    const [minOffset, maxOffset] = [rows.offsets[from]!, rows.offsets[to - 1]!];
    this.#list({series, rowCount, minOffset, maxOffset});
    if (sharesThin(this.#format.version) && rowCount < THIN_ROWS) {
      this.#thinSteps ??= new Float64Array(THIN_ROWS_MAX + THIN_ROWS);
      addSteps(this.#thinSteps, this.#thinRows, {offsets: rows.offsets, from, to});
      addPiece(this.#thin, rows, from, to);
      this.#thinRows += rowCount;
      this.#thinTextBytes += textBytes(rows, from, to);
      return;
    }
    const values = rows.offsets.subarray(from, to);
    const {version: newest, isMerged} = this.#format;
    const version = isMerged || rowCount >= BLOCK_ROWS_MIN ? newest : 1;
    encodeColumn({type: 'integer', values}, rowCount, this.#offsets.bodies, encodingsOf(version));
    this.#offsets.endBlock();
    for (let i = 0; i < this.#columns.length; i++) {
      const page = this.#columns[i]!;
      const column = rows.columns[i];
      if (column !== undefined)
        writeBlockColumn(page.bodies, this.#scratch, column, {from, to, version});
      page.endBlock();
    }
  }

  /** A block of another part, byte for byte; its columns are those of the fields here. */
  addEncoded(series: SeriesId, block: EncodedBlock): void {
    this.#offsets.bodies.bytes(block.offsets);
    this.#offsets.endBlock();
    for (let i = 0; i < this.#columns.length; i++) {
      const page = this.#columns[i]!;
      const body = block.columns[i];
      if (body !== undefined) page.bodies.bytes(body);
      page.endBlock();
    }
    const {rowCount, minOffset, maxOffset} = block;
    this.#list({series, rowCount, minOffset, maxOffset});
  }

  #list(block: Block): void {
    const last = this.#blocks.at(-1);
    assert(
      last === undefined || block.series > last.series || block.minOffset > last.maxOffset,
      () => `block of series ${block.series} at ${block.minOffset} after ${last!.maxOffset}`,
    );
    this.#rowCount += block.rowCount;
    this.#blocks.push(block);
  }

  /** The stripe's bytes, to be written at `position` of the file, and its index entry. Empties it. */
  async take(
    position: number,
    slices: Slices,
  ): Promise<{readonly stripe: Stripe; readonly chunks: readonly Uint8Array[]}> {
    const blocks = this.#blocks;
    const rowCount = this.#rowCount;
    const thin = this.#thin;
    const thinRows = this.#thinRows;
    this.#blocks = [];
    this.#rowCount = 0;
    this.#thin = [];
    this.#thinRows = 0;
    this.#thinTextBytes = 0;
    const chunks: Uint8Array[] = [];
    const isCompressed = this.#format.isMerged && this.#format.version > 1;
    let next = position;
    const place = async (bytes: Uint8Array): Promise<Page> => {
      const compressed = isCompressed ? compressPage(bytes) : undefined;
      const stored = compressed ?? bytes;
      const inflatedBytes = compressed === undefined ? 0 : bytes.length;
      chunks.push(stored);
      const page = {offset: next, length: stored.length, crc: crc32(stored), inflatedBytes};
      next += stored.length;
      // A page may take a tenth of a millisecond, and a stripe has one for each column.
      const due = slices.due();
      if (due !== undefined) await due;
      return page;
    };
    const {minOffset, maxOffset} = extent(blocks);
    const directory = await place(encodeDirectory(blocks, minOffset));
    const offsets = await place(this.#offsets.take(this.#thinTimes(thinRows))!);
    const columns = new Map<ColumnId, Page>();
    for (let i = 0; i < this.#columns.length; i++) {
      const bytes = this.#columns[i]!.take(this.#thinColumn(i, thin, thinRows));
      if (bytes !== undefined) columns.set(this.#fields[i]!.column, await place(bytes));
    }
    const stripe = {
      firstSeries: blocks[0]!.series,
      lastSeries: blocks.at(-1)!.series,
      rowCount,
      blockCount: blocks.length,
      minOffset,
      maxOffset,
      directory,
      offsets,
      columns,
    };
    return {stripe, chunks};
  }

  /** Empty where there are none; undefined where they share nothing. */
  #thinTimes(thinRows: number): Uint8Array | undefined {
    const {version} = this.#format;
    if (!sharesThin(version)) return undefined;
    if (this.#thinSteps === undefined || thinRows === 0) return NO_BYTES;
    this.#scratch.clear();
    const steps = {type: 'integer', values: this.#thinSteps} as const;
    encodeColumn(steps, thinRows, this.#scratch, encodingsOf(version));
    return this.#scratch.copy();
  }

  #thinColumn(field: number, thin: readonly RowPiece[], thinRows: number): Uint8Array | undefined {
    const {version} = this.#format;
    if (!sharesThin(version)) return undefined;
    const column = concatColumn(thin, field);
    if (column === undefined) return NO_BYTES;
    const body = new ByteWriter(1024);
    const rows = {from: 0, to: thinRows, version, isShared: true};
    writeBlockColumn(body, this.#scratch, column, rows);
    return body.written();
  }
}

function extent(blocks: readonly Block[]): {minOffset: number; maxOffset: number} {
  let minOffset = Number.POSITIVE_INFINITY;
  let maxOffset = Number.NEGATIVE_INFINITY;
  for (const block of blocks) {
    minOffset = Math.min(minOffset, block.minOffset);
    maxOffset = Math.max(maxOffset, block.maxOffset);
  }
  return {minOffset, maxOffset};
}
