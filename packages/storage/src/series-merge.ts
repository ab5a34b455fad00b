// The rows of one series out of all its sources, as pieces in time order. Blocks that overlap no other
// source are handed out as they are; only where sources meet in time are they merged. Sources
// may overlap all along a series, each block two of another part: so blocks are opened in the order of
// their beginnings, and what lies before the next one's beginning leaves. Memory is a piece and a block
// of each part, and each row is merged as often as parts meet there, however long the series is.

import type {BlockRun} from './block-run.ts';
import type {BlockReference, PartCursor} from './part-cursor.ts';
import {
  concatRows,
  lowerBound,
  mergeRows,
  type SeriesRows,
  sliceRows,
  TEXT_BYTES_MAX,
  textBytes,
} from './series-rows.ts';
import type {WholeBlocks} from './whole-blocks.ts';

/** Rows of a memtable leave in pieces of this size, and merged ones are gathered to it. */
const PIECE_ROWS_MAX = 8_192;

/**
 * @param references  blocks of the parts from the oldest part to the newest
 * @param newest      rows newer than every part, or undefined
 */
export async function* mergeSeries(
  references: readonly BlockReference[],
  newest: SeriesRows | undefined,
): AsyncGenerator<SeriesRows> {
  const overlay = newest === undefined ? undefined : new Overlay(newest);
  for await (const piece of mergeBlocks(references)) {
    const rows = await decoded(piece);
    // A tombstone may have left none.
    if (rows.rowCount === 0) continue;
    if (overlay === undefined) yield rows;
    else yield* overlay.over(rows);
  }
  if (overlay !== undefined) yield* overlay.rest();
}

/** The same, where blocks that stand alone are taken by their statistics as far as that is exact. */
export async function* mergeWithBlocks(
  references: readonly BlockReference[],
  newest: SeriesRows | undefined,
  blocks: WholeBlocks,
): AsyncGenerator<SeriesRows | BlockRun> {
  const overlay = newest === undefined ? undefined : new Overlay(newest);
  blocks.begin(references.length);
  for await (const piece of mergeBlocks(references)) {
    if ('cursor' in piece) {
      // Rows between two blocks stand between them in the answer too.
      if (overlay?.hasBefore(piece.minOffset)) {
        yield* blocks.finish();
        yield* overlay.before(piece.minOffset);
      }
      if (!overlay?.hasBefore(piece.maxOffset + 1)) {
        if (blocks.isFull) yield* blocks.finish();
        const taken = blocks.take(piece);
        if (typeof taken === 'boolean' ? taken : await taken) continue;
      }
    }
    yield* blocks.finish();
    const rows = await decoded(piece);
    if (rows.rowCount === 0) continue;
    if (overlay === undefined) yield rows;
    else yield* overlay.over(rows);
  }
  yield* blocks.finish();
  if (overlay !== undefined) yield* overlay.rest();
}

/** What a series has in parts, in time order: blocks that meet no other as they stand, and merged rows. */
export async function* mergeBlocks(
  references: readonly BlockReference[],
): AsyncGenerator<BlockReference | SeriesRows> {
  const byTime = [...references].sort((a, b) => a.minOffset - b.minOffset);
  const open = new OpenBlocks(references);
  for (let i = 0; i < byTime.length; i++) {
    const reference = byTime[i]!;
    // No block still to come has rows before it.
    const horizon = byTime[i + 1]?.minOffset ?? Number.POSITIVE_INFINITY;
    if (open.rowCount === 0 && reference.maxOffset < horizon) {
      yield reference;
      continue;
    }
    const rows = await decoded(reference);
    // A tombstone may have left none; the blocks before may be due all the same.
    if (rows.rowCount > 0) open.add(reference, rows);
    if (!open.isDue(horizon)) continue;
    const merged = open.takeBefore(horizon);
    if (merged !== undefined) yield merged;
  }
}

/** The rows of a piece; those of a block without what is hidden. */
export async function decoded(piece: BlockReference | SeriesRows): Promise<SeriesRows> {
  return 'cursor' in piece ? piece.cursor.rows(piece) : piece;
}

/** Blocks that were read and may still meet one that was not. */
class OpenBlocks {
  /** From the oldest part to the newest; of each its rows in time order. */
  readonly #parts = new Map<PartCursor, SeriesRows[]>();
  #maxOffset = Number.NEGATIVE_INFINITY;
  #rowCount = 0;
  #textBytes = 0;
  /** What the last take had to leave. */
  #left = {rowCount: 0, textBytes: 0};

