// Integers as the first one and packed differences of neighbours, with differences that are far off behind:
// regular times with a gap, counters that begin anew.

import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import {subtractNeighbours, sumDeltas} from '../kernels/deltas.ts';
import {ENCODING} from './encoding.ts';
import type {Frame} from './narrow-frame.ts';
import {readPatched, writePatched} from './patched.ts';
import {scratchFloat64} from './scratch.ts';

/** Requires differences below 2^53. @param frame  of the differences */
export function encodePatchedDelta(
  values: Float64Array,
  count: number,
  frame: Frame,
  writer: ByteWriter,
): void {
  writer.u8(ENCODING.patchedDelta);
  writer.signedVarint(values[0]!);
  const deltas = scratchFloat64('deltas', count);
  subtractNeighbours(values, count, deltas);
  writePatched(deltas, count - 1, frame, writer);
}

/** Requires count >= 1. */
export function decodePatchedDelta(reader: ByteReader, count: number, out: Float64Array): void {
  const first = reader.signedVarint();
  readPatched(reader, count - 1, out);
  sumDeltas(out, count, first);
}
