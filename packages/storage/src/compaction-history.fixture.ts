// What becomes of flushes where compactions are planned behind each of them: parts as outlines, without any file.
// A row is a byte, whoever writes it.

import {BLOCK_ROWS_MIN} from './block-cut.ts';
import {type PartOutline, planCompaction} from './compaction.ts';

export interface Flushed {
  readonly rows: number;
  /** Offsets of its first and its last row, which lie evenly. */
  readonly from: number;
  readonly to: number;
  readonly rowsPerSeries: number;
}

interface HistoryPart extends PartOutline {
  readonly flushes: readonly Flushed[];
}

export class PartHistory {
  parts: readonly HistoryPart[] = [];
  flushedRows = 0;
  writtenRows = 0;
  merges = 0;
  /** After compactions. */
  partsMax = 0;
  /** How many rows there can be of an offset; the others are written again. */
  readonly #rowsPerOffset: number;

  constructor(rowsPerOffset = Number.POSITIVE_INFINITY) {
    this.#rowsPerOffset = rowsPerOffset;
  }

  flush(flushed: Flushed): void {
    this.flushedRows += flushed.rows;
    this.#write([...this.parts, this.#partOf([flushed], false)], flushed.rows);
    while (this.compact());
    this.partsMax = Math.max(this.partsMax, this.parts.length);
  }

  compact(): boolean {
    const plan = planCompaction(this.parts);
    if (plan === undefined) return false;
    const {start, end} = plan;
    const flushes = this.parts.slice(start, end).flatMap((part) => part.flushes);
    const merged = this.#partOf(flushes, true);
    this.merges += 1;
    this.#write(this.parts.toSpliced(start, end - start, merged), merged.bytes);
    return true;
  }

  /** Parts that have rows at a moment, on average over the moments that have any. */
  depth(): number {
    const cells = Array.from({length: 240}, (_, i) => i);
    const end = Math.max(...this.parts.map(({maxOffset}) => maxOffset)) + 1;
    const depths = cells.map((cell) => this.#depthAt((cell * end) / 240, ((cell + 1) * end) / 240));
    const covered = depths.filter((depth) => depth > 0);
    return covered.reduce((sum, depth) => sum + depth, 0) / covered.length;
  }

  /** Of all rows. */
  coarseShare(): number {
    const rows = (parts: readonly PartOutline[]) => parts.reduce((sum, {bytes}) => sum + bytes, 0);
    return rows(this.parts.filter(({isCoarse}) => isCoarse)) / rows(this.parts);
  }

  #depthAt(from: number, to: number): number {
    const has = ({flushes}: HistoryPart) =>
      flushes.some((each) => each.from < to && each.to >= from);
    return this.parts.filter(has).length;
  }

  #write(parts: readonly HistoryPart[], rows: number): void {
    this.parts = parts;
    this.writtenRows += rows;
  }

  #partOf(flushes: readonly Flushed[], isMerged: boolean): HistoryPart {
    const rows = flushes.reduce((sum, each) => sum + each.rows, 0);
    const minOffset = Math.min(...flushes.map(({from}) => from));
    const maxOffset = Math.max(...flushes.map(({to}) => to));
    const rowsMax = Math.max(1, (maxOffset - minOffset + 1) * this.#rowsPerOffset);
    const rowsPerSeries = flushes.reduce((sum, each) => sum + each.rowsPerSeries, 0);
    const isCoarse = !isMerged || rowsPerSeries < BLOCK_ROWS_MIN;
    return {bytes: Math.min(rows, rowsMax), minOffset, maxOffset, isCoarse, failures: 0, flushes};
  }
}