  constructor(references: readonly BlockReference[]) {
    for (const {cursor} of references) this.#parts.set(cursor, []);
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  add({cursor, maxOffset}: BlockReference, rows: SeriesRows): void {
    this.#parts.get(cursor)!.push(rows);
    this.#maxOffset = Math.max(this.#maxOffset, maxOffset);
    this.#rowCount += rows.rowCount;
    this.#textBytes += textBytes(rows);
  }

  /** All may go, or so many that cutting off what must stay costs little beside them. */
  isDue(horizon: number): boolean {
    const {rowCount, textBytes: bytes} = this.#left;
    return (
      this.#maxOffset < horizon ||
      this.#rowCount >= Math.max(PIECE_ROWS_MAX, rowCount * 2) ||
      this.#textBytes >= Math.max(TEXT_BYTES_MAX, bytes * 2)
    );
  }

  takeBefore(horizon: number): SeriesRows | undefined {
    let merged: SeriesRows | undefined;
    this.#rowCount = 0;
    this.#textBytes = 0;
    for (const [cursor, pieces] of this.#parts) {
      if (pieces.length === 0) continue;
      const rows = concatRows(pieces);
      const cut = lowerBound(rows.offsets, rows.rowCount, horizon);
      // Nearly always nothing stays: then nothing is sliced for it.
      const left = cut === rows.rowCount ? [] : [sliceRows(rows, cut, rows.rowCount)];
      this.#parts.set(cursor, left);
      for (const each of left) {
        this.#rowCount += each.rowCount;
        this.#textBytes += textBytes(each);
      }
      if (cut === 0) continue;
      const head = sliceRows(rows, 0, cut);
      merged = merged === undefined ? head : mergeRows(merged, head);
    }
    this.#left = {rowCount: this.#rowCount, textBytes: this.#textBytes};
    if (this.#rowCount === 0) this.#maxOffset = Number.NEGATIVE_INFINITY;
    return merged;
  }
}

/** The newest rows, laid over those of the parts as these come. */
class Overlay {
  readonly #newest: SeriesRows;
  #taken = 0;

  constructor(newest: SeriesRows) {
    this.#newest = newest;
  }

  /** Whether there are rows earlier than `offset` that are not taken yet. */
  hasBefore(offset: number): boolean {
    const {offsets, rowCount} = this.#newest;
    return this.#taken < rowCount && offsets[this.#taken]! < offset;
  }

  before(offset: number): Generator<SeriesRows> {
    return this.#upTo(lowerBound(this.#newest.offsets, this.#newest.rowCount, offset));
  }

  /** What lies before `rows` and is not taken yet, then `rows` with what meets them. */
  *over(rows: SeriesRows): Generator<SeriesRows> {
    const {offsets, rowCount} = this.#newest;
    const first = lowerBound(offsets, rowCount, rows.offsets[0]!);
    yield* this.#upTo(first);
    const end = lowerBound(offsets, rowCount, rows.offsets[rows.rowCount - 1]! + 1);
    let start = 0;
    // Few rows of a part may span very many of a memtable.
    while (end - this.#taken > PIECE_ROWS_MAX) {
      const next = this.#taken + PIECE_ROWS_MAX;
      const cut = lowerBound(rows.offsets, rows.rowCount, offsets[next]!);
      yield mergeRows(sliceRows(rows, start, cut), sliceRows(this.#newest, this.#taken, next));
      this.#taken = next;
      start = cut;
    }
    yield mergeRows(
      sliceRows(rows, start, rows.rowCount),
      sliceRows(this.#newest, this.#taken, end),
    );
    this.#taken = end;
  }

  rest(): Generator<SeriesRows> {
    return this.#upTo(this.#newest.rowCount);
  }

  *#upTo(end: number): Generator<SeriesRows> {
    if (this.#taken === end) return;
    yield* inPieces(sliceRows(this.#newest, this.#taken, end));
    this.#taken = end;
  }
}

export function* inPieces(rows: SeriesRows): Generator<SeriesRows> {
  for (let start = 0; start < rows.rowCount; start += PIECE_ROWS_MAX)
    yield sliceRows(rows, start, Math.min(start + PIECE_ROWS_MAX, rows.rowCount));
}
