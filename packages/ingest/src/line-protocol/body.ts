// A body as the parser reads it. It always ends with a newline, so that no scan for the end of
// anything needs to look where the bytes end: only quoted strings may pass a newline.

import {NEWLINE} from './ascii.ts';

export interface Body {
  readonly bytes: Buffer;
  readonly view: DataView;
}

/** A view of `bytes`, or a copy with a newline added. */
export function toBody(bytes: Uint8Array): Body {
  let buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length === 0 || buffer[buffer.length - 1] !== NEWLINE) {
    const ended = Buffer.allocUnsafe(buffer.length + 1);
    ended.set(buffer);
    ended[buffer.length] = NEWLINE;
    buffer = ended;
  }
  return {bytes: buffer, view: new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)};
}

/** Whether `length` bytes are the same in both; false if they reach beyond the end of `a`. */
export function equalBytes(
  a: DataView,
  startA: number,
  b: DataView,
  startB: number,
  length: number,
): boolean {
  if (startA + length > a.byteLength) return false;
  const last = length - 4;
  for (let i = 0; i <= last; i += 4) {
    if (a.getInt32(startA + i, true) !== b.getInt32(startB + i, true)) return false;
  }
  // The last word overlaps the one before it.
  if (last >= 0) return a.getInt32(startA + last, true) === b.getInt32(startB + last, true);
  for (let i = 0; i < length; i++) {
    if (a.getUint8(startA + i) !== b.getUint8(startB + i)) return false;
  }
  return true;
}

/** A hash for the parser's own tables; it is neither stored nor sent. */
export function hashBytes(view: DataView, start: number, end: number): number {
  let hash = end - start;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    hash = Math.imul(hash ^ view.getInt32(at, true), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  for (; at < end; at++) hash = Math.imul(hash ^ view.getUint8(at), 0x85ebca77);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae3d);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** Bytes kept from bodies, one after another, so that later ones can be compared with them. */
export class ByteArena {
  #bytes = new Uint8Array(64 * 1024);
  view = new DataView(this.#bytes.buffer);
  #used = 0;

  /** Kept so far. */
  get bytes(): number {
    return this.#used;
  }

  /** Keeps bytes[start, end) and returns where. */
  add(bytes: Uint8Array, start: number, end: number): number {
    const at = this.#used;
    const used = at + end - start;
    if (used > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(used, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
      this.view = new DataView(grown.buffer);
    }
    this.#bytes.set(bytes.subarray(start, end), at);
    this.#used = used;
    return at;
  }
}
