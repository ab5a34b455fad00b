// Doubles of any bits, cut below the bits that neighbours have nearly in common: those are a column of
// integers, what lies below is packed as it is. Walks in steps of N(0, 1) within 0 and 100 take 6.2 to 6.5 bytes a
// value so, 8.0 by Gorilla's XOR, 7.5 as zstd finds them and 6.6 with their bytes transposed before; zstd
// takes what is left of a page no further (column-codec.bench.ts).

import {FatalError} from '@flotilla/base';
import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import {emptyScan, scanIntegers} from '../kernels/scan-numbers.ts';
import {
  type DoubleCut,
  type DoubleParts,
  type DoubleScan,
  joinDoubles,
  scanDoubles,
  splitDoubles,
} from '../kernels/split-doubles.ts';
import {ENCODING} from './encoding.ts';
import {decodeFlags, encodeFlags} from './flags.ts';
import {decodeIntegers, encodeIntegers} from './integers.ts';
import {readPacked, writePacked} from './packed.ts';
import {scratchFlags, scratchFloat64, scratchWordsOf} from './scratch.ts';

/** Packed so, words are as they are. */
const WORD_BITS = 32;
/** The cut is inside the upper word of a double: below it, and above its exponent, it saves nothing. */
const TOP_MIN = 32;
const TOP_MAX = 52;

const found: DoubleScan = {zeroBits: 0, stepBits: 0};
const topScan = emptyScan();

/** Requires count >= 1. */
export function encodeSplitDoubles(values: Float64Array, count: number, writer: ByteWriter): void {
  const cut = chooseCut(values, count);
  const parts = scratchParts(count);
  const {signs, tops, highs, lows} = parts;
  splitDoubles(values, count, cut, parts);
  writer.u8(ENCODING.splitDoubles);
  writer.u8(cut.top);
  writer.u8(cut.low);
  encodeFlags(signs, count, writer);
  scanIntegers(tops, count, topScan, scratchFloat64('deltas', count));
  // Noise lies around them in the page: zstd would not find what aligned ones cost more.
  encodeIntegers(tops, count, topScan, writer, 'patched');
  const {highWidth, lowWidth} = widths(cut);
  writePacked(highs, count, {base: 0, width: highWidth}, writer);
  writeLows(lows, count, lowWidth, writer);
}

export function decodeSplitDoubles(reader: ByteReader, count: number, out: Float64Array): void {
  const cut = {top: reader.u8(), low: reader.u8()};
  if (!(cut.top >= TOP_MIN && cut.top <= TOP_MAX && cut.low <= cut.top)) {
    throw new FatalError(`cannot decode doubles: cut ${cut.top}, ${cut.low}`);
  }
  const parts = scratchParts(count);
  decodeFlags(reader, count, parts.signs);
  decodeIntegers(reader, count, parts.tops);
  readPacked(reader, count, 0, parts.highs);
  readLows(reader, count, parts.lows);
  joinDoubles(out, count, cut, parts);
}

function scratchParts(count: number): DoubleParts {
  return {
    signs: scratchFlags('signs', count),
    tops: scratchFloat64('tops', count),
    highs: scratchFloat64('highs', count),
    lows: scratchWordsOf('lows', count),
  };
}

/** Steps of the tops then have some two bits, of which packing wastes least. */
function chooseCut(values: Float64Array, count: number): DoubleCut {
  scanDoubles(values, count, found);
  const top = Math.min(TOP_MAX, TOP_MIN + Math.round(found.stepBits + 1));
  return {top, low: Math.min(found.zeroBits, top)};
}

/** As packed integers; most are whole words, which need no packing. */
function writeLows(lows: Uint32Array, count: number, width: number, writer: ByteWriter): void {
  if (width === WORD_BITS) {
    writer.u8(width);
    writer.bytes(new Uint8Array(lows.buffer, lows.byteOffset, count * 4));
    return;
  }
  const numbers = scratchFloat64('lowNumbers', count);
  for (let i = 0; i < count; i++) numbers[i] = lows[i]!;
  writePacked(numbers, count, {base: 0, width}, writer);
}

function readLows(reader: ByteReader, count: number, lows: Uint32Array): void {
  if (reader.bytes[reader.position] === WORD_BITS) {
    reader.u8();
    new Uint8Array(lows.buffer, lows.byteOffset).set(reader.view(count * 4));
    return;
  }
  const numbers = scratchFloat64('lowNumbers', count);
  readPacked(reader, count, 0, numbers);
  for (let i = 0; i < count; i++) lows[i] = numbers[i]!;
}

function widths({top, low}: DoubleCut): {highWidth: number; lowWidth: number} {
  return {highWidth: top - Math.max(32, low), lowWidth: Math.max(0, 32 - low)};
}
