// A copy of the catalog as a file: the cached one of each node, and what `cluster catalog export` writes.

import {crc32} from 'node:zlib';
import type {CatalogUpdate} from '@flotilla/catalog';

const VERSION = 1;

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

/** Throws where it is of another version, or damaged. */
export function parseCatalogFile(text: string): CatalogUpdate {
  const {version, checksum, snapshot} = JSON.parse(text) as CatalogFile;
  if (version !== VERSION || typeof snapshot !== 'string' || crc32(snapshot) !== checksum)
    throw new Error('it is of another version, or damaged');
  return JSON.parse(snapshot) as CatalogUpdate;
}
