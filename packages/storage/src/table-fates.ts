// Which tables are dead. Dropped: rows hidden, writes refused, and it may live again. Purged: dead for
// ever, and its rows go at the next compaction. Changed only by log entries, so replicas agree.
// Bounded: dropped are those that the catalog has dropped and not purged yet, since whatever it forgets is
// purged here too. A purged one stays as long as its replica set, whose bucket ends: an id is never used
// again, and a router with a copy of the catalog of any age may still send rows for it. It costs a number,
// and those that the catalog forgot before the set was made are not among them.

import type {TableId} from '@flotilla/base';

export type TableFate = 'live' | 'dropped' | 'purged';

export class TableFates {
  readonly #dropped: Set<TableId>;
  readonly #purged: Set<TableId>;

  constructor(dropped: Iterable<TableId>, purged: Iterable<TableId>) {
    this.#dropped = new Set(dropped);
    this.#purged = new Set(purged);
  }

  isDead(table: TableId): boolean {
    return this.#dropped.has(table) || this.#purged.has(table);
  }

  of(table: TableId): TableFate {
    if (this.#purged.has(table)) return 'purged';
    return this.#dropped.has(table) ? 'dropped' : 'live';
  }

  drop(table: TableId): void {
    if (!this.#purged.has(table)) this.#dropped.add(table);
  }

  /** False: it was purged before, and stays dead. */
  recover(table: TableId): boolean {
    if (this.#purged.has(table)) return false;
    this.#dropped.delete(table);
    return true;
  }

  purge(table: TableId): void {
    this.#dropped.delete(table);
    this.#purged.add(table);
  }

  dropped(): TableId[] {
    return [...this.#dropped].sort((a, b) => a - b);
  }

  purged(): TableId[] {
    return [...this.#purged].sort((a, b) => a - b);
  }
}
