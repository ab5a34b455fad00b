// How many distinct byte strings there are among those that several nodes hold, without sending them: exact
// while they are few, then HyperLogLog. Two sketches of any two sets make the sketch of their union, so nothing
// is counted twice.
// @see Flajolet et al., "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm", 2007

import {assert, FatalError} from '@flotilla/base';
import {ByteReader} from './bytes/byte-reader.ts';
import {ByteWriter} from './bytes/byte-writer.ts';
import {xxHash32} from './xx-hash.ts';

/** 2,048 registers: a standard error of 2.3 % (1.04 / sqrt(2,048)), in 2 KB. */
const INDEX_BITS = 11;
const REGISTERS = 1 << INDEX_BITS;
/** As hashes of 53 bits they take as many bytes as the registers do. */
const EXACT_MAX = 256;
/** Two seeds: 32 bits would meet by chance among a hundred thousand. */
const SEED = 0x5eed;
const LOW_BITS = 32 - INDEX_BITS;
const HIGH_BITS = 21;
const TWO_32 = 2 ** 32;
/** Of the paper, for this number of registers. */
const ALPHA = 0.7213 / (1 + 1.079 / REGISTERS);

const EXACT = 0;
const ESTIMATED = 1;

export interface DistinctCount {
  readonly count: number;
  readonly isEstimate: boolean;
}

/** 53 bits of hash; the lower 32 choose the register. */
export function distinctHash(bytes: Uint8Array): number {
  const low = xxHash32(bytes, 0, bytes.length, 0);
  const high = xxHash32(bytes, 0, bytes.length, SEED) >>> (32 - HIGH_BITS);
  return high * TWO_32 + low;
}

export class DistinctSketch {
  /** While there are few; then `#registers` are there instead. */
  #hashes: Set<number> | undefined = new Set();
  #registers: Uint8Array | undefined;

  /** @param hash of `distinctHash` */
  add(hash: number): void {
    if (this.#registers !== undefined) {
      note(this.#registers, hash);
      return;
    }
    this.#hashes!.add(hash);
    if (this.#hashes!.size > EXACT_MAX) this.#estimate();
  }

  merge(other: DistinctSketch): void {
    if (other.#registers === undefined) {
      for (const hash of other.#hashes!) this.add(hash);
      return;
    }
    const registers = this.#registers ?? this.#estimate();
    for (let i = 0; i < REGISTERS; i++)
      if (other.#registers[i]! > registers[i]!) registers[i] = other.#registers[i]!;
  }

  distinct(): DistinctCount {
    if (this.#registers === undefined) return {count: this.#hashes!.size, isEstimate: false};
    return {count: Math.round(estimateOf(this.#registers)), isEstimate: true};
  }

  /** Base64, for JSON. */
  encode(): string {
    const writer = new ByteWriter(REGISTERS + 1);
    if (this.#registers === undefined) {
      writer.u8(EXACT);
      writer.varint(this.#hashes!.size);
      for (const hash of this.#hashes!) writer.varint(hash);
    } else {
      writer.u8(ESTIMATED);
      writer.bytes(this.#registers);
    }
    return Buffer.from(writer.written()).toString('base64');
  }

  /** Throws FatalError for what is none. */
  static decode(text: string): DistinctSketch {
    const reader = new ByteReader(Buffer.from(text, 'base64'));
    const sketch = new DistinctSketch();
    const kind = reader.u8();
    if (kind === EXACT) {
      for (let i = reader.count(EXACT_MAX); i > 0; i--) sketch.#hashes!.add(reader.varint());
    } else if (kind === ESTIMATED) {
      sketch.#hashes = undefined;
      sketch.#registers = reader.view(REGISTERS).slice();
    } else throw new FatalError(`cannot decode sketch: kind ${kind}`);
    if (reader.remaining > 0) throw new FatalError('cannot decode sketch: bytes behind its end');
    return sketch;
  }

  #estimate(): Uint8Array {
    assert(this.#registers === undefined, 'the sketch estimates already');
    const registers = new Uint8Array(REGISTERS);
    for (const hash of this.#hashes!) note(registers, hash);
    this.#hashes = undefined;
    this.#registers = registers;
    return registers;
  }
}

/** A register keeps the longest run of zeros that the other 42 bits of a hash began with, and one. */
function note(registers: Uint8Array, hash: number): void {
  const high = Math.floor(hash / TWO_32);
  const low = hash >>> 0;
  const rest = low & ((1 << LOW_BITS) - 1);
  const rank =
    high > 0
      ? Math.clz32(high) - (32 - HIGH_BITS) + 1
      : HIGH_BITS + Math.clz32(rest) - (32 - LOW_BITS) + 1;
  const index = low >>> LOW_BITS;
  if (rank > registers[index]!) registers[index] = rank;
}

function estimateOf(registers: Uint8Array): number {
  let sum = 0;
  let zeros = 0;
  for (const rank of registers) {
    sum += 2 ** -rank;
    if (rank === 0) zeros += 1;
  }
  const estimate = (ALPHA * REGISTERS * REGISTERS) / sum;
  // Where registers are empty their number says more: linear counting, as in the paper.
  return estimate <= 2.5 * REGISTERS && zeros > 0
    ? REGISTERS * Math.log(REGISTERS / zeros)
    : estimate;
}
