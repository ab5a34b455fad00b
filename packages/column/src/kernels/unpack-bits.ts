// The inverse of pack-bits. The base is added on the way, so a frame of reference is one pass.

import {assert} from '@flotilla/base';

/**
 * out[i] = base + value i of the stream of up to 32 bits a value.
 * @param words  one word more than the stream has, so that the last value may look past it
 */
export function unpackLow(
  words: Uint32Array,
  count: number,
  width: number,
  base: number,
  out: Float64Array,
): void {
  assert(width >= 1 && width <= 32 && count <= out.length, 'bad width or count');
  assert(words.length * 32 >= count * width + 32, 'words too short');
  if (width === 8 || width === 16 || width === 32) {
    unpackAligned(words, count, width, base, out);
  } else if (32 % width === 0) {
    unpackEven(words, count, width, base, out);
  } else {
    unpackUneven(words, count, width, base, out);
  }
}

/** Adds the stream of the bits above the 32nd to what unpackLow left; 33 <= width <= 53. */
export function addHigh(words: Uint32Array, count: number, width: number, out: Float64Array): void {
  const bits = width - 32;
  assert(bits >= 1 && bits <= 21 && count <= out.length, 'bad width or count');
  assert(words.length * 32 >= count * bits + 32, 'words too short');
  const mask = 2 ** bits - 1;
  for (let i = 0, bit = 0; i < count; i++, bit += bits) {
    const word = Math.floor(bit / 32);
    const shift = bit % 32;
    let value = words[word]! >>> shift;
    if (shift + bits > 32) value |= words[word + 1]! << (32 - shift);
    out[i] = out[i]! + (value & mask) * 0x1_0000_0000;
  }
}

function unpackAligned(
  words: Uint32Array,
  count: number,
  width: number,
  base: number,
  out: Float64Array,
): void {
  if (width === 8) {
    const bytes = new Uint8Array(words.buffer, words.byteOffset, count);
    for (let i = 0; i < count; i++) out[i] = base + bytes[i]!;
  } else if (width === 16) {
    const halves = new Uint16Array(words.buffer, words.byteOffset, count);
    for (let i = 0; i < count; i++) out[i] = base + halves[i]!;
  } else {
    for (let i = 0; i < count; i++) out[i] = base + words[i]!;
  }
}

/** Widths 1, 2 and 4: no value crosses a word. */
function unpackEven(
  words: Uint32Array,
  count: number,
  width: number,
  base: number,
  out: Float64Array,
): void {
  const mask = 2 ** width - 1;
  const perWord = 32 / width;
  const full = Math.floor(count / perWord);
  let next = 0;
  for (let word = 0; word < full; word++) {
    const bits = words[word]!;
    for (let shift = 0; shift < 32; shift += width) out[next++] = base + ((bits >>> shift) & mask);
  }
  for (let shift = 0; next < count; shift += width) {
    out[next++] = base + ((words[full]! >>> shift) & mask);
  }
}

function unpackUneven(
  words: Uint32Array,
  count: number,
  width: number,
  base: number,
  out: Float64Array,
): void {
  const mask = 0xffff_ffff >>> (32 - width);
  let word = 0;
  let shift = 0;
  let bits = words[0]!;
  for (let i = 0; i < count; i++) {
    let value = bits >>> shift;
    shift += width;
    if (shift >= 32) {
      shift -= 32;
      bits = words[++word]!;
      // With shift 0 the value ended with its word, and the mask below drops nothing of it.
      if (shift > 0) value |= bits << (width - shift);
    }
    out[i] = base + ((value & mask) >>> 0);
  }
}
