// An immutable file that is read by ranges and removed when the manifest no longer names it and
// nobody reads it any more: the counted reference behind every pin.

import {assert, type Disk, type DiskFile, handledElsewhere} from '@flotilla/base';
import type {OpenFiles} from './open-files.ts';

interface FilePlace {
  readonly disk: Disk;
  readonly directory: string;
  /** Where it counts among those that are open. */
  readonly openFiles: OpenFiles;
}

export class CountedFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly #disk: Disk;
  readonly #openFiles: OpenFiles;
  #handle: Promise<DiskFile> | undefined;
  #references = 1;
  #isObsolete = false;
  readonly #reads = new Set<Promise<unknown>>();

  constructor({disk, directory, openFiles}: FilePlace, name: string, bytes: number) {
    this.#disk = disk;
    this.#openFiles = openFiles;
    this.name = name;
    this.path = `${directory}/${name}`;
    this.bytes = bytes;
  }

  /** Somebody besides its owner holds it, or reads it now. */
  get isHeld(): boolean {
    return this.#references > 1 || this.#reads.size > 0;
  }

  retain(): void {
    assert(this.#references > 0, () => `${this.path} is retained after its end`);
    this.#references += 1;
  }

  /** As `retain`; from now on it can be read even where a destroyed replica's directory is removed. */
  retainOpen(): void {
    this.retain();
    // A failure is that of the first read, which tries again.
    void handledElsewhere(this.#open());
  }

  /** Ends one reference; the last one closes the file and, if it is obsolete, removes it. */
  async release(): Promise<void> {
    assert(this.#references > 0, () => `${this.path} is released too often`);
    this.#references -= 1;
    const isLast = this.#references === 0;
    // Whoever lets go may remove the directory next: those who still read have it open by then.
    if (this.#handle !== undefined) await handledElsewhere(this.#handle);
    if (!isLast) return;
    // A descriptor closed beneath a read could by then name another file.
    await Promise.allSettled(this.#reads);
    this.#openFiles.closed(this);
    if (this.#handle !== undefined) await (await this.#handle).close();
    if (this.#isObsolete) await this.#disk.remove(this.path);
  }

  /** Requires that the manifest no longer names it. It goes with its last reference. */
  markObsolete(): void {
    this.#isObsolete = true;
  }

  /** Closes it where nobody but its owner holds it; the next read opens it again. */
  async closeUnread(): Promise<void> {
    const handle = this.#handle;
    if (this.isHeld || handle === undefined) return;
    this.#handle = undefined;
    this.#openFiles.closed(this);
    // One that could not be opened has nothing to close, and failed for whoever asked for it.
    const [opened] = await Promise.allSettled([handle]);
    if (opened.status === 'fulfilled') await opened.value.close();
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return this.#reading((handle) => handle.readAt(offset, length));
  }

  /** Whether it lacks bytes at its end; false where the disk does not say. */
  async isCut(): Promise<boolean> {
    const size = this.#reading((handle) => handle.size());
    const [told] = await Promise.allSettled([size]);
    return told.status === 'fulfilled' && told.value < this.bytes;
  }

  async #reading<T>(read: (handle: DiskFile) => Promise<T>): Promise<T> {
    assert(this.#references > 0, () => `${this.path} is read after its end`);
    const reading = this.#open().then(read);
    this.#reads.add(reading);
    try {
      return await reading;
    } finally {
      this.#reads.delete(reading);
    }
  }

  #open(): Promise<DiskFile> {
    this.#openFiles.used(this);
    if (this.#handle !== undefined) return this.#handle;
    const handle = this.#disk.open(this.path, 'read').catch((error: unknown) => {
      // Where descriptors were all in use, the next reader may find one.
      if (this.#handle === handle) {
        this.#handle = undefined;
        this.#openFiles.closed(this);
      }
      throw error;
    });
    this.#handle = handle;
    return handle;
  }
}
