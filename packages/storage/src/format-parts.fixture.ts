// Part files read from FORMAT.md alone, as are their columns. Rows come in the order of the file.

import assert from 'node:assert/strict';
import {crc32, zstdDecompressSync} from 'node:zlib';
import {
  Cursor,
  type Met,
  readBody,
  readIntegers,
  summed,
  type Value,
} from './format-columns.fixture.ts';

export interface Row {
  readonly series: number;
  readonly offset: number;
  /** By column id: those that are there. */
  readonly values: Map<number, Value>;
}

export interface Block {
  readonly series: number;
  readonly rows: number;
  readonly minOffset: number;
  readonly maxOffset: number;
}

export interface Stripe {
  readonly blocks: readonly Block[];
  readonly rows: readonly Row[];
}

export interface Table {
  readonly id: number;
  /** Type codes by column id. */
  readonly fields: ReadonlyMap<number, number>;
  readonly stripes: readonly Stripe[];
}

export interface Part {
  readonly version: number;
  readonly tables: readonly Table[];
  /** How often each was come across: a sample that has one of them not says nothing of it. */
  readonly met: Met;
}

const INTEGER = 1;
/** Blocks of fewer rows are thin. */
const THIN_ROWS = 64;
const STRIPE_ROWS_MAX = 65_536;
const PAGE_BYTES_MAX = 128 * 2 ** 20;
const TRAILER_BYTES = 24;

interface Page {
  readonly length: number;
  readonly checksum: number;
  readonly decompressed: number;
}

