// The entropy stage of a part: pages of packed columns as zstd makes them smaller. What is packed is a few
// bits a value by then, so a page of 32,768 values is small and quickly taken apart again (storage.bench.ts).

import {constants, zstdCompressSync, zstdDecompressSync} from 'node:zlib';

/** Higher levels find little more in packed numbers, for several times the CPU. */
const PARAMS = {[constants.ZSTD_c_compressionLevel]: 1};
/** Below it the call costs more than its bytes. */
const PAGE_BYTES_MIN = 512;
/** Every reader of the page pays for taking it apart, half of what decoding its values takes. */
const SAVING_MIN = 1 / 16;
/** Of larger pages a piece is tried first: noise, as doubles of full precision are, is known by it. */
const SAMPLED_BYTES_MIN = 32_768;
const SAMPLE_BYTES = 4_096;
/** zlib's least. */
const CHUNK_BYTES_MIN = 64;

/** Undefined where it does not pay. */
export function compressPage(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < PAGE_BYTES_MIN) return undefined;
  if (bytes.length >= SAMPLED_BYTES_MIN && compressed(sampleOf(bytes)) === undefined)
    return undefined;
  return compressed(bytes);
}

/** Requires what `compressPage` made of that many bytes; throws or gives other bytes if it is not. */
export function decompressPage(bytes: Uint8Array, inflatedBytes: number): Uint8Array {
  // One byte more than it takes, so that all of it comes in one piece.
  const chunkSize = Math.max(CHUNK_BYTES_MIN, inflatedBytes + 1);
  return zstdDecompressSync(bytes, {chunkSize, maxOutputLength: inflatedBytes});
}

function compressed(bytes: Uint8Array): Uint8Array | undefined {
  // Told the size, zstd makes its tables no larger than the page needs.
  const size = bytes.length;
  const result = zstdCompressSync(bytes, {params: PARAMS, pledgedSrcSize: size, chunkSize: size});
  return result.length <= bytes.length * (1 - SAVING_MIN) ? result : undefined;
}

/** From the middle: a page begins with the lengths of its bodies. */
function sampleOf(bytes: Uint8Array): Uint8Array {
  const start = (bytes.length - SAMPLE_BYTES) >> 1;
  return bytes.subarray(start, start + SAMPLE_BYTES);
}
