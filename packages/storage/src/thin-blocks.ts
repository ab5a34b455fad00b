// Thin blocks of a stripe: their rows lie one block after another in one body a column, whose beginning and encoding
// cost as much for four rows as for thousands. Which blocks are thin, and where their rows begin, follows from the
// directory. Drawn in FORMAT.md.

import {FatalError} from '@flotilla/base';
import {type Block, type PartVersion, sharesThin, THIN_ROWS} from './part-format.ts';

/** Where the blocks of a stripe are in its pages. */
export class StripeLayout {
  readonly thinRows: number;
  readonly thickCount: number;
  /** Of each block: the first of its rows among the thin ones, or ~number among the thick blocks. */
  readonly #places: Int32Array;

  constructor(blocks: readonly Block[], version: PartVersion) {
    const limit = sharesThin(version) ? THIN_ROWS : 0;
    const places = new Int32Array(blocks.length);
    let thinRows = 0;
    let thickCount = 0;
    for (let i = 0; i < blocks.length; i++) {
      const {rowCount} = blocks[i]!;
      if (rowCount < limit) {
        places[i] = thinRows;
        thinRows += rowCount;
      } else places[i] = ~thickCount++;
    }
    this.thinRows = thinRows;
    this.thickCount = thickCount;
    this.#places = places;
  }

  isThin(block: number): boolean {
    return this.#places[block]! >= 0;
  }

  /** Requires a thin one. */
  firstRow(block: number): number {
    return this.#places[block]!;
  }

  /** Requires a thick one: its number among them. */
  bodyOf(block: number): number {
    return ~this.#places[block]!;
  }
}

/**
 * Times of thin blocks: how far each row is behind the one before. A block's first row has what its second has, or
 * else the row before, so that even times are one number over and over.
 * @param steps  of the blocks before, up to `at`: rows [from, to) of `offsets` are put behind them
 */
export function addSteps(
  steps: Float64Array,
  at: number,
  {offsets, from, to}: {offsets: Float64Array; from: number; to: number},
): void {
  const isLone = to - from === 1;
  const before = at === 0 ? 0 : steps[at - 1]!;
  steps[at] = isLone ? before : offsets[from + 1]! - offsets[from]!;
  for (let row = from + 1; row < to; row++)
    steps[at + row - from] = offsets[row]! - offsets[row - 1]!;
}

/** The offsets of all thin rows. Throws FatalError where they do not ascend from a block's first to its last. */
export function offsetsOf(
  steps: Float64Array,
  blocks: readonly Block[],
  layout: StripeLayout,
): Float64Array {
  const offsets = new Float64Array(layout.thinRows);
  for (let block = 0; block < blocks.length; block++) {
    if (!layout.isThin(block)) continue;
    const {rowCount, minOffset, maxOffset} = blocks[block]!;
    if (rowCount === 0) throw new FatalError(`block ${block} has no rows`);
    const first = layout.firstRow(block);
    let offset = minOffset;
    let ascends = true;
    offsets[first] = offset;
    for (let row = first + 1; row < first + rowCount; row++) {
      ascends &&= steps[row]! > 0;
      offset += steps[row]!;
      offsets[row] = offset;
    }
    if (!ascends) throw new FatalError(`the times of block ${block} do not ascend`);
    if (offset !== maxOffset)
      throw new FatalError(`the times of block ${block} are not those of its directory`);
  }
  return offsets;
}
