// Content-Encoding of a write's body. Runs in an engine thread: 64 MiB take some 30 ms. The limit is
// on inflated bytes, and inflating stops there: a small body can never fill the memory.

import zlib from 'node:zlib';
import {DbError, LIMITS} from '@flotilla/base';

type Inflate = (
  body: Uint8Array,
  options: {readonly maxOutputLength: number; readonly info: true},
) => unknown;

/** What `info` asks for. */
interface Inflated {
  readonly buffer: Uint8Array;
  /** Of the bytes that came, as many as it has read. */
  readonly engine: {readonly bytesWritten: number};
}

const INFLATE: Readonly<Record<string, Inflate>> = {
  // All members of it.
  gzip: zlib.gunzipSync,
  'x-gzip': zlib.gunzipSync,
  // The zlib form (RFC 1950), as HTTP says; raw deflate is refused.
  deflate: zlib.inflateSync,
  // One frame of it, of which the body may have several (RFC 8878).
  zstd: zlib.zstdDecompressSync,
};
/** Each costs 20 to 70 microseconds, however little it holds: for 64 MiB of empty ones the thread would be gone for minutes. */
const FRAMES_MAX = 1_024;

/** @param encoding the header's value; '' and 'identity' for none. */
export function inflate(body: Uint8Array, encoding: string): Uint8Array {
  const name = encoding.trim().toLowerCase();
  if (name === '' || name === 'identity') return body;
  const decode = INFLATE[name];
  if (decode === undefined) {
    const known = ['identity', 'gzip', 'deflate', 'zstd'].join(', ');
    throw new DbError(
      'UNSUPPORTED_ENCODING',
      `Content-Encoding ${encoding} is not one of ${known}`,
    );
  }
  const pieces: Uint8Array[] = [];
  let inflatedBytes = 0;
  let rest = body;
  // The decoders stop at the end of what they know, and what stands behind it must not be lost in silence.
  for (;;) {
    const {buffer, engine} = inflateNext(decode, rest, {name, inflatedBytes});
    inflatedBytes += buffer.length;
    if (inflatedBytes > LIMITS.write_body_bytes_max.value) throw tooLarge();
    pieces.push(buffer);
    rest = rest.subarray(engine.bytesWritten);
    if (rest.length === 0) return pieces.length === 1 ? buffer : Buffer.concat(pieces);
    if (name === 'zstd') {
      if (pieces.length < FRAMES_MAX) continue;
      throw invalid(name, `it is over ${FRAMES_MAX} frames; send it as fewer`);
    }
    // As gzip itself does, which pads files to blocks of a tape.
    if (name !== 'deflate' && rest.every((byte) => byte === 0)) return buffer;
    throw invalid(name, `${rest.length} bytes stand behind its end`);
  }
}

function inflateNext(
  decode: Inflate,
  bytes: Uint8Array,
  {name, inflatedBytes}: {readonly name: string; readonly inflatedBytes: number},
): Inflated {
  // The least that zlib takes is 1: the caller sees what is one too many.
  const maxOutputLength = Math.max(1, LIMITS.write_body_bytes_max.value - inflatedBytes);
  try {
    return decode(bytes, {maxOutputLength, info: true}) as Inflated;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
    throw invalid(name, (error as Error).message);
  }
}

function tooLarge(): DbError {
  const bytesMax = LIMITS.write_body_bytes_max.value;
  const message = `the body is over ${bytesMax} bytes when inflated; send it in pieces`;
  return new DbError('BODY_TOO_LARGE', message, {limit: 'write_body_bytes_max', bytesMax});
}

function invalid(name: string, reason: string): DbError {
  return new DbError('INVALID_ARGUMENT', `the body is not valid ${name}: ${reason}`);
}
