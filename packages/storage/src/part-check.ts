// A look at all of a part: every page against its checksum, every block decoded, and compared with what its
// statistics say of it, every byte accounted for by a page. In memory is one stripe at a time. What is wrong with
// bytes is told and gone around; a disk that cannot be asked throws.

import {crc32} from 'node:zlib';
import type {ColumnId, Disk, DiskFile, FileCheck} from '@flotilla/base';
import {ByteReader, decodeColumn, type FieldType} from '@flotilla/column';
import {checkBlockColumn, readBlockColumn} from './block-column.ts';
import type {PartRecord} from './part.ts';
import {
  type Block,
  decodeDirectory,
  decodeFooter,
  decodeTableIndex,
  decodeTrailer,
  inflatePage,
  MAGIC_BYTES,
  type Page,
  type PartVersion,
  partMagic,
  type Stripe,
  type TableEntry,
  TRAILER_BYTES,
} from './part-format.ts';
import {PageBodies, thinOffsets} from './stripe-reader.ts';
import {StripeLayout} from './thin-blocks.ts';

export interface PartPlace {
  readonly path: string;
  readonly record: PartRecord;
  /** Of the replica's key files: the part names no series beyond them. */
  readonly seriesCount: number;
}

/** Tells what is wrong with the part. Throws FatalError where it cannot be read. */
export async function checkPart(disk: Disk, place: PartPlace, check: FileCheck): Promise<void> {
  const file = await disk.open(place.path, 'read');
  try {
    await new PartCheck(file, place, check).run();
  } finally {
    await file.close();
  }
}

/** A page, and what it is in words. */
interface NamedPage {
  readonly page: Page;
  readonly what: string;
}

interface CheckedTable {
  readonly entry: TableEntry;
  readonly types: ReadonlyMap<ColumnId, FieldType>;
  readonly version: PartVersion;
}

class PartCheck {
  readonly #file: DiskFile;
  readonly #place: PartPlace;
  readonly #check: FileCheck;
  /** Up to here every byte belongs to what was looked at. */
  #end = MAGIC_BYTES;

  constructor(file: DiskFile, place: PartPlace, check: FileCheck) {
    this.#file = file;
    this.#place = place;
    this.#check = check;
  }

