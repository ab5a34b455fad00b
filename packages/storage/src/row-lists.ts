// Which rows of a table each of its series has, in order of arrival: chunks of row numbers in one
// arena, each chunk larger than the one before it. A series is read chunk by chunk, not by a walk from
// row to row, each step of which would miss the caches.
// A chunk is its row numbers, then the end of the chunk before it (0 = none), then its capacity; its
// end is the address of what follows the row numbers.

import {withCapacity} from './growable.ts';
import {beginOf, FIRST_LENGTH, int32At, int32Pages, pageOf} from './pages.ts';

const TRAILER_LENGTH = 2;
/** With its trailer 4, 8, 16 ... 256 numbers: a fifth of it is spare at most on many rows, little on few. */
const CAPACITY_MIN = 2;
const CAPACITY_MAX = 254;

export class RowLists {
  readonly #arena = int32Pages();
  /** Where the next chunk begins. 0 is the end of no chunk. */
  #used = 1;
  /** By list: where its next row goes, and the end of that chunk. */
  #next = new Int32Array(0);
  #end = new Int32Array(0);

  get bytes(): number {
    return this.#arena.bytes + this.#next.byteLength + this.#end.byteLength;
  }

  /** Makes room for lists [0, count). */
  reserve(count: number): void {
    this.#next = withCapacity(this.#next, count);
    this.#end = withCapacity(this.#end, count);
  }

  /** Rows of a list ascend. */
  push(list: number, row: number): void {
    let at = this.#next[list]!;
    if (at === this.#end[list]!) at = this.#addChunk(list);
    this.#put(at, row);
    this.#next[list] = at + 1;
  }

  /** The list's rows below `rowEnd`; true for as long as rows are only appended. */
  rowsOf(list: number, rowEnd: number): RowList {
    const chunks: Chunk[] = [];
    let stop = this.#next[list]!;
    for (let end = this.#end[list]!; end > 0; ) {
      const start = end - this.#at(end + 1);
      // Rows that came after the pin are the last ones.
      while (stop > start && this.#at(stop - 1) >= rowEnd) stop -= 1;
      if (stop > start) chunks.push({start, count: stop - start});
      end = this.#at(end);
      stop = end;
    }
    return new RowList(this.#arena.list, chunks.reverse());
  }

  /**
   * Puts the list's rows below `rowEnd` into `place`, without an object for them. How many they are; -1, and nothing
   * is put, where they are `limit` or more.
   */
  copyFew(list: number, rowEnd: number, limit: number, {out, at}: RowPlace): number {
    let count = 0;
    let stop = this.#next[list]!;
    for (let end = this.#end[list]!; end > 0 && count < limit; ) {
      const start = end - this.#at(end + 1);
      while (stop > start && this.#at(stop - 1) >= rowEnd) stop -= 1;
      count += stop - start;
      end = this.#at(end);
      stop = end;
    }
    if (count >= limit) return -1;
    let left = count;
    stop = this.#next[list]!;
    for (let end = this.#end[list]!; left > 0; ) {
      const start = end - this.#at(end + 1);
      const page = pageOf(start);
      const numbers = this.#arena.list[page]!;
      const begin = beginOf(page);
      for (let address = stop - 1; address >= start; address--) {
        const row = numbers[address - begin]!;
        if (row < rowEnd) out[at + --left] = row;
      }
      end = this.#at(end);
      stop = end;
    }
    return count;
  }

  #at(address: number): number {
    return int32At(this.#arena.list, address);
  }

  #put(address: number, value: number): void {
    const page = pageOf(address);
    this.#arena.list[page]![address - beginOf(page)] = value;
  }

  #addChunk(list: number): number {
    const before = this.#end[list]!;
    const capacity =
      before === 0
        ? CAPACITY_MIN
        : Math.min(CAPACITY_MAX, 2 * (this.#at(before + 1) + TRAILER_LENGTH) - TRAILER_LENGTH);
    let start = this.#used;
    const length = capacity + TRAILER_LENGTH;
    // No chunk reaches over two pages: it is copied in one go.
    const left = FIRST_LENGTH - (start % FIRST_LENGTH);
    if (left < length) start += left;
    this.#used = start + length;
    this.#arena.reserve(this.#used);
    const end = start + capacity;
    this.#put(end, before);
    this.#put(end + 1, capacity);
    this.#end[list] = end;
    return start;
  }
}

/** Where the numbers of rows go: from `at` on. */
export interface RowPlace {
  readonly out: Int32Array;
  readonly at: number;
}

interface Chunk {
  readonly start: number;
  readonly count: number;
}

/** Row numbers of one series, ascending. */
export class RowList {
  readonly #arena: readonly Int32Array[];
  readonly #chunks: readonly Chunk[];
  /** How many rows there are up to and with each chunk. */
  readonly #ends: readonly number[];

  constructor(arena: readonly Int32Array[], chunks: readonly Chunk[]) {
    this.#arena = arena;
    this.#chunks = chunks;
    let end = 0;
    this.#ends = chunks.map(({count}) => {
      end += count;
      return end;
    });
  }

  get count(): number {
    return this.#ends.at(-1) ?? 0;
  }

  at(position: number): number {
    const chunk = this.#chunkOf(position);
    return int32At(this.#arena, this.#chunks[chunk]!.start + position - this.#first(chunk));
  }

  /** Copies rows [from, to) to the beginning of `out`. */
  copy(from: number, to: number, out: Int32Array): void {
    let position = from;
    for (let chunk = this.#chunkOf(from); position < to; chunk++) {
      const stop = Math.min(to, this.#ends[chunk]!);
      const start = this.#chunks[chunk]!.start + position - this.#first(chunk);
      const number = pageOf(start);
      const page = this.#arena[number]!;
      let at = start - beginOf(number);
      for (; position < stop; position++) out[position - from] = page[at++]!;
    }
  }

  #first(chunk: number): number {
    return chunk === 0 ? 0 : this.#ends[chunk - 1]!;
  }

  #chunkOf(position: number): number {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ends[middle]! <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
