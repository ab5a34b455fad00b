// Booleans, and which rows of a block have a value: one bit a row, or one flag for all.

import {FatalError} from '@flotilla/base';
import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import {countFlags, packFlags, unpackFlags} from '../kernels/bitmap.ts';
import {ENCODING} from './encoding.ts';

/** @param flags  0 or 1 each */
export function encodeFlags(flags: Uint8Array, count: number, writer: ByteWriter): void {
  const set = countFlags(flags, count);
  if (set === 0 || set === count) {
    writer.u8(ENCODING.constantFlag);
    writer.u8(set === 0 ? 0 : 1);
    return;
  }
  writer.u8(ENCODING.bitmap);
  const start = writer.reserve(Math.ceil(count / 8));
  packFlags(flags, count, writer.buffer, start);
}

export function decodeFlags(reader: ByteReader, count: number, out: Uint8Array): void {
  const encoding = reader.u8();
  if (encoding === ENCODING.constantFlag) {
    out.fill(reader.u8() & 1, 0, count);
  } else if (encoding === ENCODING.bitmap) {
    const start = reader.skip(Math.ceil(count / 8));
    unpackFlags(reader.bytes, start, count, out);
  } else {
    throw new FatalError(`cannot decode flags: encoding ${encoding}; offset=${reader.position}`);
  }
}
