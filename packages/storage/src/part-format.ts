// The fixed bytes of a part and the coding of its table indexes and footer. Drawn in FORMAT.md.

import {crc32} from 'node:zlib';
import {type ColumnId, FatalError, type SeriesId, type TableId} from '@flotilla/base';
import {ByteReader, ByteWriter, type EncodingVersion, type FieldType} from '@flotilla/column';
import type {Field} from './memtable-view.ts';
import {decompressPage} from './page-compression.ts';

/**
 * In version 2 presence may be a list, short columns have no statistics, and pages may be compressed. Since version
 * 4 the thin blocks of a stripe share one body a column. Each has two bits of each other.
 */
export type PartVersion = 1 | 2 | 4;

const VERSIONS: readonly PartVersion[] = [1, 2, 4];

/** Those that columns are in. */
export function encodingsOf(version: PartVersion): EncodingVersion {
  return version === 1 ? 1 : 2;
}

/**
 * Blocks of fewer rows are thin. Of the format: what a body holds follows from it. Of 40 rows of integers a shared
 * body takes an eighth less, of 80 a fourteenth more (docs/decisions/0021).
 */
export const THIN_ROWS = 64;

export function sharesThin(version: PartVersion): boolean {
  return version > 2;
}

/**
 * The manifest tells them of files that are written where every node knows that version of parts, and no others;
 * so it does which parts a merge wrote.
 */
export function tellsChecksums(version: PartVersion): boolean {
  return version > 1;
}

/** Of the build to come: two bits from each of ours, as these are, so that no single flipped one makes it. */
const NEXT_VERSION = 7;

/** Bytes of a part's beginning, which are its end as well. */
export const MAGIC_BYTES = 8;

/** Footer offset (f64), footer length (u32), footer checksum (u32), magic. */
export const TRAILER_BYTES = 24;

/** A stripe is full at half of them. More is damage, which would take memory by the row. */
const STRIPE_ROWS_MAX = 2 ** 16;

/** A column of a block of 1,000 of the longest strings, in a stripe that was nearly full. */
const PAGE_BYTES_MAX = 2 ** 27;

/** In the order of their codes on disk. */
const FIELD_TYPES: readonly FieldType[] = ['float', 'integer', 'unsigned', 'boolean', 'string'];

/** A run of bytes of the file under one checksum. */
export interface Page {
  readonly offset: number;
  readonly length: number;
  readonly crc: number;
  /** 0: the bytes are as they are. Else they are compressed, and so many without. */
  readonly inflatedBytes: number;
}

/** Consecutive blocks of a table, stored column by column: what is read at once. */
export interface Stripe {
  readonly firstSeries: SeriesId;
  readonly lastSeries: SeriesId;
  readonly rowCount: number;
  readonly blockCount: number;
  /** Both inclusive. */
  readonly minOffset: number;
  readonly maxOffset: number;
  readonly directory: Page;
  readonly offsets: Page;
  /** By field column; absent where no row of the stripe has a value. */
  readonly columns: ReadonlyMap<ColumnId, Page>;
}

export interface TableIndex {
  readonly version: PartVersion;
  readonly fields: readonly Field[];
  /** By (series, time). */
  readonly stripes: readonly Stripe[];
}

export interface TableEntry {
  readonly table: TableId;
  readonly rowCount: number;
  readonly seriesCount: number;
  readonly index: Page;
}

/** The disk works, and gave back other bytes than the part's: its replica alone is of no use any more. */
export class PartDamage extends FatalError {}

/**
 * What `decode` makes of bytes of the part at `path` that are in memory. What it says against them is the part's
 * damage, whichever layer says it: the checksum was right, so a build wrote them that should not have.
 */
export function decodedOf<T>(path: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof PartDamage || !(error instanceof FatalError)) throw error;
    throw new PartDamage(`${error.message}; file=${path}`, error);
  }
}

/** One block of a stripe. Offsets inclusive. */
export interface Block {
  readonly series: SeriesId;
  readonly rowCount: number;
  readonly minOffset: number;
  readonly maxOffset: number;
}

