// Reads what ByteWriter wrote. What another node or a disk says may be anything, so nothing throws:
// the first read past the end or of an unsafe integer makes the reader `failed` for good and yields
// zeros; callers check `failed` once at the end of a structure and in loops over counts.

const EMPTY = new Uint8Array(0);
/** 8 x 7 bits hold every safe integer (53 bits). */
const VARINT_BYTES_MAX = 8;
const TWO_32 = 0x1_0000_0000;

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;
  failed = false;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get offset(): number {
    return this.#at;
  }

  get atEnd(): boolean {
    return this.failed || this.#at >= this.#end;
  }

  /** True if all was read and nothing failed. */
  get complete(): boolean {
    return !this.failed && this.#at === this.#end;
  }

  u8(): number {
    if (!this.#has(1)) return 0;
    return this.#bytes[this.#at++]!;
  }

  u32(): number {
    if (!this.#has(4)) return 0;
    const bytes = this.#bytes;
    const at = this.#at;
    this.#at += 4;
    return (
      (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
    );
  }

  u64(): number {
    const low = this.u32();
    const value = low + this.u32() * TWO_32;
    return this.#safe(value);
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return this.#safe(value);
      scale *= 0x80;
    }
    this.failed = true;
    return 0;
  }

  /** A view into the input, not a copy. */
  bytes(length: number): Uint8Array {
    if (!this.#has(length)) return EMPTY;
    const start = this.#at;
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }

  lengthAndBytes(): Uint8Array {
    return this.bytes(this.varint());
  }

  /** All that is left. */
  rest(): Uint8Array {
    return this.bytes(this.#end - this.#at);
  }

  #has(count: number): boolean {
    if (this.failed || this.#at + count > this.#end) {
      this.failed = true;
      return false;
    }
    return true;
  }

  #safe(value: number): number {
    if (Number.isSafeInteger(value)) return value;
    this.failed = true;
    return 0;
  }
}
