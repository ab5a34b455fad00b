// Integers as packed offsets from the least of them.

import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import {ENCODING} from './encoding.ts';
import {readPacked, writePacked} from './packed.ts';

export function encodeFrameOfReference(
  values: Float64Array,
  count: number,
  frame: {readonly base: number; readonly width: number},
  writer: ByteWriter,
): void {
  writer.u8(ENCODING.frameOfReference);
  writer.signedVarint(frame.base);
  writePacked(values, count, frame, writer);
}

export function decodeFrameOfReference(reader: ByteReader, count: number, out: Float64Array): void {
  readPacked(reader, count, reader.signedVarint(), out);
}
