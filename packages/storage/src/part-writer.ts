// Writes one part: tables ascending, in each the series ascending, in each the rows by time. Memory is
// one stripe and the pending rows of the series at hand.

import {crc32} from 'node:zlib';
import {assert, type Disk, type DiskFile, type SeriesId, type TableId} from '@flotilla/base';
import {BLOCK_ROWS_MIN, type BlockCut} from './block-cut.ts';
import type {Field} from './memtable-view.ts';
import {
  encodeFooter,
  encodeTableIndex,
  encodeTrailer,
  encodingsOf,
  MAGIC_BYTES,
  type Page,
  type PartVersion,
  partMagic,
  type Stripe,
  type TableEntry,
} from './part-format.ts';
import {concatRows, type SeriesRows, sliceRows, TEXT_BYTES_MAX, textBytes} from './series-rows.ts';
import {rowsPerSlice, type Slices} from './slices.ts';
import {StripeBuilder, type StripeFormat} from './stripe-builder.ts';
import type {EncodedBlock} from './stripe-reader.ts';

export interface WrittenTable extends TableEntry {
  /** Of its rows; both inclusive. */
  readonly minOffset: number;
  readonly maxOffset: number;
}

export interface WrittenPart {
  readonly bytes: number;
  readonly version: PartVersion;
  /** Of the footer, which names the checksums of all else. */
  readonly checksum: number;
  /** None: every row was left out. */
  readonly tables: readonly WrittenTable[];
}

export interface PartWriterOptions {
  readonly disk: Disk;
  readonly path: string;
  readonly cut: BlockCut;
  readonly slices: Slices;
  /** What every node knows that the part may be sent to: parts go as they are. */
  readonly version: PartVersion;
}

/** Rows of several series, one behind the other. */
export interface ThinSeries {
  /** Ascending. */
  readonly series: readonly SeriesId[];
  /** Behind the last row of each. */
  readonly ends: readonly number[];
  readonly rows: SeriesRows;
}

interface OpenTable {
  readonly table: TableId;
  readonly fields: readonly Field[];
  readonly builder: StripeBuilder;
  readonly stripes: Stripe[];
  rowCount: number;
  seriesCount: number;
}

export class PartWriter {
  readonly #file: DiskFile;
  readonly #cut: BlockCut;
  readonly #slices: Slices;
  readonly #format: StripeFormat;
  readonly #entries: WrittenTable[] = [];
  #position = MAGIC_BYTES;
  #table: OpenTable | undefined;
  #series: SeriesId | undefined;
  #pending: SeriesRows[] = [];
  #pendingCount = 0;
  #pendingTextBytes = 0;

  private constructor(file: DiskFile, options: PartWriterOptions, format: StripeFormat) {
    this.#file = file;
    this.#cut = options.cut;
    this.#slices = options.slices;
    this.#format = format;
  }

  /** The file's first bytes are written by `write`. @param isMerged  by a compaction, not a flush */
  static async create(options: PartWriterOptions, isMerged: boolean): Promise<PartWriter> {
    const {disk, path, version} = options;
    const format = {version, isMerged};
    return new PartWriter(await disk.open(path, 'create'), options, format);
  }

