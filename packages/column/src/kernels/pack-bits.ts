// Bit packing of non-negative integers in doubles, `width` bits each, without gaps, low bits first.
// Up to 32 bits a value goes into one stream of 32-bit words; wider values are two streams, the low
// 32 bits of each and then the rest, so that no step needs more than a 32-bit integer.
// Little-endian hosts only, as everything here that views numbers as bytes.

import {assert} from '@flotilla/base';

/** Bytes of `count` packed values. */
export function packedBytes(count: number, width: number): number {
  if (width <= 32) return Math.ceil((count * width) / 8);
  return count * 4 + Math.ceil((count * (width - 32)) / 8);
}

/** Bits that hold every integer of 0..range. Requires 0 <= range < 2^53. */
export function bitWidth(range: number): number {
  if (range < 0x1_0000_0000) return 32 - Math.clz32(range);
  return 64 - Math.clz32(Math.floor(range / 0x1_0000_0000));
}

/**
 * Packs the low 32 bits' stream of values[i] - base.
 * @param words  needs ceil(count * width / 32) words; 1 <= width <= 32
 */
export function packLow(
  values: Float64Array,
  count: number,
  base: number,
  width: number,
  words: Uint32Array,
): void {
  assert(width >= 1 && width <= 32 && count <= values.length, 'bad width or count');
  assert(words.length * 32 >= count * width, 'words too short');
  let gathered = 0;
  let used = 0;
  let word = 0;
  for (let i = 0; i < count; i++) {
    const residual = (values[i]! - base) >>> 0;
    gathered |= residual << used;
    used += width;
    if (used >= 32) {
      words[word++] = gathered;
      used -= 32;
      gathered = used === 0 ? 0 : residual >>> (width - used);
    }
  }
  if (used > 0) words[word] = gathered;
}

/**
 * As packLow, of values in [base, base + 2^width); in the place of each other one stands the base. The positions of
 * those, ascending, are in `positions`.
 * @returns how many they are
 */
export function packInside(
  values: Float64Array,
  count: number,
  {base, width}: {readonly base: number; readonly width: number},
  words: Uint32Array,
  positions: Int32Array,
): number {
  assert(width >= 1 && width <= 32 && count <= values.length, 'bad width or count');
  assert(words.length * 32 >= count * width && count <= positions.length, 'too little room');
  const limit = 2 ** width;
  let others = 0;
  let gathered = 0;
  let used = 0;
  let word = 0;
  for (let i = 0; i < count; i++) {
    const offset = values[i]! - base;
    let residual = 0;
    if (offset >= 0 && offset < limit) residual = offset >>> 0;
    else positions[others++] = i;
    gathered |= residual << used;
    used += width;
    if (used >= 32) {
      words[word++] = gathered;
      used -= 32;
      gathered = used === 0 ? 0 : residual >>> (width - used);
    }
  }
  if (used > 0) words[word] = gathered;
  return others;
}

/** As packLow for the bits above the 32nd; 33 <= width <= 53. */
export function packHigh(
  values: Float64Array,
  count: number,
  base: number,
  width: number,
  words: Uint32Array,
): void {
  const bits = width - 32;
  assert(bits >= 1 && bits <= 21 && count <= values.length, 'bad width or count');
  assert(words.length * 32 >= count * bits, 'words too short');
  let gathered = 0;
  let used = 0;
  let word = 0;
  for (let i = 0; i < count; i++) {
    const residual = Math.floor((values[i]! - base) / 0x1_0000_0000);
    gathered |= residual << used;
    used += bits;
    if (used >= 32) {
      words[word++] = gathered;
      used -= 32;
      gathered = used === 0 ? 0 : residual >>> (bits - used);
    }
  }
  if (used > 0) words[word] = gathered;
}
