// One stripe in memory: the pages that a scan asked for, read by coalesced ranges and verified; the
// columns of a block are decoded only when the block is wanted, and its times are read only when its rows are.

import {assert, FatalError} from '@flotilla/base';
import {ByteReader, type ChunkColumn, decodeColumn} from '@flotilla/column';
import {
  type ColumnOutline,
  outlineBlockColumn,
  outlineRows,
  readBlockColumn,
} from './block-column.ts';
import type {BlockRunBuilder} from './block-run.ts';
import {sliceColumn} from './column-gather.ts';
import type {Field} from './memtable-view.ts';
import type {Part} from './part.ts';
import {
  type Block,
  checkPage,
  decodeDirectory,
  decodedOf,
  type Page,
  type PartVersion,
  type Stripe,
  sharesThin,
} from './part-format.ts';
import type {RowPiece, SeriesRows} from './series-rows.ts';
import {offsetsOf, StripeLayout} from './thin-blocks.ts';

/** Reading this much for nothing costs less than one more read. */
const GAP_BYTES_MAX = 32_768;

/** Bodies of a page: the one that thin blocks share, and those of the other blocks by their number. */
export class PageBodies {
  /** Undefined where no thin block has a value, or where they share nothing. */
  readonly thin: Uint8Array | undefined;
  readonly #bytes: Uint8Array;
  readonly #ends: Int32Array;
  readonly #start: number;

  /** @param blockCount  of those that have a body of their own */
  constructor(bytes: Uint8Array, blockCount: number, version: PartVersion) {
    const reader = new ByteReader(bytes);
    const thinBytes = sharesThin(version) ? reader.count(bytes.length) : 0;
    this.thin = thinBytes === 0 ? undefined : reader.view(thinBytes);
    const lengths = new Int32Array(blockCount);
    for (let i = 0; i < blockCount; i++) lengths[i] = reader.count(bytes.length);
    let end = reader.position;
    this.#ends = lengths.map((length) => (end += length));
    this.#bytes = bytes;
    this.#start = reader.position;
  }

  /** Undefined where the block has no value. */
  body(block: number): Uint8Array | undefined {
    const start = block === 0 ? this.#start : this.#ends[block - 1]!;
    const end = this.#ends[block]!;
    return start === end ? undefined : this.#bytes.subarray(start, end);
  }
}

/** A block's bytes, which may be views of its stripe's pages. */
export interface EncodedBlock extends Omit<Block, 'series'> {
  readonly offsets: Uint8Array;
  /** In the order of the fields that were asked for; undefined where no row has a value. */
  readonly columns: readonly (Uint8Array | undefined)[];
}

interface StripePages {
  readonly version: PartVersion;
  readonly blocks: readonly Block[];
  readonly layout: StripeLayout;
  /** Undefined: not read yet. */
  readonly offsets: PageBodies | undefined;
  readonly columns: readonly (PageBodies | undefined)[];
}

export class LoadedStripe {
  readonly blocks: readonly Block[];
  /** Of the part's file. */
  readonly #path: string;
  readonly #version: PartVersion;
  readonly #layout: StripeLayout;
  #offsets: PageBodies | undefined;
  readonly #columns: readonly (PageBodies | undefined)[];
  readonly #fields: readonly Field[];
  /** Of all thin rows, decoded for the first of them that is asked for. */
  #thinOffsets: Float64Array | undefined;
  readonly #thinColumns: (ChunkColumn | undefined)[] = [];
  /** All of them, for who takes many. */
  #thin: SeriesRows | undefined;

  constructor(path: string, fields: readonly Field[], pages: StripePages) {
    this.#path = path;
    this.#fields = fields;
    this.blocks = pages.blocks;
    this.#version = pages.version;
    this.#layout = pages.layout;
    this.#offsets = pages.offsets;
    this.#columns = pages.columns;
  }

  get hasTimes(): boolean {
    return this.#offsets !== undefined;
  }

  /** What was left out of the stripe when it was loaded. */
  async loadTimes(part: Part, {offsets}: Stripe): Promise<void> {
    const bytes = await part.readPage(offsets);
    this.#offsets = decodedOf(
      this.#path,
      () => new PageBodies(bytes, this.#layout.thickCount, this.#version),
    );
  }