  beginTable(table: TableId, fields: readonly Field[]): void {
    assert(this.#table === undefined, 'the table before is still open');
    const builder = new StripeBuilder(fields, this.#format);
    this.#table = {table, fields, builder, stripes: [], rowCount: 0, seriesCount: 0};
  }

  /** Rows of a series, later than those given before for it. Columns as the table's fields. */
  async addRows(series: SeriesId, rows: SeriesRows): Promise<void> {
    const table = this.#table!;
    await this.#beginSeries(series);
    table.rowCount += rows.rowCount;
    this.#pending.push(rows);
    this.#pendingCount += rows.rowCount;
    this.#pendingTextBytes += textBytes(rows);
    // Enough to see the series' density, whatever small pieces its rows come in.
    const isSeen = this.#pendingCount >= 2 * rowsPerSlice(table.fields.length);
    const isLarge = this.#pendingTextBytes >= TEXT_BYTES_MAX;
    if (isSeen || (isLarge && this.#pendingCount >= BLOCK_ROWS_MIN)) await this.#cutPending(false);
  }

  /** Series that are whole in these rows. Columns as the table's fields. */
  async addThinSeries({series, ends, rows}: ThinSeries): Promise<void> {
    await this.#endSeries();
    const table = this.#table!;
    table.rowCount += rows.rowCount;
    table.seriesCount += series.length;
    let start = 0;
    for (let i = 0; i < series.length; i++)
      for (const end of this.#cut.ends(rows.offsets, ends[i]!, start)) {
        table.builder.addBlock(series[i]!, rows, start, end);
        start = end;
        if (table.builder.isFull) await this.#writeStripe();
      }
  }

  /**
   * Whether a block of so many rows would do as it is, behind what the series has here: one that is thin, or
   * that would leave a thin one before it, is better given by its rows; one in other encodings has to be, so
   * that a part has no newer ones than it says, and what was written before has the better ones once.
   */
  takesEncoded(series: SeriesId, rowCount: number, version: PartVersion): boolean {
    const areSame = encodingsOf(version) === encodingsOf(this.#format.version);
    if (rowCount < BLOCK_ROWS_MIN || !areSame) return false;
    return (
      series !== this.#series || this.#pendingCount === 0 || this.#pendingCount >= BLOCK_ROWS_MIN
    );
  }

  /** A block of a series as another part has it, later than what was given before for the series. */
  async addEncoded(series: SeriesId, block: EncodedBlock): Promise<void> {
    await this.#beginSeries(series);
    if (this.#pendingCount > 0) await this.#cutPending(true);
    const table = this.#table!;
    table.rowCount += block.rowCount;
    table.builder.addEncoded(series, block);
    if (table.builder.isFull) await this.#writeStripe();
  }

  async endTable(): Promise<void> {
    await this.#endSeries();
    const {table, fields, builder, stripes, rowCount, seriesCount} = this.#table!;
    if (!builder.isEmpty) await this.#writeStripe();
    this.#table = undefined;
    if (rowCount === 0) return;
    const bytes = encodeTableIndex({version: this.#format.version, fields, stripes});
    const index = this.#placed(bytes);
    const minOffset = Math.min(...stripes.map((stripe) => stripe.minOffset));
    const maxOffset = Math.max(...stripes.map((stripe) => stripe.maxOffset));
    this.#entries.push({table, rowCount, seriesCount, index, minOffset, maxOffset});
    await this.#write([bytes]);
  }

  /** Runs `tables`, which writes them, then ends the file and makes its bytes durable. Its name is the caller's to sync. */
  async write(tables: () => Promise<void>): Promise<WrittenPart> {
    try {
      await this.#file.writeAt(0, [partMagic(this.#format.version)]);
      await tables();
      return await this.#finish();
    } finally {
      await this.#file.close();
    }
  }

  async #finish(): Promise<WrittenPart> {
    assert(this.#table === undefined, 'a table is still open');
    const bytes = encodeFooter(this.#entries);
    const footer = this.#placed(bytes);
    const {version} = this.#format;
    await this.#write([bytes, encodeTrailer(footer, version)]);
    await this.#file.sync();
    return {bytes: this.#position, version, checksum: footer.crc, tables: this.#entries};
  }

  async #beginSeries(series: SeriesId): Promise<void> {
    if (series === this.#series) return;
    await this.#endSeries();
    this.#series = series;
    this.#table!.seriesCount += 1;
  }

  async #endSeries(): Promise<void> {
    if (this.#pendingCount > 0) await this.#cutPending(true);
    this.#series = undefined;
  }

  /** Cuts the pending rows into blocks; the last block waits for more rows unless the series ends. */
  async #cutPending(isEnd: boolean): Promise<void> {
    const rows = concatRows(this.#pending);
    const ends = this.#cut.ends(rows.offsets, rows.rowCount);
    const kept = isEnd || ends.length === 1 ? rows.rowCount : ends[ends.length - 2]!;
    let start = 0;
    for (const end of ends) {
      if (end > kept) break;
      this.#table!.builder.addBlock(this.#series!, rows, start, end);
      const due = this.#slices.due();
      if (due !== undefined) await due;
      start = end;
      if (this.#table!.builder.isFull) await this.#writeStripe();
    }
    this.#pending = start < rows.rowCount ? [sliceRows(rows, start, rows.rowCount)] : [];
    this.#pendingCount = rows.rowCount - start;
    this.#pendingTextBytes = this.#pending.reduce((sum, left) => sum + textBytes(left), 0);
  }

  async #writeStripe(): Promise<void> {
    const {builder, stripes} = this.#table!;
    const {stripe, chunks} = await builder.take(this.#position, this.#slices);
    stripes.push(stripe);
    await this.#write(chunks);
  }

  /** Bytes that are written next, as they are. */
  #placed(bytes: Uint8Array): Page {
    return {offset: this.#position, length: bytes.length, crc: crc32(bytes), inflatedBytes: 0};
  }

  async #write(chunks: readonly Uint8Array[]): Promise<void> {
    const offset = this.#position;
    for (const chunk of chunks) this.#position += chunk.length;
    await this.#file.writeAt(offset, chunks);
  }
}
