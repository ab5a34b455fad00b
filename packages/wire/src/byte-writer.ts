// Appends bytes to a growing buffer. Varints are LEB128 over safe integers, by multiplication where
// bit operators would cut to 32 bits. All fixed-width numbers are little-endian.

import {assert} from '@flotilla/base';

const FIRST_BYTES = 1024;
const TWO_32 = 0x1_0000_0000;

export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(firstBytes = FIRST_BYTES) {
    this.#bytes = Buffer.allocUnsafeSlow(firstBytes);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): void {
    this.#grow(1);
    this.#bytes[this.#length++] = value;
  }

  u32(value: number): void {
    this.#grow(4);
    this.#length = this.#bytes.writeUInt32LE(value, this.#length);
  }

  /** A safe integer in 8 bytes. */
  u64(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, () => `not a safe integer: ${value}`);
    this.u32(value % TWO_32);
    this.u32(Math.floor(value / TWO_32));
  }

  varint(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, () => `not a safe integer: ${value}`);
    this.#grow(8);
    let rest = value;
    while (rest >= TWO_32 / 2) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  bytes(value: Uint8Array): void {
    this.#grow(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** Length as varint, then the bytes. */
  lengthAndBytes(value: Uint8Array): void {
    this.varint(value.length);
    this.bytes(value);
  }

  /** Overwrites four bytes written before. */
  setU32(offset: number, value: number): void {
    assert(offset + 4 <= this.#length, 'patch beyond what was written');
    this.#bytes.writeUInt32LE(value, offset);
  }

  /** What was written, without a copy: valid until the next write or reset. */
  view(start = 0, end = this.#length): Uint8Array {
    return this.#bytes.subarray(start, end);
  }

  /**
   * What was written, as the caller's own; the writer is empty afterwards. Short ones share a buffer of
   * some kilobytes: not for what is kept.
   */
  finish(): Uint8Array {
    const own = Buffer.allocUnsafe(this.#length);
    this.#bytes.copy(own, 0, 0, this.#length);
    this.reset();
    return new Uint8Array(own.buffer, own.byteOffset, own.length);
  }

  reset(): void {
    this.#length = 0;
  }

  #grow(count: number): void {
    const need = this.#length + count;
    if (need <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(need, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
