// A seeded generator, so that one number decides every election timeout of a run.
// xoshiro128** by Blackman and Vigna (2018), state filled by SplitMix32.

import {assert} from './assert.ts';
import type {Random} from './ports.ts';

export class SeededRandom implements Random {
  readonly #state = new Uint32Array(4);

  /** @param seed any integer; its low 32 bits are used. */
  constructor(seed: number) {
    let mix = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      mix = (mix + 0x9e3779b9) >>> 0;
      let z = mix;
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      this.#state[i] = (z ^ (z >>> 16)) >>> 0;
    }
  }

  /** Uniform in [0, 2^32). */
  uint32(): number {
    const s = this.#state;
    const scrambled = Math.imul(rotateLeft(Math.imul(s[1]!, 5), 7), 9) >>> 0;
    const shifted = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= shifted;
    s[3] = rotateLeft(s[3]!, 11);
    return scrambled;
  }

  next(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  below(limit: number): number {
    assert(limit >= 1 && limit <= 0x1_0000_0000, () => `limit out of range: ${limit}`);
    return Math.floor(this.next() * limit);
  }
}

function rotateLeft(value: number, bits: number): number {
  return ((value << bits) | (value >>> (32 - bits))) >>> 0;
}
