// The files of one replica's catalog. Each is written aside, synced, renamed and its directory synced, so
// a name that can be read is a file that is whole; its checksum is for what disks do later.

import type {Disk, WorkSlices} from '@flotilla/base';
import {inSlices} from './in-slices.ts';
import {
  BodySum,
  decodeMetaState,
  encodeBody,
  HEADER_BYTES,
  type MetaImage,
  type MetaState,
} from './meta-snapshot.ts';

/** The newest can prove unreadable; the log is kept from the one before as long as the host keeps it. */
const FILES_KEPT = 2;
/** Of a durable point; the number is its index. */
export const CATALOG_FILE = /^catalog-(\d{16})\.json$/;

/** The files of one replica's directory. */
export class MetaFiles {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #slices: WorkSlices;
  /** With all directories above it, durably, by this process. */
  #isMade = false;

  constructor(disk: Disk, directory: string, slices: WorkSlices) {
    this.#disk = disk;
    this.#directory = directory;
    this.#slices = slices;
  }

  /**
   * The newest state; undefined where none was ever written. A damaged newest file is an error and
   * not a reason to go back: votes and acknowledgements rest on what it held.
   */
  async readNewest(): Promise<MetaState | undefined> {
    const newest = (await this.#names()).at(-1);
    return newest === undefined ? undefined : this.read(`${this.#directory}/${newest}`);
  }

  async read(path: string): Promise<MetaState> {
    const file = await this.#disk.open(path, 'read');
    const read = (offset: number, length: number) => file.readAt(offset, length);
    try {
      return await decodeMetaState({name: path, bytes: await file.size(), read}, this.#slices);
    } finally {
      await file.close();
    }
  }

  /** Durable when it resolves. Of what is in memory only a piece is there a second time. */
  async write(image: MetaImage): Promise<void> {
    const disk = this.#disk;
    await this.#makeDirectory();
    await this.#removeUnfinished();
    const path = `${this.#directory}/catalog-${String(image.point.index).padStart(16, '0')}.json`;
    const aside = `${path}.new`;
    const file = await disk.open(aside, 'create');
    try {
      const sum = new BodySum();
      for await (const piece of inSlices(encodeBody(image), this.#slices)) {
        await file.writeAt(HEADER_BYTES + sum.bytes, [piece]);
        sum.add(piece);
      }
      await file.writeAt(0, [sum.header()]);
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.rename(aside, path);
    await disk.syncDirectory(this.#directory);
    await this.#removeOld();
  }

  async destroy(): Promise<void> {
    await this.#disk.remove(this.#directory);
    const parent = parentOf(this.#directory);
    // Where no replica of the store ever had a file, nobody has made it.
    if (await this.#disk.exists(parent)) await this.#disk.syncDirectory(parent);
  }

  /**
   * A file is only as durable as the names of all directories above it; a process before may have made
   * them and ended before they were.
   */
  async #makeDirectory(): Promise<void> {
    if (this.#isMade) return;
    await this.#disk.makeDirectory(this.#directory);
    let path = this.#directory;
    do {
      path = parentOf(path);
      await this.#disk.syncDirectory(path);
    } while (path !== '');
    this.#isMade = true;
  }

  /** What a crash or a full disk left of a file that was not whole yet: nobody else would remove it. */
  async #removeUnfinished(): Promise<void> {
    for (const {name} of await this.#disk.list(this.#directory))
      if (name.endsWith('.new')) await this.#disk.remove(`${this.#directory}/${name}`);
  }

  async #removeOld(): Promise<void> {
    const names = await this.#names();
    for (const name of names.slice(0, -FILES_KEPT)) {
      await this.#disk.remove(`${this.#directory}/${name}`);
    }
  }

  /** By index, ascending: the numbers are padded. */
  async #names(): Promise<string[]> {
    const entries = await this.#disk.list(this.#directory);
    return entries.map(({name}) => name).filter((name) => CATALOG_FILE.test(name));
  }
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}
