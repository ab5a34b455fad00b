// A growable run of bytes, little-endian. Numbers are written so that ByteReader gives back the same
// number: unsigned varints (7 bits a byte, low bits first) and signed ones hold all safe integers.

import {assert} from '@flotilla/base';

/** Bytes of the longest varint: 53 bits by 7. */
export const VARINT_BYTES_MAX = 8;

const encoder = new TextEncoder();
const ASCII_END = 0x80;

export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #position = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes written so far. */
  get position(): number {
    return this.#position;
  }

  /** Forgets what was written and keeps the memory. */
  clear(): void {
    this.#position = 0;
  }

  /** Takes back everything from `position` on. */
  truncate(position: number): void {
    assert(position <= this.#position, 'truncate goes back only');
    this.#position = position;
  }

  /** Makes room for `count` more bytes and returns where they begin; `buffer` is then fit to be filled. */
  reserve(count: number): number {
    const start = this.#position;
    if (start + count > this.#bytes.length) this.#grow(start + count);
    this.#position = start + count;
    return start;
  }

  /** The memory behind it, valid until the next call that writes. */
  get buffer(): Uint8Array {
    return this.#bytes;
  }

  u8(value: number): void {
    const start = this.reserve(1);
    this.#bytes[start] = value;
  }

  u32(value: number): void {
    const start = this.reserve(4);
    this.#view.setUint32(start, value, true);
  }

  f64(value: number): void {
    const start = this.reserve(8);
    this.#view.setFloat64(start, value, true);
  }

  /** Requires an integer, 0 <= value <= 2^53. */
  varint(value: number): void {
    const start = this.reserve(VARINT_BYTES_MAX);
    this.#position = putVarint(this.#bytes, start, value);
  }

  /** Requires an integer within ±2^53. The first byte holds the sign in bit 6 and 6 bits of the number. */
  signedVarint(value: number): void {
    const size = Math.abs(value);
    const sign = value < 0 ? 0x40 : 0;
    const low = size % 64;
    const rest = (size - low) / 64;
    this.u8((rest === 0 ? 0 : 0x80) | sign | low);
    if (rest > 0) this.varint(rest);
  }

  bytes(bytes: Uint8Array): void {
    const start = this.reserve(bytes.length);
    this.#bytes.set(bytes, start);
  }

  /** Its UTF-8 behind the varint of its length. Most texts are short and ASCII: TextEncoder takes some 10 times as long for those. */
  text(value: string): void {
    const {length} = value;
    const start = this.reserve(VARINT_BYTES_MAX + length);
    const bytes = this.#bytes;
    let cursor = putVarint(bytes, start, length);
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i);
      if (unit >= ASCII_END) return this.#encodedText(value, start);
      bytes[cursor++] = unit;
    }
    this.#position = cursor;
  }

  #encodedText(value: string, start: number): void {
    this.#position = start;
    const bytes = encoder.encode(value);
    this.varint(bytes.length);
    this.bytes(bytes);
  }

  /** What was written, as bytes of its own. */
  copy(): Uint8Array {
    return this.#bytes.slice(0, this.#position);
  }

  /** What was written, valid until the next call that writes. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#position);
  }

  #grow(least: number): void {
    const grown = new Uint8Array(Math.max(least, this.#bytes.length * 2));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Writes a varint at `start`, where VARINT_BYTES_MAX bytes must be free; returns the offset after it. */
export function putVarint(bytes: Uint8Array, start: number, value: number): number {
  let cursor = start;
  let rest = value;
  // Above 2^31 the bit operators would cut.
  while (rest >= 0x8000_0000) {
    bytes[cursor++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  while (rest >= 0x80) {
    bytes[cursor++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[cursor++] = rest;
  return cursor;
}
