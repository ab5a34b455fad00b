// Byte strings numbered in order of first appearance: one arena, one open-addressing table of
// numbers, no JavaScript string and no object per entry. Series keys and tag values live in these.

import {assert} from '@flotilla/base';
import {xxHash32} from '@flotilla/column';
import {withCapacity} from './growable.ts';

/** Slots per entry at most 2/3 full: linear probing stays short. */
const LOAD_NUMERATOR = 2;
const LOAD_DENOMINATOR = 3;

/** What a 32-bit end can say; ten million series of 110 bytes are a quarter of it. */
const ARENA_BYTES_MAX = 2 ** 32;

export class ByteSet {
  #arena = new Uint8Array(0);
  /** End of entry i in the arena; it begins where i - 1 ends. */
  #ends = new Uint32Array(0);
  #hashes = new Int32Array(0);
  #count = 0;
  /** Number + 1 of the entry in that slot, 0 = free. Its length is a power of two. */
  #slots = new Int32Array(16);

  get count(): number {
    return this.#count;
  }

  /** Heap held, keys included. */
  get bytes(): number {
    return (
      this.#arena.byteLength +
      this.#ends.byteLength +
      this.#hashes.byteLength +
      this.#slots.byteLength
    );
  }

  /** The bytes of entry `number`; a view, never to be written. */
  get(number: number): Uint8Array {
    return this.#arena.subarray(this.#start(number), this.#ends[number]!);
  }

  /** @param guess  a number that it may well have: compared first, without a hash */
  find(bytes: Uint8Array, guess = this.#count): number | undefined {
    if (guess < this.#count && this.#equals(guess, bytes)) return guess;
    const slot = this.#probe(bytes, hashOf(bytes));
    const stored = this.#slots[slot]!;
    return stored === 0 ? undefined : stored - 1;
  }

  /** The number of `bytes`, a new one (= count before) if they were not there. */
  add(bytes: Uint8Array): number {
    const hash = hashOf(bytes);
    const slot = this.#probe(bytes, hash);
    const stored = this.#slots[slot]!;
    if (stored !== 0) return stored - 1;
    const number = this.#append(bytes, hash);
    this.#slots[slot] = number + 1;
    if (this.#count * LOAD_DENOMINATOR > this.#slots.length * LOAD_NUMERATOR) this.#rehash();
    return number;
  }

  #append(bytes: Uint8Array, hash: number): number {
    const number = this.#count;
    const start = this.#start(number);
    assert(start + bytes.length < ARENA_BYTES_MAX, 'the arena is full');
    this.#arena = withCapacity(this.#arena, start + bytes.length);
    this.#arena.set(bytes, start);
    this.#ends = withCapacity(this.#ends, number + 1);
    this.#ends[number] = start + bytes.length;
    this.#hashes = withCapacity(this.#hashes, number + 1);
    this.#hashes[number] = hash;
    this.#count = number + 1;
    return number;
  }

  #start(number: number): number {
    return number === 0 ? 0 : this.#ends[number - 1]!;
  }

  /** The slot that holds `bytes`, or the free one where they belong. */
  #probe(bytes: Uint8Array, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const stored = this.#slots[slot]!;
      if (stored === 0) return slot;
      if (this.#hashes[stored - 1] === hash && this.#equals(stored - 1, bytes)) return slot;
    }
  }

  #equals(number: number, bytes: Uint8Array): boolean {
    const start = this.#start(number);
    if (this.#ends[number]! - start !== bytes.length) return false;
    const arena = this.#arena;
    for (let i = 0; i < bytes.length; i++) if (arena[start + i] !== bytes[i]) return false;
    return true;
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let number = 0; number < this.#count; number++) {
      let slot = this.#hashes[number]! & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = number + 1;
    }
    this.#slots = slots;
  }
}

function hashOf(bytes: Uint8Array): number {
  return xxHash32(bytes, 0, bytes.length, 0) | 0;
}