class PartFile {
  readonly #bytes: Uint8Array;
  readonly met: Met = new Map();
  readonly version: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.version = bytes[7]!;
    assert([1, 2, 4].includes(this.version), `version ${this.version}`);
    assert.equal(Buffer.from(bytes.subarray(0, 7)).toString('latin1'), 'FLOTPRT');
  }

  /** Those bytes, if they are what the checksum says. */
  at(position: number, length: number, checksum: number): Cursor {
    const bytes = this.#bytes.subarray(position, position + length);
    assert.equal(bytes.length, length, 'bytes are missing');
    assert.equal(crc32(bytes), checksum, `checksum of ${length} bytes at ${position}`);
    return new Cursor(bytes, this.met);
  }

  page(position: number, {length, checksum, decompressed}: Page): Cursor {
    const stored = this.at(position, length, checksum);
    if (decompressed === 0) return stored;
    assert(decompressed <= PAGE_BYTES_MAX, `a page of ${decompressed} bytes`);
    const bytes = zstdDecompressSync(stored.bytes);
    assert.equal(bytes.length, decompressed);
    stored.meet('compressed page');
    return new Cursor(bytes, this.met);
  }

  trailer(): Cursor {
    const trailer = new Cursor(this.#bytes.subarray(-TRAILER_BYTES), this.met);
    const [position, length, checksum] = [trailer.f64(), trailer.u32(), trailer.u32()];
    assert.deepEqual(trailer.take(8), Buffer.from(this.#bytes.subarray(0, 8)));
    trailer.ends();
    assert.equal(position + length + TRAILER_BYTES, this.#bytes.length);
    return this.at(position, length, checksum);
  }

  readPage(from: Cursor): Page {
    const [length, checksum] = [from.varint(), from.u32()];
    return {length, checksum, decompressed: this.version >= 2 ? from.varint() : 0};
  }
}

interface StripeEntry {
  readonly firstSeries: number;
  readonly lastSeries: number;
  readonly rows: number;
  readonly blocks: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  readonly position: number;
  readonly directory: Page;
  readonly offsets: Page;
  readonly columns: readonly {readonly column: number; readonly page: Page}[];
}

function readStripeEntry(file: PartFile, from: Cursor): StripeEntry {
  const firstSeries = from.varint();
  const lastSeries = firstSeries + from.varint();
  const [rows, blocks, minOffset] = [from.varint(), from.varint(), from.svarint()];
  const maxOffset = minOffset + from.varint();
  const [position, directory, offsets] = [from.varint(), file.readPage(from), file.readPage(from)];
  const columns = from.list(from.varint(), () => ({
    column: from.varint(),
    page: file.readPage(from),
  }));
  return {
    ...{firstSeries, lastSeries, rows, blocks, minOffset, maxOffset},
    ...{position, directory, offsets, columns},
  };
}

function readDirectory(from: Cursor, stripe: StripeEntry): Block[] {
  let series = stripe.firstSeries;
  const blocks = from.list(stripe.blocks, () => {
    series += from.varint();
    const [rows, minOffset] = [from.varint(), stripe.minOffset + from.varint()];
    return {series, rows, minOffset, maxOffset: minOffset + from.varint()};
  });
  from.ends();
  return blocks;
}

/** Per block a length, then per block the body; undefined of one that has none. */
function readBodies(page: Cursor, blocks: number): (Cursor | undefined)[] {
  const lengths = page.list(blocks, () => page.varint());
  const bodies = lengths.map((length) => (length === 0 ? undefined : page.inside(length)));
  page.ends();
  return bodies;
}

/** A stripe's blocks, and which of them are thin: their rows share one body a column. */
class StripeBlocks {
  readonly version: number;
  readonly all: readonly Block[];
  readonly others: readonly Block[];
  readonly thinRows: number;
  /** By block: of its own bodies, or of a thin one's texts. */
  readonly #bytes: number[];

  constructor(blocks: readonly Block[], version: number) {
    this.version = version;
    this.all = blocks;
    this.others = blocks.filter((block) => !this.isThin(block));
    this.thinRows = rowsOf(blocks) - rowsOf(this.others);
    this.#bytes = blocks.map(() => 0);
  }

  isThin({rows}: Block): boolean {
    return this.version >= 4 && rows < THIN_ROWS;
  }

  /** By block, from what stands for all thin rows and for each of the other blocks. */
  byBlock<T>(thin: readonly T[], others: readonly (readonly T[])[]): (readonly T[])[] {
    const [thinLeft, othersLeft] = [[...thin], [...others]];
    return this.all.map((block) =>
      this.isThin(block) ? thinLeft.splice(0, block.rows) : othersLeft.shift()!,
    );
  }

  count(bodies: readonly (Cursor | undefined)[]): void {
    const lengths = bodies.map((body) => body?.bytes.length ?? 0);
    this.all.forEach((block, i) => {
      if (!this.isThin(block)) this.#bytes[i]! += lengths.shift()!;
    });
  }

  countTexts(values: readonly (readonly (Value | undefined)[])[]): void {
    const bytesOf = (value: Value | undefined): number =>
      typeof value === 'string' ? Buffer.byteLength(value) : 0;
    this.all.forEach((block, i) => {
      if (!this.isThin(block)) return;
      for (const value of values[i]!) this.#bytes[i]! += bytesOf(value);
    });
  }

  /** Whether so many of them fill a stripe of a table with that many fields. */
  fill(count: number, fields: number): boolean {
    const blocks = this.all.slice(0, count);
    const thinRows = rowsOf(blocks.filter((block) => this.isThin(block)));
    const bytes = this.#bytes.slice(0, count).reduce((sum, each) => sum + each, 0);
    return (
      rowsOf(blocks) >= FULL.rows ||
      count >= FULL.blocks ||
      bytes >= FULL.bytes ||
      thinRows >= FULL.thinRows ||
      thinRows * (fields + 1) >= FULL.thinValues
    );
  }
}

/** A stripe ends with the block that makes it so large. */
export const FULL = {
  rows: 32_768,
  blocks: 1_024,
  bytes: 2 ** 20,
  thinRows: 8_192,
  thinValues: 2 ** 19,
};

const rowsOf = (blocks: readonly {readonly rows: number}[]): number =>
  blocks.reduce((sum, {rows}) => sum + rows, 0);

function readTimes(body: Cursor, rows: number): number[] {
  const times = readIntegers(body, rows, INTEGER).map(Number);
  body.ends();
  return times;
}

/** By block, then by row. */
function readOffsets(page: Cursor, blocks: StripeBlocks): (readonly number[])[] {
  const thinLength = blocks.version >= 4 ? page.varint() : 0;
  const steps = thinLength === 0 ? [] : readTimes(page.inside(thinLength), blocks.thinRows);
  const bodies = readBodies(page, blocks.others.length);
  blocks.count(bodies);
  const others = bodies.map((body, i) => readTimes(body!, blocks.others[i]!.rows));
  // A block's first step says nothing of its times, but what it is is drawn, too.
  let before = 0;
  return blocks.byBlock(steps, others).map((read, i) => {
    const block = blocks.all[i]!;
    if (!blocks.isThin(block)) return read;
    page.meet(block.rows === 1 ? 'thin block of one row' : 'thin block');
    assert.equal(read[0], block.rows > 1 ? read[1] : before, 'step of a first row');
    before = read.at(-1)!;
    return summed(block.minOffset, read.slice(1));
  });
}

/** By row. */
function readColumnPage(page: Cursor, blocks: StripeBlocks, type: number): (Value | undefined)[] {
  const {version, thinRows} = blocks;
  const read = (body: Cursor | undefined, rows: number, areThin: boolean) =>
    body === undefined
      ? page.list(rows, () => undefined)
      : readBody(body, {rows, type, version, areThin});
  const thinLength = version >= 4 ? page.varint() : 0;
  const thin = read(thinLength === 0 ? undefined : page.inside(thinLength), thinRows, true);
  const bodies = readBodies(page, blocks.others.length);
  blocks.count(bodies);
  const others = bodies.map((body, i) => read(body, blocks.others[i]!.rows, false));
  const values = blocks.byBlock(thin, others);
  blocks.countTexts(values);
  return values.flat();
}

function readStripe(
  file: PartFile,
  entry: StripeEntry,
  {fields, isLast}: {readonly fields: Table['fields']; readonly isLast: boolean},
): Stripe {
  let {position} = entry;
  const next = (page: Page): Cursor => {
    position += page.length;
    return file.page(position - page.length, page);
  };
  const all = readDirectory(next(entry.directory), entry);
  const blocks = new StripeBlocks(all, file.version);
  const offsets = readOffsets(next(entry.offsets), blocks);
  checkStripe(entry, all, offsets);
  const rows = all.flatMap(({series}, i) =>
    offsets[i]!.map((offset): Row => ({series, offset, values: new Map()})),
  );
  for (const {column, page} of entry.columns) {
    const values = readColumnPage(next(page), blocks, fields.get(column)!);
    assert(
      values.some((value) => value !== undefined),
      `column ${column} has no value`,
    );
    values.forEach((value, i) => {
      if (value !== undefined) rows[i]!.values.set(column, value);
    });
  }
  assert(!blocks.fill(all.length - 1, fields.size), 'a stripe beyond its limits');
  assert(isLast || blocks.fill(all.length, fields.size), 'a stripe that ends early');
  return {blocks: all, rows};
}

/** What the directory and the table index say of the rows, too. */
function checkStripe(
  entry: StripeEntry,
  blocks: readonly Block[],
  offsets: readonly (readonly number[])[],
) {
  assert(entry.rows <= STRIPE_ROWS_MAX, `a stripe of ${entry.rows} rows`);
  assert.equal(rowsOf(blocks), entry.rows);
  assert.equal(blocks.at(-1)!.series, entry.lastSeries);
  assert.equal(Math.min(...blocks.map((block) => block.minOffset)), entry.minOffset);
  assert.equal(Math.max(...blocks.map((block) => block.maxOffset)), entry.maxOffset);
  blocks.forEach((block, i) => {
    assert.equal(offsets[i]![0], block.minOffset);
    assert.equal(offsets[i]!.at(-1), block.maxOffset);
  });
}

function readTable(file: PartFile, footer: Cursor): Table {
  const [id, rows, series] = [footer.varint(), footer.varint(), footer.varint()];
  const index = file.at(footer.varint(), footer.varint(), footer.u32());
  const fields = new Map(index.list(index.varint(), () => [index.varint(), index.u8()] as const));
  const entries = index.list(index.varint(), () => readStripeEntry(file, index));
  index.ends();
  const stripes = entries.map((entry, i) =>
    readStripe(file, entry, {fields, isLast: i === entries.length - 1}),
  );
  const all = stripes.flatMap((stripe) => stripe.rows);
  assert.equal(all.length, rows);
  assert.equal(new Set(all.map((row) => row.series)).size, series);
  for (const [i, row] of all.slice(1).entries()) {
    const before = all[i]!;
    const isOrdered = row.series === before.series && row.offset > before.offset;
    assert(row.series > before.series || isOrdered, 'rows ascend by series and time');
  }
  return {id, fields, stripes};
}

export function readPart(bytes: Uint8Array): Part {
  const file = new PartFile(bytes);
  const footer = file.trailer();
  const tables = footer.list(footer.varint(), () => readTable(file, footer));
  footer.ends();
  const ids = tables.map(({id}) => id);
  assert.deepEqual(
    ids,
    [...ids].sort((a, b) => a - b),
  );
  return {version: file.version, tables, met: file.met};
}
