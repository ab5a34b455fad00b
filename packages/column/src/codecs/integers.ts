// A column of integers within ±2^53: which of their encodings is the smallest, and the way back from any.

import {FatalError} from '@flotilla/base';
import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import {subtractNeighbours} from '../kernels/deltas.ts';
import {bitWidth} from '../kernels/pack-bits.ts';
import {emptyScan, type NumberScan, scanNumbers} from '../kernels/scan-numbers.ts';
import {decodeConstantInteger, encodeConstantInteger} from './constant.ts';
import {decodeDelta, encodeDelta} from './delta.ts';
import {decodeDeltaOfDelta, encodeDeltaOfDelta} from './delta-of-delta.ts';
import {ENCODING} from './encoding.ts';
import {decodeFrameOfReference, encodeFrameOfReference} from './frame-of-reference.ts';
import {type Frame, narrowFrame, outlierBits} from './narrow-frame.ts';
import {decodePatchedDelta, encodePatchedDelta} from './patched-delta.ts';
import {decodePatchedFrame, encodePatchedFrame} from './patched-frame.ts';
import {encodeRaw} from './raw.ts';
import {scratchFloat64} from './scratch.ts';

/** Bits that the second base of a delta column costs, about; a third one as much again. */
const DELTA_HEAD_BITS = 16;
/** Of the count of patches. */
const PATCHED_HEAD_BITS = 8;
/** Patches that save less than this share are not worth a second look at each column that is read. */
const PATCHED_SAVING_MIN = 1 / 16;
/** What is aligned and no wider is not looked through for a narrower frame: zstd finds the little there is. */
const NARROW_ENOUGH = 4;
/** Differences looked at to tell whether they change slowly. */
const SMOOTH_SAMPLES = 32;

const secondScan = emptyScan();

/**
 * `plain` is that of version 1. `patched` leaves far values out of the width and knows second differences.
 * `aligned` takes more bits for narrow values than they need, so that none crosses a byte: zstd finds nearly
 * their entropy then, and what it makes of a page is a tenth smaller than of the narrowest packing.
 */
export type IntegerPacking = 'plain' | 'patched' | 'aligned';

/** Requires integers, count >= 1 and `scan` to be that of the values. */
export function encodeIntegers(
  values: Float64Array,
  count: number,
  scan: NumberScan,
  writer: ByteWriter,
  packing: IntegerPacking,
): void {
  const range = scan.max - scan.min;
  const deltaRange = scan.deltaMax - scan.deltaMin;
  const width = range < 2 ** 53 ? bitWidth(range) : Infinity;
  const deltaWidth = exactDeltas(scan) ? bitWidth(deltaRange) : Infinity;
  if (range === 0) {
    encodeConstantInteger(scan.min, writer);
  } else if (packing !== 'plain' && deltaWidth > 0 && Math.min(width, deltaWidth) < Infinity) {
    encodeClosely(values, count, scan, {width, deltaWidth, packing}, writer);
  } else if (deltaWidth * (count - 1) + DELTA_HEAD_BITS < width * count) {
    const frame = {base: scan.deltaMin, width: deltaWidth};
    encodeDelta(values[0]!, deltasOf(values, count, scan), count - 1, frame, writer);
  } else if (width < Infinity) {
    encodeFrameOfReference(values, count, {base: scan.min, width}, writer);
  } else {
    encodeRaw(values, count, writer);
  }
}

/** The encodings of integers alone: nothing that holds a column of numbers itself. */
export function decodeIntegers(reader: ByteReader, count: number, out: Float64Array): void {
  const encoding = reader.u8();
  if (encoding === ENCODING.constantInteger) {
    decodeConstantInteger(reader, count, out);
  } else if (encoding === ENCODING.frameOfReference) {
    decodeFrameOfReference(reader, count, out);
  } else if (encoding === ENCODING.patchedFrame) {
    decodePatchedFrame(reader, count, out);
  } else if (encoding === ENCODING.delta && count > 0) {
    decodeDelta(reader, count, out);
  } else if (encoding === ENCODING.patchedDelta && count > 0) {
    decodePatchedDelta(reader, count, out);
  } else if (encoding === ENCODING.deltaOfDelta && count > 1) {
    decodeDeltaOfDelta(reader, count, out);
  } else {
    throw new FatalError(`cannot decode numbers: encoding ${encoding}; offset=${reader.position}`);
  }
}

interface Widths {
  readonly width: number;
  readonly deltaWidth: number;
  readonly packing: IntegerPacking;
}

/** A frame of the values or of their differences; whole ones hold all of them. */
interface Candidate {
  readonly frame: Frame;
  readonly isWhole: boolean;
  readonly bits: number;
}