  /** Adds a block by what its columns say of themselves; false where its rows are needed. */
  addTo(run: BlockRunBuilder, block: number): boolean {
    return decodedOf(this.#path, () =>
      run.add(this.blocks[block]!, (field, wantsStatistics) =>
        this.#outline(block, field, wantsStatistics),
      ),
    );
  }

  #outline(block: number, field: number, wantsStatistics: boolean): ColumnOutline | undefined {
    const wanted = {rowCount: this.blocks[block]!.rowCount, wantsStatistics};
    if (this.#layout.isThin(block)) {
      const column = this.#thinColumn(block, field);
      return column && outlineRows(column, wanted);
    }
    const body = this.#columns[field]?.body(this.#layout.bodyOf(block));
    return body && outlineBlockColumn(body, this.#fields[field]!.type, wanted);
  }

  /**
   * All rows of a block; those of a thin one are views of arrays that hold more. Requires its times.
   * @param isMerged  what is written of them must be in order: they are looked through
   */
  rows(block: number, isMerged = false): SeriesRows {
    return decodedOf(this.#path, () => this.#rows(block, isMerged));
  }

  #rows(block: number, isMerged: boolean): SeriesRows {
    if (this.#layout.isThin(block)) return this.#thinRows(block);
    const {rowCount, minOffset, maxOffset} = this.blocks[block]!;
    const body = this.#timesOf(block);
    const offsets = decodeColumn(new ByteReader(body), 'integer', rowCount) as {
      values: Float64Array;
    };
    if (offsets.values[0] !== minOffset || offsets.values[rowCount - 1] !== maxOffset)
      throw new FatalError(`the times of block ${block} are not those of its directory`);
    if (isMerged && !ascends(offsets.values))
      throw new FatalError(`the times of block ${block} do not ascend`);
    const columns: (ChunkColumn | undefined)[] = [];
    for (let i = 0; i < this.#columns.length; i++) {
      const values = this.#columns[i]?.body(this.#layout.bodyOf(block));
      columns.push(values && readBlockColumn(values, this.#fields[i]!.type, rowCount));
    }
    return {rowCount, offsets: offsets.values, columns};
  }

  #thinRows(block: number): SeriesRows {
    const {rowCount} = this.blocks[block]!;
    const from = this.#layout.firstRow(block);
    this.#thinOffsets ??= this.#decodeThinOffsets();
    const columns: (ChunkColumn | undefined)[] = [];
    for (let i = 0; i < this.#columns.length; i++) columns.push(this.#thinColumn(block, i));
    return {rowCount, offsets: this.#thinOffsets.subarray(from, from + rowCount), columns};
  }

  /** Where a thin block is among all thin rows of the stripe. Requires one, and the times. */
  thinPiece(block: number): RowPiece {
    this.#thin ??= decodedOf(this.#path, () => this.#allThinRows());
    const from = this.#layout.firstRow(block);
    return {rows: this.#thin, from, to: from + this.blocks[block]!.rowCount};
  }

  #allThinRows(): SeriesRows {
    this.#thinOffsets ??= this.#decodeThinOffsets();
    const columns = this.#columns.map((_, field) => this.#thinColumnOfAll(field));
    return {rowCount: this.#layout.thinRows, offsets: this.#thinOffsets, columns};
  }

  #decodeThinOffsets(): Float64Array {
    assert(this.#offsets !== undefined, 'the times are loaded first');
    return thinOffsets(this.#offsets, this.blocks, this.#layout);
  }

  /** Of one thin block; undefined where none of its rows has a value. */
  #thinColumn(block: number, field: number): ChunkColumn | undefined {
    const all = this.#thinColumnOfAll(field);
    if (all === undefined) return undefined;
    const from = this.#layout.firstRow(block);
    const own = sliceColumn(all, from, from + this.blocks[block]!.rowCount);
    if (own.present === undefined) return own;
    if (!own.present.includes(1)) return undefined;
    return own.present.includes(0) ? own : {values: own.values};
  }

  #thinColumnOfAll(field: number): ChunkColumn | undefined {
    const body = this.#columns[field]?.thin;
    if (body === undefined) return undefined;
    const {thinRows} = this.#layout;
    this.#thinColumns[field] ??= readBlockColumn(body, this.#fields[field]!.type, thinRows);
    return this.#thinColumns[field];
  }

  /** Requires a block that shares nothing. */
  encoded(block: number): EncodedBlock {
    assert(!this.#layout.isThin(block), 'a thin block has no bytes of its own');
    const {rowCount, minOffset, maxOffset} = this.blocks[block]!;
    const columns = this.#columns.map((column) => column?.body(this.#layout.bodyOf(block)));
    const offsets = decodedOf(this.#path, () => this.#timesOf(block));
    return {rowCount, minOffset, maxOffset, offsets, columns};
  }

  #timesOf(block: number): Uint8Array {
    assert(this.#offsets !== undefined, 'the times are loaded first');
    const body = this.#offsets.body(this.#layout.bodyOf(block));
    if (body !== undefined) return body;
    throw new FatalError(`block ${block} of ${this.blocks[block]!.rowCount} rows has no times`);
  }
}

/** Throws FatalError where they are not what the directory says. */
export function thinOffsets(
  {thin}: PageBodies,
  blocks: readonly Block[],
  layout: StripeLayout,
): Float64Array {
  if (thin === undefined) throw new FatalError(`${layout.thinRows} rows have no times`);
  const steps = decodeColumn(new ByteReader(thin), 'integer', layout.thinRows) as {
    values: Float64Array;
  };
  return offsetsOf(steps.values, blocks, layout);
}

function ascends(offsets: Float64Array): boolean {
  for (let row = 1; row < offsets.length; row++)
    if (!(offsets[row]! > offsets[row - 1]!)) return false;
  return true;
}

export async function loadDirectory(part: Part, stripe: Stripe): Promise<readonly Block[]> {
  const bytes = await part.readPage(stripe.directory);
  return decodedOf(part.file.path, () => decodeDirectory(bytes, stripe));
}

export interface StripeRequest {
  readonly version: PartVersion;
  readonly fields: readonly Field[];
  readonly withTimes: boolean;
}

export async function loadStripe(
  part: Part,
  stripe: Stripe,
  {version, fields, withTimes}: StripeRequest,
): Promise<LoadedStripe> {
  const columns = fields.map(({column}) => stripe.columns.get(column));
  const wanted = [
    stripe.directory,
    ...(withTimes ? [stripe.offsets] : []),
    ...columns.filter((page) => page !== undefined),
  ];
  const pages = await readPages(part, wanted);
  const {path} = part.file;
  const decoded = decodedOf(path, () => {
    const blocks = decodeDirectory(pages.get(stripe.directory)!, stripe);
    const layout = new StripeLayout(blocks, version);
    const bodies = (page: Page) => new PageBodies(pages.get(page)!, layout.thickCount, version);
    return {
      ...{version, blocks, layout},
      offsets: withTimes ? bodies(stripe.offsets) : undefined,
      columns: columns.map((page) => page && bodies(page)),
    };
  });
  return new LoadedStripe(path, fields, decoded);
}

/** Pages near each other come by one read. */
async function readPages(part: Part, pages: readonly Page[]): Promise<Map<Page, Uint8Array>> {
  const ordered = [...new Set(pages)].sort((a, b) => a.offset - b.offset);
  const result = new Map<Page, Uint8Array>();
  const reads: Promise<void>[] = [];
  for (let first = 0; first < ordered.length; ) {
    let last = first;
    while (
      last + 1 < ordered.length &&
      gapAfter(ordered[last]!, ordered[last + 1]!) <= GAP_BYTES_MAX
    )
      last += 1;
    reads.push(readRun(part, ordered.slice(first, last + 1), result));
    first = last + 1;
  }
  await Promise.all(reads);
  return result;
}

function gapAfter(page: Page, next: Page): number {
  return next.offset - (page.offset + page.length);
}

async function readRun(
  part: Part,
  pages: readonly Page[],
  result: Map<Page, Uint8Array>,
): Promise<void> {
  const start = pages[0]!.offset;
  const last = pages.at(-1)!;
  part.mustHold(last);
  const bytes = await part.read(start, last.offset + last.length - start);
  for (const page of pages) {
    const from = page.offset - start;
    result.set(page, checkPage(bytes.subarray(from, from + page.length), page, part.file.path));
  }
}
