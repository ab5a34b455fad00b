// Integers as the first one and packed differences of neighbours: times, counters.

import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import {sumDeltas} from '../kernels/deltas.ts';
import {ENCODING} from './encoding.ts';
import {readPacked, writePacked} from './packed.ts';

/** @param count  of the differences @param frame  base: the least of them; width: of those above it */
export function encodeDelta(
  first: number,
  deltas: Float64Array,
  count: number,
  frame: {readonly base: number; readonly width: number},
  writer: ByteWriter,
): void {
  writer.u8(ENCODING.delta);
  writer.signedVarint(first);
  writer.signedVarint(frame.base);
  writePacked(deltas, count, frame, writer);
}

export function decodeDelta(reader: ByteReader, count: number, out: Float64Array): void {
  const first = reader.signedVarint();
  readPacked(reader, count - 1, reader.signedVarint(), out);
  sumDeltas(out, count, first);
}
