// Doubles byte by byte: what nothing else holds, NaN payloads included.

import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import {ENCODING} from './encoding.ts';

export function encodeRaw(values: Float64Array, count: number, writer: ByteWriter): void {
  writer.u8(ENCODING.raw);
  writer.bytes(new Uint8Array(values.buffer, values.byteOffset, count * 8));
}

export function decodeRaw(reader: ByteReader, count: number, out: Float64Array): void {
  new Uint8Array(out.buffer, out.byteOffset, count * 8).set(reader.view(count * 8));
}