  async run(): Promise<void> {
    const {bytes} = this.#place.record;
    const size = await this.#file.size();
    if (size !== bytes) {
      this.#fault(Math.min(size, bytes), `want ${bytes} bytes; have ${size}`);
      return;
    }
    const head = await this.#read(0, MAGIC_BYTES);
    const trailerOffset = bytes - TRAILER_BYTES;
    const trailer = await this.#read(trailerOffset, TRAILER_BYTES);
    const decoded = this.#decoded(trailerOffset, 'trailer', () =>
      decodeTrailer(trailer, this.#file.path),
    );
    if (decoded === undefined) return;
    const {version, footer} = decoded;
    if (Buffer.compare(head, partMagic(version)) !== 0)
      this.#fault(0, 'it does not begin as a part of its version does');
    if (footer.offset + footer.length !== trailerOffset) {
      this.#fault(trailerOffset, 'the footer does not end at the trailer');
      return;
    }
    const {checksum = footer.crc} = this.#place.record;
    if (footer.crc !== checksum)
      this.#fault(
        trailerOffset,
        `another part than the manifest names: want checksum ${checksum}; have ${footer.crc}`,
      );
    const named = {page: footer, what: 'footer'};
    const footerBytes = this.#verified(await this.#read(footer.offset, footer.length), named);
    const entries =
      footerBytes && this.#decoded(footer.offset, 'footer', () => decodeFooter(footerBytes));
    if (entries === undefined) return;
    this.#compareTables(entries, footer.offset);
    for (const entry of entries) await this.#table(entry, version);
    this.#follow(footer.offset, trailerOffset);
  }

  /** What the manifest says of the part, by which queries pass it over. */
  #compareTables(entries: readonly TableEntry[], offset: number): void {
    const told = (tables: readonly Pick<TableEntry, 'table' | 'rowCount' | 'seriesCount'>[]) =>
      tables.map(({table, rowCount, seriesCount}) => [table, rowCount, seriesCount].join('/'));
    const {tables} = this.#place.record;
    if (told(tables).join() === told(entries).join()) return;
    this.#fault(offset, 'its tables are not those that the manifest names');
  }

  async #table(entry: TableEntry, version: PartVersion): Promise<void> {
    const {table, rowCount, index: page} = entry;
    const what = `index of table ${table}`;
    const end = page.offset + page.length;
    if (page.offset < this.#end || end > this.#place.record.bytes) {
      this.#fault(page.offset, `the ${what} cannot stand there`);
      return;
    }
    const bytes = this.#verified(await this.#read(page.offset, page.length), {page, what});
    const index = bytes && this.#decoded(page.offset, what, () => decodeTableIndex(bytes, version));
    if (index === undefined) {
      // Where its stripes lie nothing else tells.
      this.#end = end;
      return;
    }
    const types = new Map(index.fields.map(({column, type}) => [column, type]));
    let rows = 0;
    for (const stripe of index.stripes) {
      await this.#stripe({entry, types, version}, stripe);
      rows += stripe.rowCount;
    }
    if (rows !== rowCount) this.#fault(page.offset, `${what}: want ${rowCount} rows; have ${rows}`);
    this.#compareTimes(entry, index.stripes);
    this.#follow(page.offset, end);
  }

  /** By these a scan of other times passes the part over, and a delete is forgotten. */
  #compareTimes({table, index}: TableEntry, stripes: readonly Stripe[]): void {
    const first = Math.min(...stripes.map(({minOffset}) => minOffset));
    const last = Math.max(...stripes.map(({maxOffset}) => maxOffset));
    const named = this.#place.record.tables.find((each) => each.table === table);
    // Manifests of the first version do not name them.
    const {minOffset = first, maxOffset = last} = named ?? {};
    if (minOffset === first && maxOffset === last) return;
    this.#fault(
      index.offset,
      `the times of table ${table} are not those that the manifest names: want ${minOffset} to ${maxOffset}; have ${first} to ${last}`,
    );
  }

  async #stripe({entry, types, version}: CheckedTable, stripe: Stripe): Promise<void> {
    const {directory, offsets, columns} = stripe;
    const start = directory.offset;
    const last = [...columns.values()].at(-1) ?? offsets;
    const end = last.offset + last.length;
    if (start < this.#end || end > entry.index.offset) {
      this.#fault(entry.index.offset, `a stripe cannot stand at ${start} to ${end}`);
      return;
    }
    this.#follow(start, end);
    const bytes = await this.#read(start, end - start);
    const of = `of ${stripe.rowCount} rows of table ${entry.table}`;
    const pageBytes = (page: Page, what: string) => {
      const from = page.offset - start;
      return this.#verified(bytes.subarray(from, from + page.length), {page, what});
    };
    const listed = pageBytes(directory, `directory ${of}`);
    const blocks =
      listed &&
      this.#decoded(directory.offset, `directory ${of}`, () =>
        mustAgree(decodeDirectory(listed, stripe), stripe, this.#place.seriesCount),
      );
    const times = pageBytes(offsets, `times ${of}`);
    if (times !== undefined && blocks !== undefined)
      this.#decoded(offsets.offset, `times ${of}`, () => readTimes(times, blocks, version));
    for (const [column, page] of columns) {
      const what = `column ${column} ${of}`;
      const values = pageBytes(page, what);
      if (values === undefined || blocks === undefined) continue;
      const kind = {type: types.get(column), version};
      this.#decoded(page.offset, what, () => readValues(values, blocks, kind));
    }
  }

  /** What lies in between belongs to nothing. */
  #follow(start: number, end: number): void {
    if (start !== this.#end)
      this.#fault(this.#end, `${start - this.#end} bytes that no page names`);
    this.#end = end;
  }

  #verified(bytes: Uint8Array, {page, what}: NamedPage): Uint8Array | undefined {
    const have = crc32(bytes);
    if (have === page.crc)
      return this.#decoded(page.offset, what, () => inflatePage(bytes, page, this.#file.path));
    this.#fault(page.offset, `${what}: checksum mismatch: want ${page.crc}; have ${have}`);
    return undefined;
  }

  /** Bytes are in memory by then: whatever is thrown is said of them. */
  #decoded<T>(offset: number, what: string, decode: () => T): T | undefined {
    try {
      return decode();
    } catch (error) {
      this.#fault(offset, `${what}: ${(error as Error).message}`);
      return undefined;
    }
  }

  async #read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = await this.#file.readAt(offset, length);
    this.#check.read(this.#file.path, length);
    return bytes;
  }

  #fault(offset: number, message: string): void {
    this.#check.fault({file: this.#file.path, offset, message});
  }
}

/** Throws where the blocks are not what the stripe says of them. */
function mustAgree(
  blocks: readonly Block[],
  stripe: Stripe,
  seriesCount: number,
): readonly Block[] {
  const last = blocks.at(-1)?.series;
  if (last !== stripe.lastSeries)
    throw new Error(`want series ${stripe.lastSeries} last; have ${last}`);
  if (last >= seriesCount)
    throw new Error(`names series ${last}; the key files have ${seriesCount}`);
  return blocks;
}

function readTimes(bytes: Uint8Array, blocks: readonly Block[], version: PartVersion): void {
  const layout = new StripeLayout(blocks, version);
  const bodies = new PageBodies(bytes, layout.thickCount, version);
  if (layout.thinRows > 0) thinOffsets(bodies, blocks, layout);
  blocks.forEach(({rowCount, minOffset, maxOffset}, i) => {
    if (layout.isThin(i)) return;
    const body = bodies.body(layout.bodyOf(i));
    if (body === undefined) throw new Error(`block ${i} has no times`);
    const {values} = decodeColumn(new ByteReader(body), 'integer', rowCount) as {
      values: Float64Array;
    };
    for (let row = 1; row < rowCount; row++)
      if (values[row]! < values[row - 1]!) throw new Error(`the times of block ${i} do not ascend`);
    if (values[0] !== minOffset || values[rowCount - 1] !== maxOffset)
      throw new Error(`the times of block ${i} are not those of the directory`);
  });
}

function readValues(
  bytes: Uint8Array,
  blocks: readonly Block[],
  {type, version}: {readonly type: FieldType | undefined; readonly version: PartVersion},
): void {
  if (type === undefined) throw new Error('the table has no such column');
  const layout = new StripeLayout(blocks, version);
  const bodies = new PageBodies(bytes, layout.thickCount, version);
  if (bodies.thin !== undefined) readBlockColumn(bodies.thin, type, layout.thinRows);
  blocks.forEach(({rowCount}, i) => {
    const body = layout.isThin(i) ? undefined : bodies.body(layout.bodyOf(i));
    if (body !== undefined) checkBlockColumn(body, type, rowCount);
  });
}
