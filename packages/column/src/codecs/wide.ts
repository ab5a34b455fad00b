// 64-bit integers of which one at least is outside ±2^53. Ids and clocks lie close together, so
// their differences mostly fit the double path; where they do not, the eight bytes stand as they are.

import {FatalError} from '@flotilla/base';
import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import {ENCODING, type EncodingVersion} from './encoding.ts';
import {decodeNumbers, encodeNumbers} from './numbers.ts';
import {scratchFloat64} from './scratch.ts';

const EXACT_MAX = 2n ** 53n;

/** Requires count >= 1. */
export function encodeWide(
  values: BigInt64Array | BigUint64Array,
  count: number,
  writer: ByteWriter,
  version: EncodingVersion,
): void {
  const differences = scratchFloat64('differences', count);
  const base = values[0]!;
  for (let i = 0; i < count; i++) {
    const difference = values[i]! - base;
    if (difference > EXACT_MAX || difference < -EXACT_MAX) {
      writer.u8(ENCODING.wideRaw);
      writer.bytes(new Uint8Array(values.buffer, values.byteOffset, count * 8));
      return;
    }
    differences[i] = Number(difference);
  }
  writer.u8(ENCODING.wideOffset);
  writer.bytes(new Uint8Array(values.buffer, values.byteOffset, 8));
  encodeNumbers(differences, count, writer, version);
}

export function decodeWide(
  reader: ByteReader,
  count: number,
  out: BigInt64Array | BigUint64Array,
): void {
  const encoding = reader.u8();
  const bytes = new Uint8Array(out.buffer, out.byteOffset, count * 8);
  if (encoding === ENCODING.wideRaw) {
    bytes.set(reader.view(count * 8));
    return;
  }
  if (encoding !== ENCODING.wideOffset || count === 0) {
    throw new FatalError(`cannot decode integers: encoding ${encoding}; offset=${reader.position}`);
  }
  bytes.set(reader.view(8));
  const base = out[0]!;
  const differences = scratchFloat64('differences', count);
  decodeNumbers(reader, count, differences);
  for (let i = 0; i < count; i++) {
    const difference = differences[i]!;
    if (!Number.isInteger(difference)) throw new FatalError('cannot decode integers: a fraction');
    out[i] = base + BigInt(difference);
  }
}

export function isWideEncoding(encoding: number | undefined): boolean {
  return encoding === ENCODING.wideRaw || encoding === ENCODING.wideOffset;
}
