// Decimal fractions with a few doubles among them that are none, or have more digits than the rest: NaN, -0,
// the result of a division. Those stand behind, bit by bit. After ALP's exceptions (see scale-decimals.ts).

import {FatalError} from '@flotilla/base';
import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import {
  decimalExponent,
  isDecimal,
  isDecimalOf,
  scaleMostDecimals,
} from '../kernels/scale-decimals.ts';
import {decodeDecimal} from './decimal.ts';
import {scratchFloat64, scratchPositions} from './scratch.ts';

/** Values looked at to choose the first exponent that is tried. */
const SAMPLES = 16;
/** More that do not fit are taken for a sign that the exponent is too low: each costs some 9 bytes. */
const ODD_SHARE_USUAL = 1 / 16;
/** More that no exponent fits, and all are better kept by their bits (split-doubles.ts). */
const ODD_SHARE_MAX = 1 / 4;

/** The arrays are scratch memory, valid until the next call. */
export interface PatchedDecimals {
  readonly exponent: number;
  /** The scaled integers; for values that are no such fractions those before them. */
  readonly scaled: Float64Array;
  /** Positions of those values, ascending. */
  readonly odd: Int32Array;
  readonly oddCount: number;
}

/** Undefined if too many values are no decimal fractions. */
export function toPatchedDecimals(
  values: Float64Array,
  count: number,
): PatchedDecimals | undefined {
  let exponent = sampleExponent(values, count);
  const scaled = scratchFloat64('scaled', count);
  const odd = scratchPositions('odd', count);
  while (exponent >= 0) {
    const oddCount = scaleMostDecimals(values, count, exponent, scaled, odd);
    if (oddCount <= count * ODD_SHARE_USUAL) return {exponent, scaled, odd, oddCount};
    const higher = nextExponent(values, odd, oddCount, exponent);
    if (higher < 0) {
      return oddCount <= count * ODD_SHARE_MAX ? {exponent, scaled, odd, oddCount} : undefined;
    }
    exponent = higher;
  }
  return undefined;
}

/** Writes what `toPatchedDecimals` left aside of the values. */
export function writeOddDoubles(
  values: Float64Array,
  {odd, oddCount}: PatchedDecimals,
  writer: ByteWriter,
): void {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  writer.varint(oddCount);
  let next = 0;
  for (let i = 0; i < oddCount; i++) {
    const position = odd[i]!;
    writer.varint(position - next);
    writer.bytes(bytes.subarray(position * 8, position * 8 + 8));
    next = position + 1;
  }
}

export function decodePatchedDecimal(reader: ByteReader, count: number, out: Float64Array): void {
  decodeDecimal(reader, count, out);
  const bytes = new Uint8Array(out.buffer, out.byteOffset, count * 8);
  let next = 0;
  for (let left = reader.count(count); left > 0; left--) {
    const position = next + reader.varint();
    if (position >= count) {
      throw new FatalError(`cannot decode patched decimals: position ${position} of ${count}`);
    }
    bytes.set(reader.view(8), position * 8);
    next = position + 1;
  }
}

/** The least exponent that holds all samples that are decimals but one; -1 if half of them are none. */
function sampleExponent(values: Float64Array, count: number): number {
  const step = Math.ceil(count / SAMPLES);
  let decimals = 0;
  let odd = 0;
  let highest = -1;
  let second = -1;
  for (let i = 0; i < count; i += step) {
    const value = values[i]!;
    // Most have no more digits than those before them.
    if (second >= 0 && isDecimalOf(value, second)) {
      decimals += 1;
    } else if (isDecimal(value)) {
      decimals += 1;
      const exponent = decimalExponent(value, 0);
      second = Math.max(second, Math.min(highest, exponent));
      highest = Math.max(highest, exponent);
    } else if (++odd > SAMPLES / 2) {
      return -1;
    }
  }
  if (odd > decimals) return -1;
  return decimals > 1 ? second : highest;
}

/** The least higher exponent that one of the first odd values has; -1 if most of them have none. */
function nextExponent(
  values: Float64Array,
  odd: Int32Array,
  oddCount: number,
  exponent: number,
): number {
  const looked = Math.min(oddCount, SAMPLES);
  let least = Infinity;
  let without = 0;
  for (let i = 0; i < looked; i++) {
    const higher = decimalExponent(values[odd[i]!]!, exponent + 1);
    if (higher < 0) without += 1;
    else least = Math.min(least, higher);
  }
  return without * 2 > looked ? -1 : least;
}
