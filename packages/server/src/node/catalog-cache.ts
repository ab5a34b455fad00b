// The node's last copy of the catalog, so that a restart knows the other nodes and where things are
// before it has heard from the meta group. A hint: a missing or damaged one costs nothing but that.

import {readFile} from 'node:fs/promises';
import path from 'node:path';
import type {Clock, Log, Timer} from '@flotilla/base';
import type {Catalog, CatalogImage, CatalogUpdate} from '@flotilla/catalog';
import {replaceFile} from '../adapters/index.ts';
import {catalogFilePieces, parseCatalogFile} from '../engine/catalog-file.ts';

export const CATALOG_CACHE_FILE = 'catalog-cache.json';
/** Changes come in bursts; the cache may be that old after a crash. */
const WRITE_DELAY_MS = 1_000;

const EMPTY: CatalogUpdate = {version: 0, changes: []};

export async function readCatalogCache(directory: string, log: Log): Promise<CatalogUpdate> {
  try {
    return await readCatalogFile(path.join(directory, CATALOG_CACHE_FILE));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      log.warn(
        {err: error},
        'the cached catalog cannot be used; the meta group is asked for all of it',
      );
    }
    return EMPTY;
  }
}

/** One of these, wherever it lies. Throws where it is missing, of another version or damaged. */
export async function readCatalogFile(file: string): Promise<CatalogUpdate> {
  return parseCatalogFile(await readFile(file, 'utf8'));
}

/** In many turns of the loop, where it is large: all connections of the node are in this thread. */
export async function writeCatalogCache(directory: string, image: CatalogImage): Promise<void> {
  await replaceFile(path.join(directory, CATALOG_CACHE_FILE), catalogFilePieces(image));
}

/** Writes the cache a moment after the catalog has changed. */
export class CatalogCacheWriter {
  readonly #directory: string;
  readonly #catalog: Catalog;
  readonly #clock: Clock;
  readonly #log: Log;
  #timer: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(directory: string, catalog: Catalog, clock: Clock, log: Log) {
    this.#directory = directory;
    this.#catalog = catalog;
    this.#clock = clock;
    this.#log = log;
  }

  changed(): void {
    this.#timer ??= this.#clock.setTimer(WRITE_DELAY_MS, () => {
      this.#timer = undefined;
      this.#writing = this.#writing.then(() => this.#write());
    });
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#writing;
    await this.#write();
  }

  async #write(): Promise<void> {
    try {
      await writeCatalogCache(this.#directory, this.#catalog.image());
    } catch (error) {
      this.#log.warn({err: error}, 'cannot write the cached catalog');
    }
  }
}