/** The page's content, decompressed if it has to be. */
export function checkPage(bytes: Uint8Array, page: Page, path: string): Uint8Array {
  const have = crc32(bytes);
  if (have !== page.crc)
    throw new PartDamage(
      `checksum mismatch: want ${page.crc}; have ${have}; file=${path} offset=${page.offset} length=${page.length}`,
    );
  return inflatePage(bytes, page, path);
}

/** Requires bytes whose checksum was verified. */
export function inflatePage(
  bytes: Uint8Array,
  {offset, inflatedBytes}: Page,
  path: string,
): Uint8Array {
  if (inflatedBytes === 0) return bytes;
  try {
    const content = decompressPage(bytes, inflatedBytes);
    if (content.length === inflatedBytes) return content;
  } catch (cause) {
    throw new PartDamage(`cannot decompress page; file=${path} offset=${offset}`, cause);
  }
  throw new PartDamage(`page is not of ${inflatedBytes} bytes; file=${path} offset=${offset}`);
}

export function encodeTableIndex({version, fields, stripes}: TableIndex): Uint8Array {
  const writer = new ByteWriter(256 + stripes.length * 64);
  writer.varint(fields.length);
  for (const {column, type} of fields) {
    writer.varint(column);
    writer.u8(FIELD_TYPES.indexOf(type));
  }
  writer.varint(stripes.length);
  for (const stripe of stripes) encodeStripe(writer, stripe, version);
  return writer.copy();
}

function encodeStripe(writer: ByteWriter, stripe: Stripe, version: PartVersion): void {
  writer.varint(stripe.firstSeries);
  writer.varint(stripe.lastSeries - stripe.firstSeries);
  writer.varint(stripe.rowCount);
  writer.varint(stripe.blockCount);
  writer.signedVarint(stripe.minOffset);
  writer.varint(stripe.maxOffset - stripe.minOffset);
  writer.varint(stripe.directory.offset);
  encodePage(writer, stripe.directory, version);
  encodePage(writer, stripe.offsets, version);
  writer.varint(stripe.columns.size);
  for (const [column, page] of stripe.columns) {
    writer.varint(column);
    encodePage(writer, page, version);
  }
}

function encodePage(writer: ByteWriter, page: Page, version: PartVersion): void {
  writer.varint(page.length);
  writer.u32(page.crc);
  if (version > 1) writer.varint(page.inflatedBytes);
}

export function decodeTableIndex(bytes: Uint8Array, version: PartVersion): TableIndex {
  const reader = new ByteReader(bytes);
  const fields: Field[] = [];
  for (let i = reader.count(bytes.length); i > 0; i--) {
    const column = reader.varint() as ColumnId;
    fields.push({column, type: FIELD_TYPES[reader.count(FIELD_TYPES.length - 1)]!});
  }
  const stripes: Stripe[] = [];
  for (let i = reader.count(bytes.length); i > 0; i--) stripes.push(decodeStripe(reader, version));
  return {version, fields, stripes};
}

function decodeStripe(reader: ByteReader, version: PartVersion): Stripe {
  const firstSeries = reader.varint() as SeriesId;
  const lastSeries = (firstSeries + reader.varint()) as SeriesId;
  const rowCount = reader.count(STRIPE_ROWS_MAX);
  const blockCount = reader.count(rowCount);
  const minOffset = reader.signedVarint();
  const maxOffset = minOffset + reader.varint();
  const directory = decodePage(reader, reader.varint(), version);
  const offsets = decodePage(reader, directory.offset + directory.length, version);
  let position = offsets.offset + offsets.length;
  const columns = new Map<ColumnId, Page>();
  for (let i = reader.count(reader.remaining); i > 0; i--) {
    const column = reader.varint() as ColumnId;
    const page = decodePage(reader, position, version);
    columns.set(column, page);
    position += page.length;
  }
  return {
    firstSeries,
    lastSeries,
    rowCount,
    blockCount,
    minOffset,
    maxOffset,
    directory,
    offsets,
    columns,
  };
}

