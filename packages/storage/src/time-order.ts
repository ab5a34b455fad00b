// Rows of one series by time, for those that did not come in time order: mostly a few that were late.
// Short blocks are sorted by insertion and neighbours merged where they overlap, so rows that are nearly
// in order cost little more than a look. Stable: of rows of one time the one that came later stands
// later, and wins. In steps, since a series may have all rows of a memtable.

const BLOCK_LENGTH = 32;
/** Rows looked at or moved in one step: some 0.1 ms. */
export const STEP_ROWS = 8_192;

interface TimedRows {
  readonly rows: Int32Array;
  /** The time of each. */
  readonly offsets: Float64Array;
}

/** Sorts both in place. Yields after each STEP_ROWS or so. */
export function* sortByTime(timed: TimedRows): Generator<undefined, void> {
  const count = timed.rows.length;
  for (let start = 0; start < count; start += BLOCK_LENGTH) {
    sortBlock(timed, start, Math.min(start + BLOCK_LENGTH, count));
    if (start % STEP_ROWS === STEP_ROWS - BLOCK_LENGTH) yield;
  }
  let looked = 0;
  for (let length = BLOCK_LENGTH; length < count; length *= 2)
    for (let start = 0; start + length < count; start += 2 * length) {
      const middle = start + length;
      const merge = beginMerge(timed, start, middle, Math.min(middle + length, count));
      looked += 1 + merge.end - merge.out;
      while (mergeSome(merge)) yield;
      if (looked < STEP_ROWS) continue;
      looked = 0;
      yield;
    }
}

/** By insertion: rows [start, end). */
function sortBlock({rows, offsets}: TimedRows, start: number, end: number): void {
  for (let i = start + 1; i < end; i++) {
    const offset = offsets[i]!;
    if (offsets[i - 1]! <= offset) continue;
    const row = rows[i]!;
    let at = i;
    for (; at > start && offsets[at - 1]! > offset; at--) {
      offsets[at] = offsets[at - 1]!;
      rows[at] = rows[at - 1]!;
    }
    offsets[at] = offset;
    rows[at] = row;
  }
}

interface Merge {
  readonly timed: TimedRows;
  /** A copy of the earlier block, since its place is written over. */
  readonly left: TimedRows;
  taken: number;
  right: number;
  readonly end: number;
  out: number;
}

/** To make one of [start, middle) and [middle, end), each in order. */
function beginMerge(timed: TimedRows, start: number, middle: number, end: number): Merge {
  const {rows, offsets} = timed;
  // What of the earlier block is later than the first of the later one moves, and no more.
  const first = firstLater(offsets, start, middle, offsets[middle]!);
  const left = {rows: rows.slice(first, middle), offsets: offsets.slice(first, middle)};
  return {timed, left, taken: 0, right: middle, end: first === middle ? first : end, out: first};
}

/** False once all of the copy stands in its place: what is left of the later block does already. */
function mergeSome(merge: Merge): boolean {
  const {timed, left, end} = merge;
  const {rows, offsets} = timed;
  let {taken, right, out} = merge;
  const stop = Math.min(end, out + STEP_ROWS);
  for (; out < stop && taken < left.rows.length; out++) {
    if (right === end || left.offsets[taken]! <= offsets[right]!) {
      offsets[out] = left.offsets[taken]!;
      rows[out] = left.rows[taken++]!;
    } else {
      offsets[out] = offsets[right]!;
      rows[out] = rows[right++]!;
    }
  }
  merge.taken = taken;
  merge.right = right;
  merge.out = out;
  return taken < left.rows.length;
}

/** The first of [from, to), which ascend, that is later than `offset`; `to` if none is. */
function firstLater(offsets: Float64Array, from: number, to: number, offset: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (offsets[middle]! <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
