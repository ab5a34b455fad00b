// Reads what ByteWriter wrote. Every read checks the end: damaged bytes give a FatalError, never
// garbage from beyond them.

import {FatalError} from '@flotilla/base';

export class ByteReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  #position: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#position = start;
    this.#end = end;
  }

  get position(): number {
    return this.#position;
  }

  get remaining(): number {
    return this.#end - this.#position;
  }

  /** Steps over `count` bytes and returns where they begin. */
  skip(count: number): number {
    const start = this.#position;
    if (count > this.#end - start) throw this.#short(count);
    this.#position = start + count;
    return start;
  }

  u8(): number {
    return this.bytes[this.skip(1)]!;
  }

  u32(): number {
    return this.#view.getUint32(this.skip(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.skip(8), true);
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > 2 ** 53) break;
        return value;
      }
      scale *= 0x80;
    }
    throw new FatalError(`cannot decode varint: over 53 bits; offset=${this.#position}`);
  }

  signedVarint(): number {
    const first = this.u8();
    let size = first & 0x3f;
    if (first >= 0x80) size += this.varint() * 64;
    if (size > 2 ** 53) {
      throw new FatalError(`cannot decode varint: over 53 bits; offset=${this.#position}`);
    }
    return (first & 0x40) === 0 ? size : 0 - size;
  }

  /** A varint that must not pass `max`: a count or a length of damaged bytes allocates nothing. */
  count(max: number): number {
    const value = this.varint();
    if (value > max) {
      throw new FatalError(`cannot decode count: want ${max} at most; have ${value}`);
    }
    return value;
  }

  /** A view of the next `count` bytes. */
  view(count: number): Uint8Array {
    const start = this.skip(count);
    return this.bytes.subarray(start, start + count);
  }

  #short(count: number): FatalError {
    return new FatalError(
      `cannot decode: want ${count} bytes; have ${this.#end - this.#position}; offset=${this.#position}`,
    );
  }
}
