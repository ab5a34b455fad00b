// Decimal fractions: an exponent and the scaled integers, encoded as integers are.

import {FatalError} from '@flotilla/base';
import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import {
  DECIMAL_EXPONENT_MAX,
  decimalExponent,
  scaleDecimals,
  unscaleDecimals,
} from '../kernels/scale-decimals.ts';
import {ENCODING} from './encoding.ts';
import {decodeIntegers} from './integers.ts';
import {scratchFloat64} from './scratch.ts';

/** Values looked at before the first pass; a bad guess costs another pass. */
const SAMPLES = 8;

/**
 * The values scaled to integers, or undefined if one of them is no decimal fraction.
 * The array is scratch memory, valid until the next call.
 */
export function toDecimals(
  values: Float64Array,
  count: number,
): {readonly exponent: number; readonly scaled: Float64Array} | undefined {
  let exponent = 0;
  const step = Math.max(1, Math.floor(count / SAMPLES));
  for (let i = 0; i < count; i += step) {
    exponent = decimalExponent(values[i]!, exponent);
    if (exponent < 0) return undefined;
  }
  const scaled = scratchFloat64('scaled', count);
  for (;;) {
    const good = scaleDecimals(values, count, exponent, scaled);
    if (good === count) return {exponent, scaled};
    // A value may fail at this exponent and pass at a higher one, never twice at the same.
    exponent = decimalExponent(values[good]!, exponent + 1);
    if (exponent < 0) return undefined;
  }
}

/** The scaled integers follow, and behind them the doubles that are no such fraction if it is patched. */
export function writeDecimalHead(exponent: number, writer: ByteWriter, isPatched = false): void {
  writer.u8(isPatched ? ENCODING.patchedDecimal : ENCODING.decimal);
  writer.u8(exponent);
}

export function decodeDecimal(reader: ByteReader, count: number, out: Float64Array): void {
  const exponent = reader.u8();
  if (exponent > DECIMAL_EXPONENT_MAX) {
    throw new FatalError(`cannot decode decimals: exponent ${exponent}; offset=${reader.position}`);
  }
  decodeIntegers(reader, count, out);
  unscaleDecimals(out, count, exponent);
}
