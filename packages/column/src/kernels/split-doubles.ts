// Doubles cut into their sign, their upper bits and what lies between those and zero bits at the end:
//
//   bit 63   62 .. top        top - 1 .. 32     31 .. low       low - 1 .. 0
//   sign     tops             highs             lows            zero in all values
//
// Upper bits of measurements hardly differ from row to row; the bits below them are noise, which nothing
// makes smaller, and zero where the source had fewer digits (single precision: low is 29).
// 32 <= top <= 52, 0 <= low <= top. With low >= 32 there are no lows, and highs end at low.

import {assert} from '@flotilla/base';

export interface DoubleCut {
  readonly top: number;
  readonly low: number;
}

/** Of each value, as non-negative integers; signs are 0 or 1. */
export interface DoubleParts {
  readonly signs: Uint8Array;
  readonly tops: Float64Array;
  readonly highs: Float64Array;
  readonly lows: Uint32Array;
}

export interface DoubleScan {
  /** Bits at the end that are zero in every value, 0 .. 64. */
  zeroBits: number;
  /** Of the differences between neighbours' upper words, on average: how many bits they have. */
  stepBits: number;
}

/** Requires count >= 1. */
export function scanDoubles(values: Float64Array, count: number, scan: DoubleScan): void {
  assert(count >= 1 && count <= values.length, 'bad count');
  const words = new Int32Array(values.buffer, values.byteOffset, count * 2);
  let lows = 0;
  let highs = 0;
  let bits = 0;
  let previous = words[1]! & 0x7fff_ffff;
  for (let i = 0; i < words.length; i += 2) {
    lows |= words[i]!;
    const high = words[i + 1]! & 0x7fff_ffff;
    highs |= high;
    bits += 32 - Math.clz32(Math.abs(high - previous));
    previous = high;
  }
  scan.zeroBits = lows !== 0 ? trailingZeros(lows) : 32 + trailingZeros(highs);
  scan.stepBits = bits / count;
}

/** Fills the parts. */
export function splitDoubles(
  values: Float64Array,
  count: number,
  {top, low}: DoubleCut,
  {signs, tops, highs, lows}: DoubleParts,
): void {
  assert(top >= 32 && top <= 52 && low >= 0 && low <= top && count <= values.length, 'bad cut');
  const words = new Int32Array(values.buffer, values.byteOffset, count * 2);
  const topShift = top - 32;
  const highMask = 2 ** topShift - 1;
  const highShift = Math.max(0, low - 32);
  const lowShift = Math.min(31, low);
  for (let i = 0; i < count; i++) {
    const high = words[i * 2 + 1]!;
    signs[i] = high >>> 31;
    tops[i] = (high & 0x7fff_ffff) >>> topShift;
    highs[i] = (high & highMask) >>> highShift;
    lows[i] = words[i * 2]! >>> lowShift;
  }
}

/** The inverse. What does not fit its bits, which damaged bytes may hold, gives other doubles. */
export function joinDoubles(
  out: Float64Array,
  count: number,
  {top, low}: DoubleCut,
  {signs, tops, highs, lows}: DoubleParts,
): void {
  assert(top >= 32 && top <= 52 && low >= 0 && low <= top && count <= out.length, 'bad cut');
  const words = new Int32Array(out.buffer, out.byteOffset, count * 2);
  const topShift = top - 32;
  const highShift = Math.max(0, low - 32);
  const lowShift = Math.min(31, low);
  for (let i = 0; i < count; i++) {
    words[i * 2] = lows[i]! << lowShift;
    words[i * 2 + 1] = (signs[i]! << 31) | (tops[i]! << topShift) | (highs[i]! << highShift);
  }
}

function trailingZeros(word: number): number {
  return word === 0 ? 32 : 31 - Math.clz32(word & -word);
}
