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

/**
 * Ends bad lines of one body. Of many bad lines each may be followed by the same strings over line
 * after line, up to one that is broken; where that was found once it is not looked for again, so that
 * all bad lines of a body together take time linear in it.
 */
export class BadLineEnds {
  readonly #bytes: Uint8Array;
  /** One bit a byte: the quote there opens a string that a scan has passed. Made when needed. */
  #passed: Uint8Array | undefined = undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The newline that ends the bad line at `start`. Starts ascend, each behind the end before. */
  find(start: number): number {
    const bytes = this.#bytes;
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
      // A scan that passed here and found its end has taken these bytes with it: the other one failed.
      if (at > first && this.#isPassed(at + 1)) return first;
      const close = closingQuote(bytes, at + 2);
      if (close < 0 || !endsValue(bytes, close + 1)) return first;
      at = close;
    }
    return at;
  }

  /** Whether a scan passed the quote at `at` before; from now on one has. */
  #isPassed(at: number): boolean {
    this.#passed ??= new Uint8Array(Math.ceil(this.#bytes.length / 8));
    const bit = 1 << (at & 7);
    const before = this.#passed[at >> 3]!;
    this.#passed[at >> 3] = before | bit;
    return (before & bit) !== 0;
  }
}
