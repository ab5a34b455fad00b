// A file of zstd, inflated on the way. It may have many frames, one behind the other (RFC 8878): files that were
// appended to each other have, and what pzstd makes, which begins with one to be skipped. Node's decompressor ends
// with the first, in silence, unless a piece happens to end there; so each frame behind that gets one of its own.

import {createZstdDecompress, type ZstdDecompress} from 'node:zlib';

/** Rejects where the last frame is not whole. */
export async function* inflateZstd(raw: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const pieces = raw[Symbol.asyncIterator]();
  try {
    let rest: Uint8Array | undefined = new Uint8Array(0);
    while (rest !== undefined) {
      const frame = createZstdDecompress();
      const feeding = feed(frame, rest, pieces);
      // What it fails with the frame fails with, too.
      void Promise.allSettled([feeding]);
      yield* frame as AsyncIterable<Buffer>;
      rest = await feeding;
    }
  } finally {
    await pieces.return?.();
  }
}

/** What it has read and the frame has not taken; undefined at the end of all. */
async function feed(
  frame: ZstdDecompress,
  first: Uint8Array,
  pieces: AsyncIterator<Uint8Array>,
): Promise<Uint8Array | undefined> {
  try {
    for (let piece = first; ; ) {
      const before = frame.bytesWritten;
      await write(frame, piece);
      const taken = frame.bytesWritten - before;
      if (taken < piece.length) return piece.subarray(taken);
      const {done, value} = await pieces.next();
      if (done === true) {
        frame.end();
        return undefined;
      }
      piece = value;
    }
  } catch (error) {
    frame.destroy(error as Error);
    throw error;
  }
}

function write(frame: ZstdDecompress, piece: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    frame.write(piece, (error) => (error ? reject(error) : resolve()));
  });
}
