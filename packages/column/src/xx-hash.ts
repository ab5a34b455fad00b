// xxHash32 (Yann Collet, xxHash specification 0.1.1), in plain integers: the hash that shards are
// chosen by, so it never changes. A WebAssembly build is faster on long inputs only and loads late.

const PRIME1 = 0x9e3779b1;
const PRIME2 = 0x85ebca77;
const PRIME3 = 0xc2b2ae3d;
const PRIME4 = 0x27d4eb2f;
const PRIME5 = 0x165667b1;

/** @returns the hash of bytes[start, end) in 0 .. 2^32 - 1 */
export function xxHash32(bytes: Uint8Array, start: number, end: number, seed: number): number {
  const length = end - start;
  let cursor = start;
  let hash: number;
  if (length >= 16) {
    let a = (seed + PRIME1 + PRIME2) | 0;
    let b = (seed + PRIME2) | 0;
    let c = seed | 0;
    let d = (seed - PRIME1) | 0;
    for (const last = end - 16; cursor <= last; cursor += 16) {
      a = mixLane(a, readWord(bytes, cursor));
      b = mixLane(b, readWord(bytes, cursor + 4));
      c = mixLane(c, readWord(bytes, cursor + 8));
      d = mixLane(d, readWord(bytes, cursor + 12));
    }
    hash = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0;
  } else {
    hash = (seed + PRIME5) | 0;
  }
  hash = (hash + length) | 0;
  for (; cursor + 4 <= end; cursor += 4) {
    hash = (hash + Math.imul(readWord(bytes, cursor), PRIME3)) | 0;
    hash = Math.imul(rotate(hash, 17), PRIME4);
  }
  for (; cursor < end; cursor++) {
    hash = (hash + Math.imul(bytes[cursor]!, PRIME5)) | 0;
    hash = Math.imul(rotate(hash, 11), PRIME1);
  }
  return avalanche(hash);
}

function mixLane(lane: number, word: number): number {
  return Math.imul(rotate((lane + Math.imul(word, PRIME2)) | 0, 13), PRIME1);
}

function avalanche(value: number): number {
  let hash = Math.imul(value ^ (value >>> 15), PRIME2);
  hash = Math.imul(hash ^ (hash >>> 13), PRIME3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function readWord(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
