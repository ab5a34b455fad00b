// Space kept for the last writes of a full disk. While there is room the file costs nothing: it is
// made once less than `keepBelowShare` of the disk is free. A write of the log that finds the disk
// full anyway gives it up and is made once more, at the same place: nothing of it was synced, so
// nothing was promised of it. So votes, and the records that let go of entries, still find room when
// proposals have long been refused.

import {type Disk, handledElsewhere} from '@flotilla/base';

/** Some hundred thousand votes, or a new segment's checkpoint of as many sleeping groups. */
export const BALLAST_BYTES = 16 * 1024 * 1024;
const PIECE_BYTES = 256 * 1024;

/** Below a store's own path. */
export function ballastPath(store: string): string {
  return `${store}/ballast`;
}

export class Ballast {
  readonly #disk: Disk;
  readonly #path: string;
  #isThere = false;
  #isMaking = false;
  #change: Promise<void> = Promise.resolve();

  private constructor(disk: Disk, path: string, isThere: boolean) {
    this.#disk = disk;
    this.#path = path;
    this.#isThere = isThere;
  }

  static async open(disk: Disk, path: string): Promise<Ballast> {
    // What a crash left of one that was not whole: up to all its bytes, of a disk that is short of them.
    await disk.remove(`${path}.new`);
    return new Ballast(disk, path, await disk.exists(path));
  }

  /** Makes it, unless it is there. */
  keep(): Promise<void> {
    return this.#oneByOne(async () => {
      if (this.#isThere) return;
      this.#isMaking = true;
      try {
        await this.#make();
        this.#isThere = true;
      } catch (error) {
        await this.#disk.remove(`${this.#path}.new`);
        throw error;
      } finally {
        this.#isMaking = false;
      }
    });
  }

  /** True if there was one to give up, or one being made, whether it became whole or not: what it had is free now. */
  async release(): Promise<boolean> {
    let wasThere = this.#isMaking;
    await this.#oneByOne(async () => {
      if (!this.#isThere) return;
      wasThere = true;
      this.#isThere = false;
      await this.#disk.remove(this.#path);
    });
    return wasThere;
  }

  async #make(): Promise<void> {
    const name = `${this.#path}.new`;
    await this.#disk.remove(name);
    const file = await this.#disk.open(name, 'create');
    try {
      // Not zeros: a file system that compresses would keep no space for them.
      const piece = new Uint8Array(PIECE_BYTES);
      let state = 1;
      for (let i = 0; i < piece.length; i++) {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
        piece[i] = state >>> 24;
      }
      for (let at = 0; at < BALLAST_BYTES; at += PIECE_BYTES) await file.writeAt(at, [piece]);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#disk.rename(name, this.#path);
  }

  #oneByOne(change: () => Promise<void>): Promise<void> {
    const result = this.#change.then(change);
    // The caller has the failure; the next change goes on from whatever there is.
    this.#change = handledElsewhere(result);
    return result;
  }
}
