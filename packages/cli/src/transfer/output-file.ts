// A file that an export writes: compressed, counted and hashed on the way, and called by its name once it is
// whole. Who writes waits for what it wrote to be taken.

import {createHash} from 'node:crypto';
import {createWriteStream} from 'node:fs';
import {open, rename, rm} from 'node:fs/promises';
import {PassThrough, Transform, type TransformCallback, type Writable} from 'node:stream';
import {pipeline} from 'node:stream/promises';
import {constants, createGzip, createZstdCompress} from 'node:zlib';
import type {Compression, Written} from './manifest.ts';

/** Quick rather than small: an export is to wait for the cluster, not for itself. */
const GZIP_LEVEL = 1;
const ZSTD_LEVEL = 1;

export interface Output {
  write(text: string): Promise<void>;
}

export interface OutputFile extends Output {
  /** What it holds. */
  end(): Promise<Pick<Written, 'bytes' | 'sha256'>>;
  /** Nothing of it stays. */
  abandon(): Promise<void>;
}

export function outputFile(file: string, compression: Compression): OutputFile {
  const beside = `${file}.part`;
  const counter = new Counter();
  const input = compressorOf(compression);
  const written = pipeline(input, counter, createWriteStream(beside));
  // Whoever writes or ends is told; until then nobody looks.
  void Promise.allSettled([written]);
  return {
    // What broke the row of streams says more than that the first of them is gone.
    write: (text) => writeTo(input, text).catch(() => written),
    async end() {
      input.end();
      await written;
      await takeName(beside, file);
      return {bytes: counter.bytes, sha256: counter.hash.digest('hex')};
    },
    async abandon() {
      input.destroy();
      await Promise.allSettled([written]);
      await rm(beside, {force: true});
    },
  };
}

function compressorOf(compression: Compression): Transform {
  switch (compression) {
    case 'none':
      return new PassThrough();
    case 'gzip':
      return createGzip({level: GZIP_LEVEL});
    case 'zstd':
      return createZstdCompress({params: {[constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL}});
  }
}

function writeTo(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

/** Once it is on the disk. */
export async function takeName(beside: string, file: string): Promise<void> {
  const handle = await open(beside, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, file);
}

class Counter extends Transform {
  readonly hash = createHash('sha256');
  bytes = 0;

  override _transform(piece: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.hash.update(piece);
    this.bytes += piece.length;
    done(undefined, piece);
  }
}
