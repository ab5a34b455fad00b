// Where a bad line ends. A newline inside a quoted string does not end a line, but a quote that is
// never closed, or has text right after it, opened no string: such a line ends at its first newline,
// so that it takes no good line with it.

import {BACKSLASH, COMMA, EQUALS, NEWLINE, QUOTE, RETURN, SPACE} from './ascii.ts';
import {keyEnd} from './names.ts';

/** The quote that closes the string whose first byte is at `start`, or -1. */
export function closingQuote(bytes: Uint8Array, start: number): number {
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  return -1;
}

/** Whether a value may end before bytes[at]. */
export function endsValue(bytes: Uint8Array, at: number): boolean {
  const byte = bytes[at];
  return byte === COMMA || byte === SPACE || endsLine(bytes, at);
}

/** A newline, or a carriage return before one. The last byte of a body is a newline. */
export function endsLine(bytes: Uint8Array, at: number): boolean {
  const byte = bytes[at];
  return byte === NEWLINE || (byte === RETURN && bytes[at + 1] === NEWLINE);
}

/** The newline that ends the bad line at `start`. */
export function badLineEnd(bytes: Uint8Array, start: number): number {
  let at = keyEnd(bytes, start);
  while (bytes[at] === SPACE) at++;
  const first = bytes.indexOf(NEWLINE, start);
  let inName = true;
  for (; bytes[at] !== NEWLINE; at++) {
    const byte = bytes[at];
    if (bytes[at - 1] === BACKSLASH) continue;
    // What follows the fields holds no strings.
    if (byte === SPACE) return bytes.indexOf(NEWLINE, at);
    if (byte === COMMA) inName = true;
    if (byte !== EQUALS || !inName) continue;
    inName = false;
    if (bytes[at + 1] !== QUOTE) continue;
    const close = closingQuote(bytes, at + 2);
    if (close < 0 || !endsValue(bytes, close + 1)) return first;
    at = close;
  }
  return at;
}
