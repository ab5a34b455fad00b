// Elements of a typed array that only grow, in pages: growing never copies more than the first page,
// which alone begins small. Where an element stands never changes, so whoever knows how many there were
// goes on reading them while others are appended.
// Pages double up to a size and stay at it: few enough that a loop over ascending positions seldom
// changes pages, which costs more than the elements do, and never more spare than elements.

/** The first page ends here. Any multiple of it is inside a page or between two. */
export const FIRST_LENGTH = 1 << 12;
/** Of the first page when it is made: small tables are many. */
const FIRST_LENGTH_MIN = 16;
const LAST_BITS = 16;
/** Of pages that begin here or later, 512 KB of doubles; those before are as long as all before them. */
const LAST_LENGTH = 1 << LAST_BITS;
const LAST_NUMBER = Math.log2(LAST_LENGTH / FIRST_LENGTH);
/** Shorter runs are copied one by one. */
const SET_LENGTH_MIN = 16;
const FIRST_ZEROS = Math.clz32(FIRST_LENGTH);

/** Number of the page that holds a position. */
export function pageOf(position: number): number {
  if (position >= LAST_LENGTH) return LAST_NUMBER + (position >>> LAST_BITS);
  return position < FIRST_LENGTH ? 0 : 1 + FIRST_ZEROS - Math.clz32(position);
}

/** Position of a page's first element. */
export function beginOf(page: number): number {
  if (page > LAST_NUMBER) return (page - LAST_NUMBER) << LAST_BITS;
  return page === 0 ? 0 : FIRST_LENGTH << (page - 1);
}

export function lengthOf(page: number): number {
  return beginOf(page + 1) - beginOf(page);
}

export type PageArray = Uint8Array | Int32Array | Uint32Array | Float64Array;

export class Pages<A extends PageArray> {
  /** As `pageOf` numbers them. Only the first may be shorter than `lengthOf` says. */
  readonly list: A[] = [];
  readonly #make: (length: number) => A;
  /** Position behind the last page. */
  #end = 0;
  #bytes = 0;

  constructor(make: (length: number) => A) {
    this.#make = make;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Makes room for elements [0, end). */
  reserve(end: number): void {
    if (end <= this.#end) return;
    if (this.#end < FIRST_LENGTH) this.#growFirst(end);
    while (this.#end < end) this.#add(this.#make(lengthOf(this.list.length)));
  }

  /** Copies the first `count` of `from` to the elements from `start` on. Requires room. */
  write(from: A, count: number, start: number): void {
    let done = 0;
    while (done < count) {
      const number = pageOf(start + done);
      const page = this.list[number]!;
      const at = start + done - beginOf(number);
      const length = Math.min(page.length - at, count - done);
      // Short runs are most of them, and shorter than what `set` costs to set up.
      if (length < SET_LENGTH_MIN) for (let i = 0; i < length; i++) page[at + i] = from[done + i]!;
      else page.set(from.subarray(done, done + length), at);
      done += length;
    }
  }

  #growFirst(end: number): void {
    const first = this.list.pop();
    let length = first === undefined ? FIRST_LENGTH_MIN : first.length;
    while (length < end && length < FIRST_LENGTH) length *= 2;
    const grown = this.#make(length);
    if (first !== undefined) {
      grown.set(first);
      this.#bytes -= first.byteLength;
      this.#end = 0;
    }
    this.#add(grown);
  }

  #add(page: A): void {
    this.list.push(page);
    this.#end += page.length;
    this.#bytes += page.byteLength;
  }
}

// One function for each kind: a loop is fast while it meets arrays of one kind.

export function doubleAt(pages: readonly Float64Array[], position: number): number {
  const page = pageOf(position);
  return pages[page]![position - beginOf(page)]!;
}

export function int32At(pages: readonly Int32Array[], position: number): number {
  const page = pageOf(position);
  return pages[page]![position - beginOf(page)]!;
}

export function int32Pages(): Pages<Int32Array> {
  return new Pages((length) => new Int32Array(length));
}

export function doublePages(): Pages<Float64Array> {
  return new Pages((length) => new Float64Array(length));
}
