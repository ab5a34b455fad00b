// Names and tag values cut from bodies as strings. Regions, versions and the names of tags repeat from series to
// series: what was cut last from the same bytes is given again, which takes a fifth of making a string and keeps it
// once.

import {readName} from './names.ts';

const SLOTS = 1 << 14;
/** Long ones are no regions. */
const CHARACTERS_MAX = 256;
const ASCII_END = 0x80;

export class ShortTexts {
  /** By hash; a text takes the place of another one. */
  readonly #texts: (string | undefined)[] = new Array(SLOTS).fill(undefined);

  /** As `readName`. */
  read(bytes: Buffer, start: number, end: number): string {
    if (end - start > CHARACTERS_MAX) return readName(bytes, start, end);
    let hash = end - start;
    let all = 0;
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      all |= byte;
      hash = Math.imul(hash ^ byte, 0x0100_0193);
    }
    // Of other bytes one character may be several.
    if (all >= ASCII_END) return readName(bytes, start, end);
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const known = this.#texts[slot];
    if (known !== undefined && isSame(known, bytes, start, end)) return known;
    const text = readName(bytes, start, end);
    // Without its escapes it is what other bytes are with theirs.
    if (text.length === end - start) this.#texts[slot] = text;
    return text;
  }

  clear(): void {
    this.#texts.fill(undefined);
  }
}

/** Requires ASCII, and a text that is its own bytes: then these have no escapes either. */
function isSame(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let at = start; at < end; at++) if (text.charCodeAt(at - start) !== bytes[at]) return false;
  return true;
}
