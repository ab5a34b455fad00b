// The node's last copy of the catalog, so that a restart knows the other nodes and where things are
// before it has heard from the meta group. A hint: a missing or damaged one costs nothing but that.

import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {crc32} from 'node:zlib';
import type {Clock, Log, Timer} from '@flotilla/base';
import type {Catalog, CatalogUpdate} from '@flotilla/catalog';
import {replaceFile} from '../adapters/index.ts';

const FILE = 'catalog-cache.json';
const VERSION = 1;
/** Changes come in bursts; the cache may be that old after a crash. */
const WRITE_DELAY_MS = 1_000;

const EMPTY: CatalogUpdate = {version: 0, changes: []};

export async function readCatalogCache(directory: string, log: Log): Promise<CatalogUpdate> {
  try {
    const text = await readFile(path.join(directory, FILE), 'utf8');
    const {version, checksum, snapshot} = JSON.parse(text) as {
      version: number;
      checksum: number;
      snapshot: string;
    };
    if (version !== VERSION || crc32(snapshot) !== checksum)
      throw new Error('it is of another version, or damaged');
    return JSON.parse(snapshot) as CatalogUpdate;
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

export async function writeCatalogCache(directory: string, snapshot: CatalogUpdate): Promise<void> {
  const text = JSON.stringify(snapshot);
  await replaceFile(
    path.join(directory, FILE),
    JSON.stringify({version: VERSION, checksum: crc32(text), snapshot: text}),
  );
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
      await writeCatalogCache(this.#directory, this.#catalog.snapshot());
    } catch (error) {
      this.#log.warn({err: error}, 'cannot write the cached catalog');
    }
  }
}