function decodePage(reader: ByteReader, offset: number, version: PartVersion): Page {
  const [length, crc] = [reader.varint(), reader.u32()];
  return {offset, length, crc, inflatedBytes: version > 1 ? reader.count(PAGE_BYTES_MAX) : 0};
}

export function encodeFooter(entries: readonly TableEntry[]): Uint8Array {
  const writer = new ByteWriter();
  writer.varint(entries.length);
  for (const {table, rowCount, seriesCount, index} of entries) {
    writer.varint(table);
    writer.varint(rowCount);
    writer.varint(seriesCount);
    writer.varint(index.offset);
    encodePage(writer, index, 1);
  }
  return writer.copy();
}

export function decodeFooter(bytes: Uint8Array): TableEntry[] {
  const reader = new ByteReader(bytes);
  const entries: TableEntry[] = [];
  for (let i = reader.count(bytes.length); i > 0; i--) {
    const table = reader.varint() as TableId;
    const rowCount = reader.varint();
    const seriesCount = reader.varint();
    entries.push({table, rowCount, seriesCount, index: decodePage(reader, reader.varint(), 1)});
  }
  return entries;
}

/** "FLOTPRT" and the version. */
export function partMagic(version: number): Uint8Array {
  return Uint8Array.of(0x46, 0x4c, 0x4f, 0x54, 0x50, 0x52, 0x54, version);
}

export function encodeTrailer(footer: Page, version: PartVersion): Uint8Array {
  const writer = new ByteWriter(TRAILER_BYTES);
  writer.f64(footer.offset);
  writer.u32(footer.length);
  writer.u32(footer.crc);
  writer.bytes(partMagic(version));
  return writer.copy();
}

export function decodeTrailer(
  bytes: Uint8Array,
  path: string,
): {readonly version: PartVersion; readonly footer: Page} {
  const reader = new ByteReader(bytes);
  const footer = {
    offset: reader.f64(),
    length: reader.u32(),
    crc: reader.u32(),
    inflatedBytes: 0,
  };
  const magic = reader.view(MAGIC_BYTES);
  const version = VERSIONS.find((each) => Buffer.compare(magic, partMagic(each)) === 0);
  if (version !== undefined) return {version, footer};
  // Not damage, for which the replica would be made anew: it waits for the build that wrote it.
  if (Buffer.compare(magic, partMagic(NEXT_VERSION)) === 0)
    throw new FatalError(`a part of a newer version than this build knows; file=${path}`);
  throw new PartDamage(`not a part of a known version; file=${path}`);
}

export function encodeDirectory(blocks: readonly Block[], stripeMinOffset: number): Uint8Array {
  const writer = new ByteWriter(blocks.length * 8);
  let series = blocks[0]!.series as number;
  for (const block of blocks) {
    writer.varint(block.series - series);
    writer.varint(block.rowCount);
    writer.varint(block.minOffset - stripeMinOffset);
    writer.varint(block.maxOffset - block.minOffset);
    series = block.series;
  }
  return writer.copy();
}

export function decodeDirectory(bytes: Uint8Array, stripe: Stripe): Block[] {
  const reader = new ByteReader(bytes);
  const blocks: Block[] = [];
  let series = stripe.firstSeries as number;
  let rows = 0;
  for (let i = 0; i < stripe.blockCount; i++) {
    series += reader.varint();
    const rowCount = reader.varint();
    const minOffset = stripe.minOffset + reader.varint();
    const maxOffset = minOffset + reader.varint();
    const last = blocks.at(-1);
    if (last?.series === series && minOffset <= last.maxOffset)
      throw new FatalError(`cannot decode directory: block ${i} is not behind the one before`);
    rows += rowCount;
    blocks.push({series: series as SeriesId, rowCount, minOffset, maxOffset});
  }
  if (rows !== stripe.rowCount)
    throw new FatalError(`cannot decode directory: want ${stripe.rowCount} rows; have ${rows}`);
  return blocks;
}
