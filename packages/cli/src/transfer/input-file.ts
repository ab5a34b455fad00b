// What `write` and `import` read: a file, inflated on the way where its name says so, or stdin.

import {createReadStream} from 'node:fs';
import {stat} from 'node:fs/promises';
import type {Readable} from 'node:stream';
import {createGunzip, createZstdDecompress} from 'node:zlib';
import {type Terminal, UsageError} from '../terminal.ts';

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
  const inflated = inflaterOf(file);
  if (inflated === undefined) return {stream: raw, fraction};
  raw.on('error', (error) => inflated.destroy(error));
  inflated.on('close', () => raw.destroy());
  return {stream: raw.pipe(inflated), fraction};
}

function inflaterOf(file: string) {
  if (file.endsWith('.gz')) return createGunzip();
  return file.endsWith('.zst') ? createZstdDecompress() : undefined;
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
