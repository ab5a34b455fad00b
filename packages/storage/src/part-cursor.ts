// One scan's way through one table of one part, series ascending: which blocks a series has inside the
// time range, and their rows. Memory: the stripes at hand, however long a series is.

import {assert, handledElsewhere, type SeriesId} from '@flotilla/base';
import type {BlockRunBuilder} from './block-run.ts';
import type {MaskedSeries} from './masked-series.ts';
import type {Field, RowRange} from './memtable-view.ts';
import type {Part} from './part.ts';
import {
  type Block,
  PartDamage,
  type PartVersion,
  type Stripe,
  sharesThin,
  type TableIndex,
  THIN_ROWS,
} from './part-format.ts';
import {hideRows, type RowPiece, type SeriesRows} from './series-rows.ts';
import {type EncodedBlock, type LoadedStripe, loadDirectory, loadStripe} from './stripe-reader.ts';
import type {Mask} from './tombstone.ts';

/** Stripes kept decoded to pages: blocks are read in time order, so one and the next suffice. */
const STRIPES_LOADED_MAX = 2;

export interface CursorRequest {
  readonly fields: readonly Field[];
  /** Ids of the series that will be asked for, ascending. */
  readonly series: Int32Array;
  /** [startOffset, endOffset) */
  readonly startOffset: number;
  readonly endOffset: number;
  /** What hides rows of this part, and of which series. */
  readonly masks: readonly Mask[];
  readonly masked: MaskedSeries;
  /** Its rows are written again. */
  readonly isMerged?: boolean | undefined;
  /** Whole blocks may be taken by `addTo`, so that their times need not be read. */
  readonly takesBlocks?: boolean | undefined;
  readonly counts?: BlockCounts | undefined;
}

/** How the blocks that scans wanted were read. */
export interface BlockCounts {
  decodedBlocks: number;
  summarisedBlocks: number;
}

/** A block of the series at hand. Offsets inclusive. */
export interface BlockReference {
  readonly cursor: PartCursor;
  readonly stripe: number;
  readonly block: number;
  readonly rowCount: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  /** Deleted: rows of these times are left out. None covers the block. */
  readonly hidden: readonly RowRange[];
}

interface Directory {
  readonly blocks: readonly Block[];
  /** Blocks before it belong to series already passed. */
  next: number;
}

export class PartCursor {
  /** Of the part. */
  readonly version: PartVersion;
  readonly #part: Part;
  readonly #request: CursorRequest;
  /** Those that may hold wanted rows, by (series, time). */
  readonly #stripes: readonly Stripe[];
  #first = 0;
  readonly #directories = new Map<number, Directory>();
  readonly #loaded = new Map<number, LoadedStripe>();
  /** The stripe after the last loaded one, being read while that one is decoded. */
  #ahead: {readonly number: number; readonly stripe: Promise<LoadedStripe>} | undefined;
  #previous = -1;
  /** Rows of the last loaded stripe were asked for: those of the next ones will be. */
  #wantsTimes: boolean;

