// A column of doubles. One pass tells whether all are integers and how wide they and their
// differences are; the smaller of the two packings wins. Everything else is tried as decimals.

import {FatalError} from '@flotilla/base';
import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import {bitWidth} from '../kernels/pack-bits.ts';
import {type NumberScan, scanNumbers} from '../kernels/scan-numbers.ts';
import {
  decodeConstantBits,
  decodeConstantInteger,
  encodeConstantBits,
  encodeConstantInteger,
  isConstantBits,
} from './constant.ts';
import {decodeDecimal, toDecimals, writeDecimalHead} from './decimal.ts';
import {decodeDelta, encodeDelta} from './delta.ts';
import {ENCODING} from './encoding.ts';
import {decodeFrameOfReference, encodeFrameOfReference} from './frame-of-reference.ts';
import {decodeRaw, encodeRaw} from './raw.ts';

/** Bits that the second base of a delta column costs, about. */
const DELTA_HEAD_BITS = 16;

const scan: NumberScan = {integers: false, min: 0, max: 0, deltaMin: 0, deltaMax: 0};

/** Every bit pattern comes back. */
export function encodeNumbers(values: Float64Array, count: number, writer: ByteWriter): void {
  if (count === 0) {
    encodeRaw(values, 0, writer);
    return;
  }
  scanNumbers(values, count, scan);
  if (scan.integers) encodeIntegers(values, count, writer);
  else if (isConstantBits(values, count)) encodeConstantBits(values, writer);
  else encodeFractions(values, count, writer);
}

/** @param out  the first `count` elements are filled */
export function decodeNumbers(reader: ByteReader, count: number, out: Float64Array): void {
  const encoding = reader.u8();
  switch (encoding) {
    case ENCODING.constantInteger:
      decodeConstantInteger(reader, count, out);
      return;
    case ENCODING.constantBits:
      decodeConstantBits(reader, count, out);
      return;
    case ENCODING.frameOfReference:
      decodeFrameOfReference(reader, count, out);
      return;
    case ENCODING.delta:
      if (count === 0) throw damaged(encoding, reader);
      decodeDelta(reader, count, out);
      return;
    case ENCODING.decimal:
      // No decimals of decimals: damaged bytes could nest without end.
      if (reader.bytes[reader.position + 1] === ENCODING.decimal) throw damaged(encoding, reader);
      decodeDecimal(reader, count, out, decodeNumbers);
      return;
    case ENCODING.raw:
      decodeRaw(reader, count, out);
      return;
    default:
      throw damaged(encoding, reader);
  }
}

function encodeFractions(values: Float64Array, count: number, writer: ByteWriter): void {
  const decimals = toDecimals(values, count);
  if (decimals === undefined) {
    encodeRaw(values, count, writer);
    return;
  }
  scanNumbers(decimals.scaled, count, scan);
  writeDecimalHead(decimals.exponent, writer);
  encodeIntegers(decimals.scaled, count, writer);
}

/** Requires `scan` to be that of the values. */
function encodeIntegers(values: Float64Array, count: number, writer: ByteWriter): void {
  const range = scan.max - scan.min;
  const deltaRange = scan.deltaMax - scan.deltaMin;
  const width = range < 2 ** 53 ? bitWidth(range) : Infinity;
  const deltaWidth = exactDeltas(deltaRange) ? bitWidth(deltaRange) : Infinity;
  if (range === 0) {
    encodeConstantInteger(scan.min, writer);
  } else if (deltaWidth * (count - 1) + DELTA_HEAD_BITS < width * count) {
    encodeDelta(values, count, {base: scan.deltaMin, width: deltaWidth}, writer);
  } else if (width < Infinity) {
    encodeFrameOfReference(values, count, {base: scan.min, width}, writer);
  } else {
    encodeRaw(values, count, writer);
  }
}

/** Below 2^53 a difference of two such integers was not rounded. */
function exactDeltas(deltaRange: number): boolean {
  return deltaRange < 2 ** 53 && scan.deltaMin > -(2 ** 53) && scan.deltaMax < 2 ** 53;
}

function damaged(encoding: number, reader: ByteReader): FatalError {
  return new FatalError(`cannot decode numbers: encoding ${encoding}; offset=${reader.position}`);
}
