// Integers as packed offsets from a base, with those that are far off behind.

import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import {ENCODING} from './encoding.ts';
import type {Frame} from './narrow-frame.ts';
import {readPatched, writePatched} from './patched.ts';

export function encodePatchedFrame(
  values: Float64Array,
  count: number,
  frame: Frame,
  writer: ByteWriter,
): void {
  writer.u8(ENCODING.patchedFrame);
  writePatched(values, count, frame, writer);
}

export function decodePatchedFrame(reader: ByteReader, count: number, out: Float64Array): void {
  readPatched(reader, count, out);
}
