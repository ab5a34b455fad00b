// Strings: lengths and bytes as they are, or a dictionary and a code a row where texts repeat.

import {FatalError} from '@flotilla/base';
import type {ByteReader} from '../bytes/byte-reader.ts';
import type {ByteWriter} from '../bytes/byte-writer.ts';
import type {StringValues} from '../column-values.ts';
import {xxHash32} from '../xx-hash.ts';
import {ENCODING, type EncodingVersion} from './encoding.ts';
import {decodeNumbers, encodeNumbers} from './numbers.ts';
import {scratchFloat64} from './scratch.ts';

/** Past it codes take more than a byte and the search for equals costs more than it saves. */
const DICTIONARY_TEXTS_MAX = 256;
/** A run is given up as unique when after so many rows more than half are new. */
const TRIAL_ROWS = 64;
/** Twice the texts, a power of two. */
const SLOTS = 1024;

/** All texts of one column together: a write is 64 MiB inflated, a block far less. More is damage. */
const TEXT_BYTES_MAX = 2 ** 28;

export function encodeTexts(
  texts: StringValues,
  count: number,
  writer: ByteWriter,
  version: EncodingVersion,
): void {
  const distinct = count > 1 ? findDistinct(texts, count) : undefined;
  if (distinct === undefined) {
    writeTexts(texts, count, writer, version);
    return;
  }
  writer.u8(ENCODING.dictionary);
  writer.varint(distinct.length);
  writeDictionary(texts, distinct, writer);
  encodeNumbers(scratchFloat64('codes', count), count, writer, version);
}

/** @returns values whose bytes may be a view of the reader's */
export function decodeTexts(reader: ByteReader, count: number): StringValues {
  const encoding = reader.u8();
  if (encoding === ENCODING.text) return readTexts(reader, count);
  if (encoding !== ENCODING.dictionary) {
    throw new FatalError(`cannot decode strings: encoding ${encoding}; offset=${reader.position}`);
  }
  const textCount = reader.count(DICTIONARY_TEXTS_MAX);
  if (reader.u8() !== ENCODING.text) throw new FatalError('cannot decode strings: no dictionary');
  const dictionary = readTexts(reader, textCount);
  const codes = scratchFloat64('codes', count);
  decodeNumbers(reader, count, codes);
  return expand(dictionary, textCount, codes, count);
}

function writeTexts(
  texts: StringValues,
  count: number,
  writer: ByteWriter,
  version: EncodingVersion,
): void {
  const lengths = scratchFloat64('lengths', count);
  let previous = 0;
  for (let i = 0; i < count; i++) {
    lengths[i] = texts.ends[i]! - previous;
    previous = texts.ends[i]!;
  }
  writer.u8(ENCODING.text);
  encodeNumbers(lengths, count, writer, version);
  writer.bytes(texts.bytes.subarray(0, previous));
}

function readTexts(reader: ByteReader, count: number): StringValues {
  const lengths = scratchFloat64('lengths', count);
  decodeNumbers(reader, count, lengths);
  const ends = new Uint32Array(count);
  let end = 0;
  for (let i = 0; i < count; i++) {
    const length = lengths[i]!;
    if (!(length >= 0 && Number.isInteger(length))) {
      throw new FatalError(`cannot decode strings: length ${length}`);
    }
    end += length;
    if (end > TEXT_BYTES_MAX) throw new FatalError('cannot decode strings: too long');
    ends[i] = end;
  }
  return {type: 'string', ends, bytes: reader.view(end)};
}

/** The rows where each distinct text stands first; codes are left in scratch. Undefined if too many. */
function findDistinct(texts: StringValues, count: number): number[] | undefined {
  const codes = scratchFloat64('codes', count);
  const slots = new Int16Array(SLOTS).fill(-1);
  const firsts: number[] = [];
  for (let row = 0; row < count; row++) {
    const start = row === 0 ? 0 : texts.ends[row - 1]!;
    const end = texts.ends[row]!;
    let slot = xxHash32(texts.bytes, start, end, 0) & (SLOTS - 1);
    while (slots[slot]! >= 0 && !equalsText(texts, firsts[slots[slot]!]!, start, end)) {
      slot = (slot + 1) & (SLOTS - 1);
    }
    if (slots[slot]! < 0) {
      if (firsts.length === DICTIONARY_TEXTS_MAX) return undefined;
      slots[slot] = firsts.length;
      firsts.push(row);
    }
    codes[row] = slots[slot]!;
    if (row === TRIAL_ROWS && firsts.length * 2 > row) return undefined;
  }
  return firsts.length * 2 > count ? undefined : firsts;
}

function equalsText(texts: StringValues, row: number, start: number, end: number): boolean {
  const other = row === 0 ? 0 : texts.ends[row - 1]!;
  if (texts.ends[row]! - other !== end - start) return false;
  for (let i = start, j = other; i < end; i++, j++) {
    if (texts.bytes[i] !== texts.bytes[j]) return false;
  }
  return true;
}

function writeDictionary(texts: StringValues, rows: readonly number[], writer: ByteWriter): void {
  const lengths = scratchFloat64('lengths', rows.length);
  rows.forEach((row, i) => {
    lengths[i] = texts.ends[row]! - (row === 0 ? 0 : texts.ends[row - 1]!);
  });
  writer.u8(ENCODING.text);
  encodeNumbers(lengths, rows.length, writer);
  for (const row of rows) {
    writer.bytes(texts.bytes.subarray(row === 0 ? 0 : texts.ends[row - 1]!, texts.ends[row]!));
  }
}

function expand(
  dictionary: StringValues,
  textCount: number,
  codes: Float64Array,
  count: number,
): StringValues {
  const ends = new Uint32Array(count);
  let end = 0;
  for (let i = 0; i < count; i++) {
    const code = codes[i]!;
    if (!(code >= 0 && code < textCount && Number.isInteger(code))) {
      throw new FatalError(`cannot decode strings: code ${code} of ${textCount}`);
    }
    end += dictionary.ends[code]! - (code === 0 ? 0 : dictionary.ends[code - 1]!);
    if (end > TEXT_BYTES_MAX) throw new FatalError('cannot decode strings: too long');
    ends[i] = end;
  }
  const bytes = new Uint8Array(end);
  let next = 0;
  for (let i = 0; i < count; i++) {
    const code = codes[i]!;
    const start = code === 0 ? 0 : dictionary.ends[code - 1]!;
    for (let j = start; j < dictionary.ends[code]!; j++) bytes[next++] = dictionary.bytes[j]!;
  }
  return {type: 'string', ends, bytes};
}
