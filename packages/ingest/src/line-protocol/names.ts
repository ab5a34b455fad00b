// Names and tag values: the text between unescaped separators. A backslash before a comma, a space
// or an equals sign always escapes it, even after another backslash; elsewhere it is itself.

import {isUtf8} from 'node:buffer';
import {BACKSLASH, COMMA, EQUALS, NEWLINE, NUL, SPACE} from './ascii.ts';

/** The first unescaped space from `start`, or the newline that ends the line before one comes. */
export function keyEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  for (;;) {
    const byte = bytes[at]!;
    if (byte === NEWLINE) return at;
    if (byte === SPACE && (at === start || bytes[at - 1] !== BACKSLASH)) return at;
    at++;
  }
}

/** The first unescaped comma, equals sign or space of bytes[start, end), a newline before it, or end. */
export function nameEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === NEWLINE) return at;
    if (byte !== COMMA && byte !== EQUALS && byte !== SPACE) continue;
    if (at === start || bytes[at - 1] !== BACKSLASH) return at;
  }
  return end;
}

/** What bytes[start, end) stands for, its escapes taken out. Requires valid UTF-8. */
export function readName(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  return text.includes('\\') ? text.replace(/\\([,= ])/g, '$1') : text;
}

/** Why bytes[start, end) cannot hold names, or undefined. */
export function nameFault(bytes: Buffer, start: number, end: number): string | undefined {
  return isUtf8(bytes.subarray(start, end)) ? undefined : 'invalid UTF-8';
}

export function hasNul(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === NUL) return true;
  return false;
}
