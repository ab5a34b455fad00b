// Series of few rows that parts have one behind the other in time: their blocks are thin in each part and meet
// nowhere, so that no row has to be compared, and the rows of many series are put together column by column. To take
// each series by itself costs some views and arrays for each column of each of its blocks.

import type {SeriesId} from '@flotilla/base';
import type {BlockReference} from './part-cursor.ts';
import type {ThinSeries} from './part-writer.ts';
import {addPiece, joinPieces, type RowPiece, TEXT_BYTES_MAX, textBytes} from './series-rows.ts';

export class ThinMerge {
  readonly #rowsMax: number;
  #pieces: RowPiece[] = [];
  #series: SeriesId[] = [];
  #ends: number[] = [];
  #rowCount = 0;
  #textBytes = 0;

  /** @param rowsMax  of a series that is added; twice as many is what it holds at most */
  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax;
  }

  get isEmpty(): boolean {
    return this.#rowCount === 0;
  }

  get isFull(): boolean {
    return this.#rowCount >= this.#rowsMax || this.#textBytes >= TEXT_BYTES_MAX;
  }

  /** False: the series has to be merged by itself. Series ascend. Requires all its blocks, and that it is not full. */
  async add(series: SeriesId, blocks: readonly BlockReference[]): Promise<boolean> {
    const rowCount = blocks.reduce((sum, block) => sum + block.rowCount, 0);
    if (rowCount > this.#rowsMax || !blocks.every((block) => block.cursor.isThin(block)))
      return false;
    const byTime = apart(blocks);
    if (byTime === undefined) return false;
    for (const block of byTime) {
      const found = block.cursor.thinPiece(block);
      const {rows, from, to} = found instanceof Promise ? await found : found;
      addPiece(this.#pieces, rows, from, to);
      this.#textBytes += textBytes(rows, from, to);
    }
    this.#rowCount += rowCount;
    this.#series.push(series);
    this.#ends.push(this.#rowCount);
    return true;
  }

  /** All that were added. Empties it. */
  take(): ThinSeries {
    const taken = {series: this.#series, ends: this.#ends, rows: joinPieces(this.#pieces)};
    this.#pieces = [];
    this.#series = [];
    this.#ends = [];
    this.#rowCount = 0;
    this.#textBytes = 0;
    return taken;
  }
}

/** By time; undefined where two of them meet. */
function apart(blocks: readonly BlockReference[]): readonly BlockReference[] | undefined {
  const byTime = [...blocks].sort((a, b) => a.minOffset - b.minOffset);
  const meets = byTime.some((block, i) => i > 0 && block.minOffset <= byTime[i - 1]!.maxOffset);
  return meets ? undefined : byTime;
}
