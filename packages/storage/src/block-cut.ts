// Where the rows of a series are cut into blocks: at multiples, since the Unix epoch, of one duration
// of a fixed chain, so that a time bin of a query covers whole blocks and their statistics answer it.

/** In seconds; each divides the next but one day closes the chain. */
const CHAIN_SECONDS = [1, 10, 60, 300, 600, 3_600, 21_600, 86_400];

/** A block holds some hundreds of rows: fewer waste their header, more decode what nobody asked. */
export const BLOCK_ROWS_MIN = 100;
const BLOCK_ROWS_MAX = 1_000;

export interface BucketTime {
  /** Start of the bucket since the Unix epoch, in units of the database's precision. */
  readonly startUnits: bigint;
  /** 1e9, 1e6 or 1e3. */
  readonly unitsPerSecond: number;
}

export class BlockCut {
  readonly #steps: readonly number[];
  /** Bucket start since the last midnight UTC: every step of the chain divides a day. */
  readonly #phase: number;

  constructor(bucket: BucketTime) {
    this.#steps = CHAIN_SECONDS.map((seconds) => seconds * bucket.unitsPerSecond);
    const day = BigInt(this.#steps.at(-1)!);
    this.#phase = Number(((bucket.startUnits % day) + day) % day);
  }

  /** End row (exclusive) of each block of rows [from, to), whose offsets ascend. */
  ends(offsets: Float64Array, to: number, from = 0): number[] {
    if (from === to) return [];
    const step = this.#step(offsets, from, to);
    // Bins of a day may be too thin for a block each; several of them still begin and end at midnights.
    const rowsMin = step === this.#steps.at(-1) ? BLOCK_ROWS_MIN : 1;
    const ends: number[] = [];
    let start = from;
    let bin = this.#bin(offsets[from]!, step);
    for (let row = from + 1; row < to; row++) {
      const next = this.#bin(offsets[row]!, step);
      const rows = row - start;
      if ((next !== bin && rows >= rowsMin) || rows >= BLOCK_ROWS_MAX) {
        ends.push(row);
        start = row;
      }
      bin = next;
    }
    ends.push(to);
    return ends;
  }

  /** The shortest duration whose bins hold enough rows on average. */
  #step(offsets: Float64Array, from: number, to: number): number {
    const count = to - from;
    const span = offsets[to - 1]! - offsets[from]! + 1;
    const found = this.#steps.find((step) => count * step >= BLOCK_ROWS_MIN * span);
    return found ?? this.#steps.at(-1)!;
  }

  #bin(offset: number, step: number): number {
    return Math.floor((offset + this.#phase) / step);
  }
}
