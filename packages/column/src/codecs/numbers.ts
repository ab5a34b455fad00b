// A column of doubles. One pass tells whether all are integers and how wide they and their
// differences are; the smallest packing wins. Everything else is tried as decimals.

import {FatalError} from '@flotilla/base';
import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import {emptyScan, scanIntegers, scanNumbers} from '../kernels/scan-numbers.ts';
import {decodeConstantBits, encodeConstantBits, isConstantBits} from './constant.ts';
import {decodeDecimal, toDecimals, writeDecimalHead} from './decimal.ts';
import {ENCODING, type EncodingVersion} from './encoding.ts';
import {decodeIntegers, encodeIntegers} from './integers.ts';
import {
  decodePatchedDecimal,
  type PatchedDecimals,
  toPatchedDecimals,
  writeOddDoubles,
} from './patched-decimal.ts';
import {decodeRaw, encodeRaw} from './raw.ts';
import {decodeRepeats, encodeRepeats, hasRepeats} from './repeats.ts';
import {scratchFloat64} from './scratch.ts';
import {decodeSplitDoubles, encodeSplitDoubles} from './split-doubles.ts';

const scan = emptyScan();

/** Every bit pattern comes back. */
export function encodeNumbers(
  values: Float64Array,
  count: number,
  writer: ByteWriter,
  version: EncodingVersion = 1,
): void {
  if (count === 0) {
    encodeRaw(values, 0, writer);
    return;
  }
  scanNumbers(values, count, scan);
  const packing = version === 1 ? 'plain' : 'aligned';
  if (scan.integers) encodeIntegers(values, count, scan, writer, packing);
  else if (isConstantBits(values, count)) encodeConstantBits(values, writer);
  else if (version === 1) encodeFractions(values, count, writer);
  else if (hasRepeats(values, count)) encodeRepeats(values, count, writer, encodeAnyDoubles);
  else encodeAnyDoubles(values, count, writer);
}

/** @param out  the first `count` elements are filled */
export function decodeNumbers(reader: ByteReader, count: number, out: Float64Array): void {
  if (reader.bytes[reader.position] !== ENCODING.repeats) {
    decodeUnrepeated(reader, count, out);
    return;
  }
  if (count === 0) throw new FatalError('cannot decode numbers: repeats of nothing');
  reader.u8();
  decodeRepeats(reader, count, out, decodeUnrepeated);
}

function decodeUnrepeated(reader: ByteReader, count: number, out: Float64Array): void {
  switch (reader.bytes[reader.position]) {
    case ENCODING.constantBits:
      reader.u8();
      decodeConstantBits(reader, count, out);
      return;
    case ENCODING.decimal:
      reader.u8();
      decodeDecimal(reader, count, out);
      return;
    case ENCODING.patchedDecimal:
      reader.u8();
      decodePatchedDecimal(reader, count, out);
      return;
    case ENCODING.splitDoubles:
      reader.u8();
      decodeSplitDoubles(reader, count, out);
      return;
    case ENCODING.raw:
      reader.u8();
      decodeRaw(reader, count, out);
      return;
    default:
      decodeIntegers(reader, count, out);
  }
}

function encodeFractions(values: Float64Array, count: number, writer: ByteWriter): void {
  const decimals = toDecimals(values, count);
  if (decimals === undefined) {
    encodeRaw(values, count, writer);
    return;
  }
  scanIntegers(decimals.scaled, count, scan, scratchFloat64('deltas', count));
  writeDecimalHead(decimals.exponent, writer);
  encodeIntegers(decimals.scaled, count, scan, writer, 'plain');
}

/** As decimals, with a few that are none; else by their bits; as they are where that takes no more. */
function encodeAnyDoubles(values: Float64Array, count: number, writer: ByteWriter): void {
  const start = writer.position;
  const decimals = toPatchedDecimals(values, count);
  if (decimals === undefined) encodeSplitDoubles(values, count, writer);
  else encodePatchedDecimals(values, count, decimals, writer);
  if (writer.position - start <= count * Float64Array.BYTES_PER_ELEMENT) return;
  writer.truncate(start);
  encodeRaw(values, count, writer);
}

function encodePatchedDecimals(
  values: Float64Array,
  count: number,
  decimals: PatchedDecimals,
  writer: ByteWriter,
): void {
  const {exponent, scaled, oddCount} = decimals;
  scanIntegers(scaled, count, scan, scratchFloat64('deltas', count));
  writeDecimalHead(exponent, writer, oddCount > 0);
  encodeIntegers(scaled, count, scan, writer, 'aligned');
  if (oddCount > 0) writeOddDoubles(values, decimals, writer);
}
