// Sorting in steps: each some thousand rows that come are sorted as a run, and the runs are merged while
// their rows are taken. So no step takes long, however many rows there are: sorted in one go ten million
// of them would hold a thread for a minute. (Knuth, The Art of Computer Programming 3, 5.4.1.)

/** Some 5 ms to sort. */
const RUN_ROWS = 4_096;

/** Less than 0: row `a` comes first. Never 0 for two rows. */
export type CompareRows = (a: number, b: number) => number;

export class SortedRuns {
  readonly #compare: CompareRows;
  readonly #runs: Int32Array[] = [];
  /** Rows below it are in runs. */
  #end = 0;

  constructor(compare: CompareRows) {
    this.#compare = compare;
  }

  /** Row `row` is there, and all before it. */
  added(row: number): void {
    if (row + 1 - this.#end >= RUN_ROWS) this.#sort(row + 1);
  }

  /** The rows below `count` in order. */
  *inOrder(count: number): Generator<number, void> {
    if (count > this.#end) this.#sort(count);
    const heads = this.#runs.map((rows) => ({rows, at: 0}));
    // A heap by the first row of each that is left.
    for (let i = (heads.length >>> 1) - 1; i >= 0; i--) this.#sink(heads, i);
    while (heads.length > 0) {
      const top = heads[0]!;
      yield top.rows[top.at++]!;
      if (top.at === top.rows.length) {
        const last = heads.pop()!;
        if (heads.length === 0) return;
        heads[0] = last;
      }
      this.#sink(heads, 0);
    }
  }

  #sort(end: number): void {
    const rows = new Int32Array(end - this.#end);
    for (let i = 0; i < rows.length; i++) rows[i] = this.#end + i;
    this.#runs.push(rows.sort(this.#compare));
    this.#end = end;
  }

  #sink(heads: Head[], from: number): void {
    const sinking = heads[from]!;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heads.length) break;
      if (child + 1 < heads.length && this.#isBefore(heads[child + 1]!, heads[child]!)) child += 1;
      if (this.#isBefore(sinking, heads[child]!)) break;
      heads[at] = heads[child]!;
      at = child;
    }
    heads[at] = sinking;
  }

  #isBefore(a: Head, b: Head): boolean {
    return this.#compare(a.rows[a.at]!, b.rows[b.at]!) < 0;
  }
}

interface Head {
  readonly rows: Int32Array;
  at: number;
}
