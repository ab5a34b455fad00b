// Which files of a thread's replicas are open: past `open_files_max` those that were read longest ago are
// closed, and opened again by their next reader. What is being read, or held for a scan, stays open.

import {handledElsewhere, LIMITS} from '@flotilla/base';

interface OpenFile {
  readonly isHeld: boolean;
  /** Closes it, and says so by `closed` before it returns. */
  closeUnread(): Promise<void>;
}

export class OpenFiles {
  readonly #max: number;
  /** The one that was read longest ago first. */
  readonly #files = new Set<OpenFile>();

  constructor(max: number = LIMITS.open_files_max.value) {
    this.#max = max;
  }

  get count(): number {
    return this.#files.size;
  }

  /** It is open, and somebody is about to read it. */
  used(file: OpenFile): void {
    this.#files.delete(file);
    this.#files.add(file);
    for (const each of this.#files) {
      if (this.#files.size <= this.#max) return;
      // One that cannot be closed takes a descriptor, and fails nobody.
      if (each !== file && !each.isHeld) void handledElsewhere(each.closeUnread());
    }
  }

  closed(file: OpenFile): void {
    this.#files.delete(file);
  }
}
