// The one way from column values to bytes and back, for shares and for blocks of parts. An encoded
// column says its encoding and its length by itself; its type and its count stand with its owner.

import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import type {ColumnValues, FieldType} from '../column-values.ts';
import type {ColumnArena} from './column-arena.ts';
import type {EncodingVersion} from './encoding.ts';
import {decodeFlags, encodeFlags} from './flags.ts';
import {decodeNumbers, encodeNumbers} from './numbers.ts';
import {decodeTexts, encodeTexts} from './texts.ts';
import {decodeWide, encodeWide, isWideEncoding} from './wide.ts';

/** Appends the first `count` values in encodings of `version`. Every bit pattern comes back. */
export function encodeColumn(
  values: ColumnValues,
  count: number,
  writer: ByteWriter,
  version: EncodingVersion = 1,
): void {
  switch (values.type) {
    case 'float':
      encodeNumbers(values.values, count, writer, version);
      return;
    case 'integer':
    case 'unsigned':
      if (values.wide !== undefined && holdsWide(values.values, count)) {
        encodeWide(values.wide, count, writer, version);
      } else {
        encodeNumbers(values.values, count, writer, version);
      }
      return;
    case 'boolean':
      encodeFlags(values.values, count, writer);
      return;
    case 'string':
      encodeTexts(values, count, writer, version);
  }
}

/**
 * Reads `count` values of the type they were written with. Throws FatalError on damage.
 * With an arena the arrays are its, valid until it is cleared; strings may be a view of the reader's bytes.
 */
export function decodeColumn(
  reader: ByteReader,
  type: FieldType,
  count: number,
  arena?: ColumnArena | undefined,
): ColumnValues {
  if (type === 'string') return decodeTexts(reader, count);
  if (type === 'boolean') {
    const flags = arena?.flags(count) ?? new Uint8Array(count);
    decodeFlags(reader, count, flags);
    return {type, values: flags};
  }
  const values = arena?.numbers(count) ?? new Float64Array(count);
  if (type === 'float' || !isWideEncoding(reader.bytes[reader.position])) {
    decodeNumbers(reader, count, values);
    return {type, values};
  }
  const wide = type === 'integer' ? new BigInt64Array(count) : new BigUint64Array(count);
  decodeWide(reader, count, wide);
  for (let i = 0; i < count; i++) values[i] = Number(wide[i]);
  return wide instanceof BigInt64Array
    ? {type: 'integer', values, wide}
    : {type: 'unsigned', values, wide};
}

/** Of integers: a run cut from a wide one may itself be narrow. ±2^53 may stand for a neighbour, so it is wide. */
export function holdsWide(values: Float64Array, count: number): boolean {
  for (let i = 0; i < count; i++) {
    if (Math.abs(values[i]!) >= 2 ** 53) return true;
  }
  return false;
}
