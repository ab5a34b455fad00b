// What `write` and `import` read: a file, inflated on the way where its name says so, or stdin.

import {createReadStream} from 'node:fs';
import {stat} from 'node:fs/promises';
import {Readable} from 'node:stream';
import {createGunzip} from 'node:zlib';
import {type Terminal, UsageError} from '../terminal.ts';
import {inflateZstd} from './zstd-frames.ts';

const PIECE_BYTES = 1 << 20;

export interface Input {
  readonly stream: Readable;
  /** How much has been read, where the end is known. */
  fraction(): number | undefined;
}

/** - or nothing: stdin. */
export async function openInput({stdin}: Terminal, file: string | undefined): Promise<Input> {
  if (file === undefined || file === '-') {
    if (stdin.isTTY === true && file === undefined)
      throw new UsageError('name a file, or give line protocol on stdin');
    return {stream: stdin, fraction: () => undefined};
  }
  const size = await sizeOf(file);
  const raw = createReadStream(file, {highWaterMark: PIECE_BYTES});
  const fraction = () => (size === 0 ? 1 : raw.bytesRead / size);
  const stream = inflated(raw, file);
  if (stream !== raw) stream.on('close', () => raw.destroy());
  return {stream, fraction};
}

function inflated(raw: Readable, file: string): Readable {
  if (file.endsWith('.zst')) return Readable.from(inflateZstd(raw), {objectMode: false});
  if (!file.endsWith('.gz')) return raw;
  const gunzip = createGunzip();
  raw.on('error', (error) => gunzip.destroy(error));
  return raw.pipe(gunzip);
}

/** Without what says how it is compressed. */
export function plainName(file: string): string {
  return file.replace(/\.(?:gz|zst)$/, '');
}

async function sizeOf(file: string): Promise<number> {
  try {
    const found = await stat(file);
    if (found.isDirectory()) throw new UsageError(`${file} is a directory: name a file`);
    return found.size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new UsageError(`no such file: ${file}`);
  }
}
