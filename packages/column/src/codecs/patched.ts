// Packed integers of which a few do not fit into the width: the stream holds the base in their place, and
// they stand behind it by position. One far value costs some bytes then, not bits of every row. After PFOR
// (Zukowski, Heman, Nes, Boncz: "Super-Scalar RAM-CPU Cache Compression", ICDE 2006).

import {FatalError} from '@flotilla/base';
import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import type {Frame} from './narrow-frame.ts';
import {readPacked, writePackedInside} from './packed.ts';
import {scratchPositions} from './scratch.ts';

/** Requires integers within ±2^53. */
export function writePatched(
  values: Float64Array,
  count: number,
  frame: Frame,
  writer: ByteWriter,
): void {
  const positions = scratchPositions('outliers', count);
  writer.signedVarint(frame.base);
  const outliers = writePackedInside(values, count, frame, positions, writer);
  writer.varint(outliers);
  let next = 0;
  for (let i = 0; i < outliers; i++) {
    const position = positions[i]!;
    writer.varint(position - next);
    writer.signedVarint(values[position]!);
    next = position + 1;
  }
}

/** Fills the first `count` elements. */
export function readPatched(reader: ByteReader, count: number, out: Float64Array): void {
  readPacked(reader, count, reader.signedVarint(), out);
  let next = 0;
  for (let left = reader.count(count); left > 0; left--) {
    const position = next + reader.varint();
    if (position >= count) {
      throw new FatalError(`cannot decode patched integers: position ${position} of ${count}`);
    }
    out[position] = reader.signedVarint();
    next = position + 1;
  }
}
