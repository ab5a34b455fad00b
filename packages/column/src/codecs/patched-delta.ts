// Integers as the first one and packed differences of neighbours, with differences that are far off behind:
// regular times with a gap, counters that begin anew.

import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import {sumDeltas} from '../kernels/deltas.ts';
import {ENCODING} from './encoding.ts';
import type {Frame} from './narrow-frame.ts';
import {readPatched, writePatched} from './patched.ts';

/** Requires differences below 2^53. @param count  of the differences, as the frame is */
export function encodePatchedDelta(
  first: number,
  deltas: Float64Array,
  count: number,
  frame: Frame,
  writer: ByteWriter,
): void {
  writer.u8(ENCODING.patchedDelta);
  writer.signedVarint(first);
  writePatched(deltas, count, frame, writer);
}

/** Requires count >= 1. */
export function decodePatchedDelta(reader: ByteReader, count: number, out: Float64Array): void {
  const first = reader.signedVarint();
  readPatched(reader, count - 1, out);
  sumDeltas(out, count, first);
}