/** Writes the smallest of the encodings, patched where that saves enough. */
function encodeClosely(
  values: Float64Array,
  count: number,
  scan: NumberScan,
  {width, deltaWidth, packing}: Widths,
  writer: ByteWriter,
): void {
  const frameBits = width * count;
  const deltaBits = deltaWidth * (count - 1) + DELTA_HEAD_BITS;
  // An outlier costs differences one bit more than values, or none of them: what is more than a bit a
  // value behind is so without outliers too.
  const bitsMax = Math.min(frameBits, deltaBits) + count;
  let frame: Candidate | undefined;
  if (frameBits <= bitsMax) {
    const whole = {base: scan.min, width};
    frame = candidateOf(values, count, whole, {packing, max: scan.max, headBits: 0});
  }
  let delta: Candidate | undefined;
  let second: Candidate | undefined;
  if (deltaBits <= bitsMax) {
    const deltas = deltasOf(values, count, scan);
    const whole = {base: scan.deltaMin, width: deltaWidth};
    const more = {packing, max: scan.deltaMax, headBits: DELTA_HEAD_BITS};
    delta = candidateOf(deltas, count - 1, whole, more);
    second = secondCandidate(deltas, count - 1, packing);
  }
  const least = Math.min(...[frame, delta, second].map((each) => each?.bits ?? Infinity));
  if (second?.bits === least) {
    encodeDeltaOfDelta(values, count, second.frame, writer);
  } else if (delta?.bits === least) {
    const {isWhole, frame: best} = delta;
    const encode = isWhole ? encodeDelta : encodePatchedDelta;
    encode(values[0]!, deltasOf(values, count, scan), count - 1, best, writer);
  } else {
    const {isWhole, frame: best} = frame!;
    const encode = isWhole ? encodeFrameOfReference : encodePatchedFrame;
    encode(values, count, best, writer);
  }
}

function deltasOf(values: Float64Array, count: number, scan: NumberScan): Float64Array {
  if (scan.deltas !== undefined) return scan.deltas;
  const deltas = scratchFloat64('deltas', count);
  subtractNeighbours(values, count, deltas);
  scan.deltas = deltas;
  return deltas;
}

/** @param max  of the values, whose least is the base of the whole frame */
function candidateOf(
  values: Float64Array,
  count: number,
  whole: Frame,
  {packing, max, headBits}: {packing: IntegerPacking; max: number; headBits: number},
): Candidate {
  const wholeBits = whole.width * count + headBits;
  if (packing === 'aligned' && whole.width <= NARROW_ENOUGH) {
    const frame = {base: whole.base, width: alignedWidth(whole.width)};
    return {frame, isWhole: true, bits: wholeBits};
  }
  const found = narrowFrame(values, count, whole, outlierBits(whole.base, max));
  const patchedBits = found.bits + headBits + PATCHED_HEAD_BITS;
  const isPatched = patchedBits <= wholeBits * (1 - PATCHED_SAVING_MIN);
  const narrow = isPatched ? found : whole;
  const width = packing === 'aligned' ? alignedWidth(narrow.width) : narrow.width;
  const bits = isPatched ? patchedBits : wholeBits;
  if (width >= whole.width) return {frame: {base: whole.base, width}, isWhole: true, bits};
  // What is wider than it has to be is so on both sides.
  const base = narrow.base - (2 ** width - 2 ** narrow.width) / 2;
  return {frame: {base: Math.max(-(2 ** 53), base), width}, isWhole: false, bits};
}

function alignedWidth(width: number): number {
  if (width === 3) return 4;
  return width > 4 && width < 8 ? 8 : width;
}

/** Of the differences between differences, where these change slowly. */
function secondCandidate(
  deltas: Float64Array,
  count: number,
  packing: IntegerPacking,
): Candidate | undefined {
  if (!isSmooth(deltas, count)) return undefined;
  const seconds = scratchFloat64('seconds', count);
  subtractNeighbours(deltas, count, seconds);
  scanNumbers(seconds, count - 1, secondScan);
  const {min, max} = secondScan;
  // None was rounded, since the first ones lie within 2^53 of each other; a frame is no wider either.
  if (max - min >= 2 ** 53) return undefined;
  const whole = {base: min, width: bitWidth(max - min)};
  const more = {packing, max, headBits: 2 * DELTA_HEAD_BITS};
  return candidateOf(seconds, count - 1, whole, more);
}

/** Whether neighbouring differences lie much closer than differences do: seen in a run from the middle. */
function isSmooth(deltas: Float64Array, count: number): boolean {
  if (count < SMOOTH_SAMPLES) return false;
  const start = (count - SMOOTH_SAMPLES) >> 1;
  scanNumbers(deltas.subarray(start), SMOOTH_SAMPLES, secondScan);
  const {min, max, deltaMin, deltaMax} = secondScan;
  return (deltaMax - deltaMin) * 2 < max - min;
}

/** Below 2^53 a difference of two such integers was not rounded. */
function exactDeltas({deltaMin, deltaMax}: NumberScan): boolean {
  return deltaMax - deltaMin < 2 ** 53 && deltaMin > -(2 ** 53) && deltaMax < 2 ** 53;
}
