// Integers as the first one, the first difference, and patched differences of differences: what speeds up and
// slows down evenly.

import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import {subtractNeighbours, sumDeltas} from '../kernels/deltas.ts';
import {ENCODING} from './encoding.ts';
import type {Frame} from './narrow-frame.ts';
import {readPatched, writePatched} from './patched.ts';
import {scratchFloat64} from './scratch.ts';

/** Requires count >= 2 and differences of both kinds below 2^53. @param frame  of the second differences */
export function encodeDeltaOfDelta(
  values: Float64Array,
  count: number,
  frame: Frame,
  writer: ByteWriter,
): void {
  writer.u8(ENCODING.deltaOfDelta);
  writer.signedVarint(values[0]!);
  writer.signedVarint(values[1]! - values[0]!);
  const deltas = scratchFloat64('deltas', count);
  const seconds = scratchFloat64('seconds', count);
  subtractNeighbours(values, count, deltas);
  subtractNeighbours(deltas, count - 1, seconds);
  writePatched(seconds, count - 2, frame, writer);
}

/** Requires count >= 2. */
export function decodeDeltaOfDelta(reader: ByteReader, count: number, out: Float64Array): void {
  const first = reader.signedVarint();
  const firstDelta = reader.signedVarint();
  readPatched(reader, count - 2, out);
  sumDeltas(out, count - 1, firstDelta);
  sumDeltas(out, count, first);
}
