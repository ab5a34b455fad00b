// `measurement,tag=value,..` to a series: done once per text, then found in the cache.

import {LIMITS} from '@flotilla/base';
import type {BadLine} from '@flotilla/column';
import {COMMA, EQUALS} from './ascii.ts';
import {hasNul, nameEnd, nameFault} from './names.ts';
import type {ShortTexts} from './short-texts.ts';

const NAME_BYTES_MAX = LIMITS.name_bytes_max.value;

export interface SeriesText {
  readonly table: string;
  /** Ascending by UTF-8 bytes. */
  readonly tagNames: readonly string[];
  readonly tagValues: readonly string[];
}

export type Fault = Pick<BadLine, 'code' | 'reason'>;

/** Requires bytes[start, end) to hold no newline and no unescaped space. */
export function readSeriesText(
  bytes: Buffer,
  start: number,
  end: number,
  texts: ShortTexts,
): SeriesText | Fault {
  const fault = nameFault(bytes, start, end);
  if (fault !== undefined) return syntax(fault);
  const tableEnd = measurementEnd(bytes, start, end);
  if (tableEnd === start) return syntax('missing measurement');
  if (tableEnd - start > NAME_BYTES_MAX) return tooLong('table');
  if (hasNul(bytes, start, tableEnd)) return syntax('NUL in a name');
  const tags: Tag[] = [];
  for (let at = tableEnd; at < end; ) {
    const tag = readTag(bytes, at + 1, end, texts);
    if ('reason' in tag) return tag;
    tags.push(tag);
    at = tag.end;
  }
  tags.sort(compareNames);
  for (let i = 1; i < tags.length; i++) {
    if (tags[i]!.name === tags[i - 1]!.name) return syntax('duplicate tags');
  }
  return {
    table: texts.read(bytes, start, tableEnd),
    tagNames: tags.map((tag) => tag.name),
    tagValues: tags.map((tag) => tag.value),
  };
}

interface Tag {
  readonly name: string;
  readonly value: string;
  /** The comma after it, or the end of the text. */
  readonly end: number;
}

function readTag(bytes: Buffer, start: number, end: number, texts: ShortTexts): Tag | Fault {
  const equals = nameEnd(bytes, start, end);
  if (equals === start) return syntax('missing tag key');
  if (bytes[equals] !== EQUALS || equals >= end) return syntax('missing tag value');
  const valueEnd = nameEnd(bytes, equals + 1, end);
  if (valueEnd < end && bytes[valueEnd] === EQUALS) return syntax('unescaped = in a tag value');
  if (valueEnd === equals + 1) return syntax('missing tag value');
  if (equals - start > NAME_BYTES_MAX) return tooLong('tag');
  if (hasNul(bytes, start, equals)) return syntax('NUL in a name');
  const name = texts.read(bytes, start, equals);
  if (name === 'time') return syntax('a tag cannot be called time');
  return {name, value: texts.read(bytes, equals + 1, valueEnd), end: valueEnd};
}

/** An equals sign needs no escape in a measurement. */
function measurementEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  for (;;) {
    at = nameEnd(bytes, at, end);
    if (at >= end || bytes[at] === COMMA) return at;
    at++;
  }
}

/** By UTF-8 bytes, from UTF-16: surrogates stand for the code points above all others. */
function compareNames({name: a}: Tag, {name: b}: Tag): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const unitA = a.charCodeAt(i);
    const unitB = b.charCodeAt(i);
    if (unitA !== unitB) return utf8Rank(unitA) - utf8Rank(unitB);
  }
  return a.length - b.length;
}

function utf8Rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

function syntax(reason: string): Fault {
  return {code: 'LINE_SYNTAX', reason};
}

function tooLong(what: string): Fault {
  const reason = `the name of a ${what} is over ${NAME_BYTES_MAX} bytes`;
  return {code: 'LINE_TOO_LONG', reason};
}
