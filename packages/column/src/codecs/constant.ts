// Every row holds the same number.

import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import {ENCODING} from './encoding.ts';

export function encodeConstantInteger(value: number, writer: ByteWriter): void {
  writer.u8(ENCODING.constantInteger);
  writer.signedVarint(value);
}

export function decodeConstantInteger(reader: ByteReader, count: number, out: Float64Array): void {
  out.fill(reader.signedVarint(), 0, count);
}

/** Bytes are compared and copied, never numbers: NaN payloads must survive. */
export function isConstantBits(values: Float64Array, count: number): boolean {
  const words = new Int32Array(values.buffer, values.byteOffset, count * 2);
  for (let i = 2; i < words.length; i += 2) {
    if (words[i] !== words[0] || words[i + 1] !== words[1]) return false;
  }
  return true;
}

export function encodeConstantBits(values: Float64Array, writer: ByteWriter): void {
  writer.u8(ENCODING.constantBits);
  writer.bytes(new Uint8Array(values.buffer, values.byteOffset, 8));
}

export function decodeConstantBits(reader: ByteReader, count: number, out: Float64Array): void {
  const low = reader.u32();
  const high = reader.u32();
  const words = new Uint32Array(out.buffer, out.byteOffset, count * 2);
  for (let i = 0; i < words.length; i += 2) {
    words[i] = low;
    words[i + 1] = high;
  }
}
