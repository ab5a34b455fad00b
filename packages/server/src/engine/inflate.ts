// Content-Encoding of a write's body. Runs in an engine thread: 64 MiB take some 30 ms. The limit is
// on inflated bytes, and inflating stops there: a small body can never fill the memory.

import zlib from 'node:zlib';
import {DbError, LIMITS} from '@flotilla/base';

type Inflate = (body: Uint8Array, options: {maxOutputLength: number}) => Uint8Array;

const INFLATE: Readonly<Record<string, Inflate>> = {
  gzip: zlib.gunzipSync,
  'x-gzip': zlib.gunzipSync,
  // The zlib form (RFC 1950), as HTTP says; raw deflate is refused.
  deflate: zlib.inflateSync,
  zstd: zlib.zstdDecompressSync,
};

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
  const maxOutputLength = LIMITS.write_body_bytes_max.value;
  try {
    return decode(body, {maxOutputLength});
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      const message = `the body is over ${maxOutputLength} bytes when inflated; send it in pieces`;
      throw new DbError('BODY_TOO_LARGE', message, {
        limit: 'write_body_bytes_max',
        bytesMax: maxOutputLength,
      });
    }
    throw new DbError(
      'INVALID_ARGUMENT',
      `the body is not valid ${name}: ${(error as Error).message}`,
    );
  }
}
