// Packed integers as they lie in a column: width, then one or two bit streams.

import {FatalError} from '@flotilla/base';
import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import {packedBytes, packHigh, packInside, packLow} from '../kernels/pack-bits.ts';
import {separateOutliers} from '../kernels/separate-outliers.ts';
import {addHigh, unpackLow} from '../kernels/unpack-bits.ts';
import {scratchFloat64, scratchWords} from './scratch.ts';

/** Widest offset: integers below 2^53. */
const WIDTH_MAX = 53;

/** Requires 0 <= values[i] - base < 2^width. */
export function writePacked(
  values: Float64Array,
  count: number,
  frame: {readonly base: number; readonly width: number},
  writer: ByteWriter,
): void {
  const {base, width} = frame;
  writer.u8(width);
  if (width === 0) return;
  const words = scratchWords(count + 1);
  const low = Math.min(width, 32);
  packLow(values, count, base, low, words);
  writer.bytes(new Uint8Array(words.buffer, 0, packedBytes(count, low)));
  if (width <= 32) return;
  packHigh(values, count, base, width, words);
  writer.bytes(new Uint8Array(words.buffer, 0, packedBytes(count, width - 32)));
}

/**
 * As `writePacked`, with the base in the place of values outside the frame, whose positions are then in `outliers`.
 * @returns how many they are
 */
export function writePackedInside(
  values: Float64Array,
  count: number,
  frame: {readonly base: number; readonly width: number},
  outliers: Int32Array,
  writer: ByteWriter,
): number {
  const {base, width} = frame;
  if (width === 0 || width > 32) {
    const kept = scratchFloat64('kept', count);
    const found = separateOutliers(values, count, {base, limit: 2 ** width}, kept, outliers);
    writePacked(kept, count, frame, writer);
    return found;
  }
  const words = scratchWords(count + 1);
  const found = packInside(values, count, frame, words, outliers);
  writer.u8(width);
  writer.bytes(new Uint8Array(words.buffer, 0, packedBytes(count, width)));
  return found;
}

/** out[i] = base + packed value i. */
export function readPacked(
  reader: ByteReader,
  count: number,
  base: number,
  out: Float64Array,
): void {
  const width = reader.u8();
  if (width > WIDTH_MAX) {
    throw new FatalError(
      `cannot decode packed integers: width ${width}; offset=${reader.position}`,
    );
  }
  if (width === 0) {
    out.fill(base, 0, count);
    return;
  }
  unpackLow(readWords(reader, count, Math.min(width, 32)), count, Math.min(width, 32), base, out);
  if (width > 32) addHigh(readWords(reader, count, width - 32), count, width, out);
}

/** Copies a stream to aligned words, with one word more for the last value to look into. */
function readWords(reader: ByteReader, count: number, width: number): Uint32Array {
  const bytes = reader.view(packedBytes(count, width));
  const words = scratchWords(Math.ceil(bytes.length / 4) + 1);
  new Uint8Array(words.buffer).set(bytes);
  return words;
}
