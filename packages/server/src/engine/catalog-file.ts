// A copy of the catalog as a file: the cached one of each node, and what `cluster catalog export` writes.

import {crc32} from 'node:zlib';
import type {CatalogImage, CatalogUpdate} from '@flotilla/catalog';

const VERSION = 1;
/** About a millisecond of work. */
const PIECE_CHARS = 64 * 1024;

interface CatalogFile {
  readonly version: number;
  /** CRC32 of `snapshot`. */
  readonly checksum: number;
  /** JSON. */
  readonly snapshot: string;
}

export function catalogFileOf(update: CatalogUpdate): CatalogFile {
  const snapshot = JSON.stringify(update);
  return {version: VERSION, checksum: crc32(snapshot), snapshot};
}

/** The same as text, in pieces: all of a large one would hold up who writes it. */
export function* catalogFilePieces({version, changes}: CatalogImage): Generator<string> {
  let checksum = 0;
  const quote = (part: string): string => {
    checksum = crc32(part, checksum);
    return JSON.stringify(part).slice(1, -1);
  };
  yield `{"version":${VERSION},"snapshot":"`;
  let text = `{"version":${version},"changes":[`;
  let separator = '';
  for (const change of changes) {
    text += separator + JSON.stringify(change);
    separator = ',';
    if (text.length < PIECE_CHARS) continue;
    yield quote(text);
    text = '';
  }
  yield quote(`${text}]}`);
  // Last, since only now it is known.
  yield `","checksum":${checksum}}`;
}

/** Throws where it is of another version, or damaged. */
export function parseCatalogFile(text: string): CatalogUpdate {
  const {version, checksum, snapshot} = JSON.parse(text) as CatalogFile;
  if (version !== VERSION || typeof snapshot !== 'string' || crc32(snapshot) !== checksum)
    throw new Error('it is of another version, or damaged');
  return JSON.parse(snapshot) as CatalogUpdate;
}
