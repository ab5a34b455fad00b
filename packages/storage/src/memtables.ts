// The rows of a replica that are in memory: one memtable that writes go into, and those on their way to
// disk, in the order of the log. Nothing leaves but in the turn in which its part appears.

import type {TableId} from '@flotilla/base';
import type {DeadColumnIds} from './dead-columns.ts';
import {Memtable} from './memtable.ts';
import type {FlushPoint} from './replica-state.ts';

/** A memtable on its way to disk, and the point that its flush makes durable. */
export interface FrozenMemtable {
  readonly memtable: Memtable;
  readonly lo: number;
  readonly point: FlushPoint;
  readonly seriesCount: number;
  readonly droppedTables: readonly TableId[];
  readonly purgedTables: readonly TableId[];
  readonly deadColumns: readonly DeadColumnIds[];
  /** Called in the turn of its commit. */
  readonly pins: Set<() => void>;
}

export class Memtables {
  #active = new Memtable();
  /** From the oldest to the newest. */
  #frozen: readonly FrozenMemtable[] = [];

  get active(): Memtable {
    return this.#active;
  }

  /** Of the frozen. */
  get oldest(): FrozenMemtable | undefined {
    return this.#frozen[0];
  }

  /** Of the frozen. */
  get newest(): FrozenMemtable | undefined {
    return this.#frozen.at(-1);
  }

  /** From the oldest to the newest. */
  all(): Memtable[] {
    return [...this.#frozen.map(({memtable}) => memtable), this.#active];
  }

  /** Neither rows nor deletes, nor a flush that is not done. */
  get isEmpty(): boolean {
    const {isEmpty, tombstoneCount} = this.#active;
    return isEmpty && tombstoneCount === 0 && this.#frozen.length === 0;
  }

  get bytes(): number {
    let {bytes} = this.#active;
    for (const {memtable} of this.#frozen) bytes += memtable.bytes;
    return bytes;
  }

  get tombstoneCount(): number {
    let count = this.#active.tombstoneCount;
    for (const {memtable} of this.#frozen) count += memtable.tombstoneCount;
    return count;
  }

  /** Freezes the active one; writes go on into a new one. */
  freeze(at: Omit<FrozenMemtable, 'memtable' | 'pins'>): FrozenMemtable {
    const frozen = {...at, memtable: this.#active, pins: new Set<() => void>()};
    this.#active = new Memtable();
    this.#frozen = [...this.#frozen, frozen];
    return frozen;
  }

  holds(frozen: FrozenMemtable): boolean {
    return this.#frozen.includes(frozen);
  }

  remove(frozen: FrozenMemtable): void {
    this.#frozen = this.#frozen.filter((each) => each !== frozen);
  }

  clear(): void {
    this.#active = new Memtable();
    this.#frozen = [];
  }

  /** What came in since the freeze beside what was frozen, 0 to 1: until both keep pace, memory fills. */
  flushLag(): number {
    const frozenBytes = this.oldest?.memtable.bytes ?? 0;
    return frozenBytes === 0 ? 0 : Math.min(1, this.#active.bytes / frozenBytes);
  }
}