  constructor(part: Part, index: TableIndex, request: CursorRequest) {
    this.version = index.version;
    this.#part = part;
    this.#request = request;
    this.#wantsTimes = request.takesBlocks !== true;
    this.#stripes = index.stripes.filter(
      (stripe) =>
        stripe.minOffset < request.endOffset &&
        stripe.maxOffset >= request.startOffset &&
        hasAnyBetween(request.series, stripe.firstSeries, stripe.lastSeries),
    );
  }

  /** False: no block of the series can be here, known without reading. */
  mayHave(series: SeriesId): boolean {
    this.#passTo(series);
    const stripe = this.#stripes[this.#first];
    return stripe !== undefined && stripe.firstSeries <= series;
  }

  /** The series' blocks inside the range, by time. Series ascend from call to call. */
  async blocksOf(series: SeriesId): Promise<BlockReference[]> {
    assert(series > this.#previous, () => `series ${series} after ${this.#previous}`);
    this.#previous = series;
    this.#passTo(series);
    const references: BlockReference[] = [];
    for (let number = this.#first; number < this.#stripes.length; number++) {
      if (this.#stripes[number]!.firstSeries > series) break;
      const directory = this.#directories.get(number) ?? (await this.#openDirectory(number));
      this.#collect(series, number, directory, references);
    }
    return references;
  }

  async rows(reference: BlockReference): Promise<SeriesRows> {
    const {stripe, block, hidden} = reference;
    const loaded = this.#loaded.get(stripe) ?? (await this.#load(stripe));
    this.#wantsTimes = true;
    if (!loaded.hasTimes) await loaded.loadTimes(this.#part, this.#stripes[stripe]!);
    if (this.#request.counts !== undefined) this.#request.counts.decodedBlocks += 1;
    return hideRows(loaded.rows(block, this.#request.isMerged), hidden);
  }

  /** Whether a block is one that shares its bodies, all of it wanted. */
  isThin({rowCount, hidden}: BlockReference): boolean {
    return sharesThin(this.version) && rowCount < THIN_ROWS && hidden.length === 0;
  }

  /** The rows of a thin block, among others. Requires that nobody takes whole blocks, so that times are read. */
  thinPiece({stripe, block}: BlockReference): RowPiece | Promise<RowPiece> {
    const loaded = this.#loaded.get(stripe);
    if (loaded !== undefined) return loaded.thinPiece(block);
    return this.#load(stripe).then((now) => now.thinPiece(block));
  }

  /** Adds the block by its statistics; false where its rows are needed. Requires that nothing of it is hidden. */
  addTo(run: BlockRunBuilder, reference: BlockReference): boolean | Promise<boolean> {
    const {stripe, block} = reference;
    const loaded = this.#loaded.get(stripe);
    if (loaded !== undefined) return this.#counted(loaded.addTo(run, block));
    return this.#load(stripe).then((now) => this.#counted(now.addTo(run, block)));
  }

  #counted(isAdded: boolean): boolean {
    if (isAdded && this.#request.counts !== undefined) this.#request.counts.summarisedBlocks += 1;
    return isAdded;
  }

  /** The block as it stands in the part, what is hidden in it included. */
  async encoded({stripe, block}: BlockReference): Promise<EncodedBlock> {
    const loaded = this.#loaded.get(stripe) ?? (await this.#load(stripe));
    return loaded.encoded(block);
  }

  #passTo(series: SeriesId): void {
    while (this.#first < this.#stripes.length && this.#stripes[this.#first]!.lastSeries < series) {
      this.#directories.delete(this.#first);
      this.#loaded.delete(this.#first);
      this.#first += 1;
    }
  }

  #collect(
    series: SeriesId,
    stripe: number,
    directory: Directory,
    references: BlockReference[],
  ): void {
    const {blocks} = directory;
    const {startOffset, endOffset, masks, masked} = this.#request;
    const ranges = masked.masksOf(series, masks).map(({tombstone}) => tombstone);
    while (directory.next < blocks.length && blocks[directory.next]!.series < series)
      directory.next += 1;
    for (let block = directory.next; block < blocks.length; block++) {
      const {rowCount, minOffset, maxOffset, series: owner} = blocks[block]!;
      if (owner !== series) break;
      if (minOffset >= endOffset || maxOffset < startOffset) continue;
      // Of another stripe too, of which its directory does not know.
      if (minOffset <= (references.at(-1)?.maxOffset ?? Number.NEGATIVE_INFINITY))
        throw new PartDamage(`blocks of series ${series} overlap; file=${this.#part.file.path}`);
      const hidden = ranges.filter(
        (range) => range.startOffset <= maxOffset && range.endOffset > minOffset,
      );
      // What is deleted whole need not be read.
      if (hidden.some((range) => range.startOffset <= minOffset && range.endOffset > maxOffset))
        continue;
      references.push({cursor: this, stripe, block, rowCount, minOffset, maxOffset, hidden});
    }
  }

  /** A stripe of one series may be one of very many: then only its directory is read now. */
  async #openDirectory(number: number): Promise<Directory> {
    const stripe = this.#stripes[number]!;
    const blocks =
      stripe.firstSeries === stripe.lastSeries
        ? await loadDirectory(this.#part, stripe)
        : (await this.#load(number)).blocks;
    const directory = {blocks, next: 0};
    this.#directories.set(number, directory);
    return directory;
  }

  async #load(number: number): Promise<LoadedStripe> {
    const reading = this.#ahead?.number === number ? this.#ahead.stripe : this.#read(number);
    this.#readAhead(number + 1);
    this.#wantsTimes = this.#request.takesBlocks !== true;
    const loaded = await reading;
    if (this.#loaded.size >= STRIPES_LOADED_MAX)
      this.#loaded.delete(this.#loaded.keys().next().value!);
    this.#loaded.set(number, loaded);
    return loaded;
  }

  /** Every stripe here is likely to be wanted, and in order. */
  #readAhead(number: number): void {
    this.#ahead = undefined;
    if (number >= this.#stripes.length || this.#loaded.has(number)) return;
    const stripe = this.#read(number);
    // Whoever comes to need it meets the failure; a scan that ends before never does.
    void handledElsewhere(stripe);
    this.#ahead = {number, stripe};
  }

  #read(number: number): Promise<LoadedStripe> {
    const {fields, startOffset, endOffset} = this.#request;
    const stripe = this.#stripes[number]!;
    // Blocks that the range cuts are decoded.
    const isCut = stripe.minOffset < startOffset || stripe.maxOffset >= endOffset;
    return loadStripe(this.#part, stripe, {
      version: this.version,
      fields,
      withTimes: isCut || this.#wantsTimes,
    });
  }
}

function hasAnyBetween(ids: Int32Array, first: number, last: number): boolean {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ids[middle]! < first) low = middle + 1;
    else high = middle;
  }
  return low < ids.length && ids[low]! <= last;
}
