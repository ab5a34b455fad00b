// A hash of a set of values that does not depend on their order nor on how they are cut into blocks: two
// sums, each of a 32-bit hash of (series, time, column, value) per value. Equal sets give equal sums;
// different ones do so by chance of 2^-64 at best, as good as the mixing is (MurmurHash3's, by Austin
// Appleby). It finds mistakes and broken disks, and is no defence against somebody who wants a collision.

import type {ColumnValues} from './column-values.ts';
import {xxHash32} from './xx-hash.ts';

/**
 * Raised with whatever changes the sum of the same values: what goes into it and in which form, or how it is
 * mixed. Sums of two versions say nothing about each other.
 */
export const VALUES_HASH_VERSION = 1;

const WORD = 2 ** 32;
const SEEDS = [0x9747b28c, 0x5bd1e995] as const;

export interface HashedColumn {
  readonly values: ColumnValues;
  /** One byte a row, 1 = has a value; absent: every row has one. */
  readonly present?: Uint8Array | undefined;
}

export class ValuesHash {
  /** How many values went in. */
  count = 0;
  #low = 0;
  #high = 0;
  readonly #words = [0, 0];

  /** Rows of one series. `columns[i]` is that of `ids[i]`; undefined: no row has a value. */
  add(
    {table, key}: {readonly table: number; readonly key: Uint8Array},
    {rowCount, offsets}: {readonly rowCount: number; readonly offsets: Float64Array},
    columns: readonly {readonly id: number; readonly column: HashedColumn | undefined}[],
  ): void {
    const low = mix(xxHash32(key, 0, key.length, SEEDS[0]), table);
    const high = mix(xxHash32(key, 0, key.length, SEEDS[1]), table);
    for (const {id, column} of columns) {
      if (column === undefined) continue;
      this.#addColumn([mix(low, id), mix(high, id)], {rowCount, offsets}, column);
    }
  }

  /** 16 hex digits. */
  digest(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
    return hex(this.#high) + hex(this.#low);
  }

  #addColumn(
    [low, high]: readonly [number, number],
    {rowCount, offsets}: {readonly rowCount: number; readonly offsets: Float64Array},
    {values, present}: HashedColumn,
  ): void {
    const words = this.#words;
    for (let row = 0; row < rowCount; row++) {
      if (present !== undefined && present[row] === 0) continue;
      wordsOf(values, row, words);
      const offset = offsets[row]!;
      const time = offset >>> 0;
      const epoch = Math.floor(offset / WORD) | 0;
      const [first, second] = words as [number, number];
      this.#low = (this.#low + finish(mix(mix(mix(mix(low, time), epoch), first), second))) | 0;
      this.#high = (this.#high + finish(mix(mix(mix(mix(high, time), epoch), second), first))) | 0;
      this.count += 1;
    }
  }
}

const double = new Float64Array(1);
const doubleWords = new Uint32Array(double.buffer);

/** The value as two words, whichever arrays hold it. */
function wordsOf(values: ColumnValues, row: number, words: number[]): void {
  switch (values.type) {
    case 'float':
      double[0] = values.values[row]!;
      words[0] = doubleWords[0]!;
      words[1] = doubleWords[1]!;
      return;
    case 'integer':
    case 'unsigned':
      wholeWords(values.wide?.[row] ?? values.values[row]!, words);
      return;
    case 'boolean':
      words[0] = values.values[row]!;
      words[1] = 0;
      return;
    case 'string': {
      const start = row === 0 ? 0 : values.ends[row - 1]!;
      words[0] = xxHash32(values.bytes, start, values.ends[row]!, SEEDS[0]);
      words[1] = xxHash32(values.bytes, start, values.ends[row]!, SEEDS[1]);
      return;
    }
    default:
      values satisfies never;
  }
}

/** Its 64 bits, low and high: a run holds it as a bigint beside wider ones, else as a double. */
function wholeWords(value: bigint | number, words: number[]): void {
  if (typeof value === 'bigint') {
    words[0] = Number(BigInt.asUintN(32, value));
    words[1] = Number(BigInt.asIntN(32, value >> 32n));
    return;
  }
  words[0] = value >>> 0;
  words[1] = Math.floor(value / WORD) | 0;
}

function mix(hash: number, word: number): number {
  let scrambled = Math.imul(word, 0xcc9e2d51);
  scrambled = (scrambled << 15) | (scrambled >>> 17);
  const mixed = hash ^ Math.imul(scrambled, 0x1b873593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
