// A file of a disk in memory: its bytes as readers see them, and the changes that are not durable yet, each
// with what stood there before, so that a power cut can take them back one by one or sector by sector.

import type {Random} from '@flotilla/base';

/** What a power cut leaves whole: a sector is old or new, never mixed. */
const SECTOR_BYTES = 512;

export interface Unsynced {
  readonly offset: number;
  /** What stood there before, as far as the file reached. */
  readonly before: Uint8Array;
  readonly sizeBefore: number;
  /** Undefined for a truncation to `offset`. */
  readonly after: Uint8Array | undefined;
  /** 'clean': taken for written and never was; 'synced': durable, kept only behind one that is not. */
  state: 'dirty' | 'clean' | 'synced';
  /** Written by a call that makes it durable itself. */
  readonly isDurably: boolean;
}

/** Where a durable write stood, and what a power cut left of it, as words to be counted. */
export type DurableEvent =
  | 'written over zeros'
  | 'written over zeros and past the end'
  | 'written past the end'
  | 'written over other bytes'
  | 'refused for want of room'
  | 'refused in part for want of room'
  | 'failed'
  | 'cut off, nothing left'
  | 'cut off, torn'
  | 'cut off, whole';

export type TellDurable = (event: DurableEvent) => void;

export class FileNode {
  bytes = new Uint8Array(0);
  size = 0;
  unsynced: Unsynced[] = [];

  copy(): FileNode {
    const copy = new FileNode();
    copy.bytes = this.bytes.slice();
    copy.size = this.size;
    copy.unsynced = this.unsynced.map((change) => ({...change}));
    return copy;
  }

  write(offset: number, data: Uint8Array): void {
    const end = offset + data.length;
    if (end > this.bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.bytes.length * 2));
      grown.set(this.bytes.subarray(0, this.size));
      this.bytes = grown;
    }
    if (offset > this.size) this.bytes.fill(0, this.size, offset);
    this.bytes.set(data, offset);
    this.size = Math.max(this.size, end);
  }

  writeUnsynced(offset: number, data: Uint8Array, isDurably = false): Unsynced {
    const before = this.bytes.slice(
      Math.min(offset, this.size),
      Math.min(offset + data.length, this.size),
    );
    // A Buffer's slice is a view, and its writer may use it again.
    const after = Uint8Array.from(data);
    const sizeBefore = this.size;
    const change: Unsynced = {offset, before, sizeBefore, after, state: 'dirty', isDurably};
    this.unsynced.push(change);
    this.write(offset, after);
    return change;
  }

  truncateUnsynced(bytes: number): void {
    const before = this.bytes.slice(Math.min(bytes, this.size), this.size);
    const sizeBefore = this.size;
    this.unsynced.push({
      ...{offset: bytes, before, sizeBefore, after: undefined},
      ...{state: 'dirty', isDurably: false},
    });
    if (bytes > this.size) this.write(bytes, new Uint8Array(0));
    this.size = bytes;
  }

  /** The first `covered` changes are durable, but for those that were taken for clean before. */
  sync(covered: number): void {
    this.#mark(covered, 'synced');
    this.#forgetSynced();
  }

  /** This change alone is durable; false if a sync that failed meanwhile has taken it for clean. */
  syncOne(change: Unsynced): boolean {
    if (change.state === 'clean') return false;
    change.state = 'synced';
    this.#forgetSynced();
    return true;
  }

  /** A sync of them failed, and no later one tries again. */
  takeForClean(covered: number): void {
    this.#mark(covered, 'clean');
  }

  /** Its own sync failed. */
  takeOneForClean(change: Unsynced): void {
    if (change.state === 'dirty') change.state = 'clean';
  }

  crash(random: Random | undefined, tell?: TellDurable): void {
    const lost = this.unsynced;
    this.unsynced = [];
    for (let i = lost.length - 1; i >= 0; i--) {
      const change = lost[i]!;
      this.write(Math.min(change.offset, change.sizeBefore), change.before);
      this.size = change.sizeBefore;
    }
    for (const {offset, after, state, isDurably} of lost) {
      if (state === 'synced') {
        if (after === undefined) this.size = offset;
        else this.write(offset, after);
      } else if (state === 'dirty' && after !== undefined) {
        const left =
          random === undefined ? 'nothing left' : this.#keepSectors(offset, after, random);
        if (isDurably) tell?.(`cut off, ${left}`);
      }
    }
  }

  #forgetSynced(): void {
    const kept = this.unsynced.findIndex(({state}) => state !== 'synced');
    this.unsynced = kept === -1 ? [] : this.unsynced.slice(kept);
  }

  #mark(covered: number, state: 'clean' | 'synced'): void {
    for (const change of this.unsynced.slice(0, covered))
      if (change.state === 'dirty') change.state = state;
  }

  #keepSectors(
    offset: number,
    data: Uint8Array,
    random: Random,
  ): 'nothing left' | 'torn' | 'whole' {
    let kept = 0;
    let lost = 0;
    for (let at = offset; at < offset + data.length; ) {
      const end = Math.min(
        offset + data.length,
        (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES,
      );
      if (random.next() < 0.5) {
        this.write(at, data.subarray(at - offset, end - offset));
        kept += 1;
      } else lost += 1;
      at = end;
    }
    if (kept === 0) return 'nothing left';
    return lost === 0 ? 'whole' : 'torn';
  }
}

/** What a durable write finds where it comes to stand. */
export function placeOf({before, after}: Unsynced): DurableEvent {
  if (before.length === 0) return 'written past the end';
  if (before.some((byte) => byte !== 0)) return 'written over other bytes';
  return before.length < after!.length
    ? 'written over zeros and past the end'
    : 'written over zeros';
}
