// A part as it is read: the footer and the index of each table are loaded on first use and kept (some
// 100 bytes per column of a stripe, that is per 32,768 rows) until the replica rests; everything else is
// read when asked for.

import {FatalError, type TableId} from '@flotilla/base';
import type {CountedFile} from './counted-file.ts';
import type {RowRange} from './memtable-view.ts';
import {
  checkPage,
  decodedOf,
  decodeFooter,
  decodeTableIndex,
  decodeTrailer,
  type Page,
  PartDamage,
  type PartVersion,
  type TableEntry,
  type TableIndex,
  TRAILER_BYTES,
} from './part-format.ts';

interface PartTable {
  readonly table: TableId;
  readonly rowCount: number;
  readonly seriesCount: number;
  /** Of the rows; both inclusive. Absent in records of the first version. */
  readonly minOffset?: number | undefined;
  readonly maxOffset?: number | undefined;
}

/** What the manifest says of a part: plain JSON. */
export interface PartRecord {
  readonly file: string;
  readonly bytes: number;
  /** Of its footer, by which it is told from any other part. Absent of one that was written without. */
  readonly checksum?: number | undefined;
  /** It holds the whole effect of the log entries in (lo, hi]. */
  readonly lo: number;
  readonly hi: number;
  /** Of deletes up to this index no row is left in it; absent: of none beyond `hi`. */
  readonly cleanIndex?: number | undefined;
  /** The version as which a merge wrote it. Absent of what a flush wrote, and of merges that did not tell. */
  readonly mergedAs?: PartVersion | undefined;
  readonly tables: readonly PartTable[];
}

/** Whether the part may hold rows of the table in the range. */
export function mayHold({tables}: PartRecord, wanted: TableId, range: RowRange): boolean {
  return tables.some(({table, minOffset, maxOffset}) => {
    if (table !== wanted) return false;
    // Parts of the first version do not say which times they hold.
    if (minOffset === undefined || maxOffset === undefined) return true;
    return minOffset < range.endOffset && maxOffset >= range.startOffset;
  });
}

interface Footer {
  readonly version: PartVersion;
  readonly entries: readonly TableEntry[];
}

export class Part {
  readonly record: PartRecord;
  readonly file: CountedFile;
  #footer: Promise<Footer> | undefined;
  readonly #indexes = new Map<TableId, Promise<TableIndex>>();

  constructor(record: PartRecord, file: CountedFile) {
    this.record = record;
    this.file = file;
  }

  has(table: TableId): boolean {
    return this.record.tables.some((entry) => entry.table === table);
  }

  /** Requires that the part has the table. */
  tableIndex(table: TableId): Promise<TableIndex> {
    let index = this.#indexes.get(table);
    if (index === undefined) {
      // A failed load is not kept: the next reader may find the disk well again.
      index = this.#loadIndex(table).catch((error: unknown) => {
        this.#indexes.delete(table);
        throw error;
      });
      this.#indexes.set(table, index);
    }
    return index;
  }

  /** What was loaded of it; the next reader loads it again. */
  forget(): void {
    this.#footer = undefined;
    this.#indexes.clear();
  }

  async readPage(page: Page): Promise<Uint8Array> {
    this.mustHold(page);
    return checkPage(await this.read(page.offset, page.length), page, this.file.path);
  }

  /** A file that is shorter than what was written is damaged, and nothing is wrong with the disk. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const {file} = this;
    try {
      return await file.read(offset, length);
    } catch (error) {
      if (!(error instanceof FatalError) || !(await file.isCut())) throw error;
      throw new PartDamage(
        `it has lost its end: want ${file.bytes} bytes; file=${file.path}`,
        error,
      );
    }
  }

  /** A length of damaged bytes reads nothing, and takes no memory. */
  mustHold({offset, length}: Page): void {
    const {bytes, path} = this.file;
    if (offset + length > bytes)
      throw new PartDamage(`a page of ${length} bytes at ${offset}; have ${bytes}; file=${path}`);
  }

  async #loadIndex(table: TableId): Promise<TableIndex> {
    this.#footer ??= this.#loadFooter().catch((error: unknown) => {
      this.#footer = undefined;
      throw error;
    });
    const {version, entries} = await this.#footer;
    const entry = entries.find((each) => each.table === table);
    if (entry === undefined)
      throw new PartDamage(`table ${table} is in the manifest only; file=${this.file.path}`);
    const bytes = await this.readPage(entry.index);
    return decodedOf(this.file.path, () => decodeTableIndex(bytes, version));
  }

  async #loadFooter(): Promise<Footer> {
    const {file} = this;
    const trailer = await this.read(file.bytes - TRAILER_BYTES, TRAILER_BYTES);
    const {version, footer} = decodeTrailer(trailer, file.path);
    if (footer.offset + footer.length + TRAILER_BYTES !== file.bytes)
      throw new PartDamage(`footer does not end at the trailer; file=${file.path}`);
    const {checksum = footer.crc} = this.record;
    if (footer.crc !== checksum)
      throw new PartDamage(
        `another part than the manifest names: want checksum ${checksum}; have ${footer.crc}; file=${file.path}`,
      );
    const bytes = await this.readPage(footer);
    return {version, entries: decodedOf(file.path, () => decodeFooter(bytes))};
  }
}
