// Integers as the first one and packed differences of neighbours: times, counters.

import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import {subtractNeighbours, sumDeltas} from '../kernels/deltas.ts';
import {ENCODING} from './encoding.ts';
import {readPacked, writePacked} from './packed.ts';
import {scratchFloat64} from './scratch.ts';

/** @param frame  base: the least difference; width: of the differences above it */
export function encodeDelta(
  values: Float64Array,
  count: number,
  frame: {readonly base: number; readonly width: number},
  writer: ByteWriter,
): void {
  writer.u8(ENCODING.delta);
  writer.signedVarint(values[0]!);
  writer.signedVarint(frame.base);
  const deltas = scratchFloat64('deltas', count);
  subtractNeighbours(values, count, deltas);
  writePacked(deltas, count - 1, frame, writer);
}

export function decodeDelta(reader: ByteReader, count: number, out: Float64Array): void {
  const first = reader.signedVarint();
  readPacked(reader, count - 1, reader.signedVarint(), out);
  sumDeltas(out, count, first);
}
