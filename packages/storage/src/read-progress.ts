// How far a reading of all rows of some parts is: of a checksum, or of a merge, which may be carried out in another
// thread. It is asked for meanwhile, by people alone, so a share of the files' bytes is enough.

import type {TableId} from '@flotilla/base';
import type {PartRecord} from './part.ts';

/** Of the share that is read: what fits into four bytes, which no other thread can see half written. */
const WHOLE = 1_000_000;

export interface BytesRead {
  readonly bytes: number;
  readonly bytesTotal: number;
}

/** As it is seen by whoever asked for the reading. */
export class ReadProgress {
  #share: Uint32Array | undefined;
  #bytesTotal = 0;

  /** What `RowsRead` counts up, in memory that threads share. */
  begin(parts: readonly {readonly bytes: number}[]): Uint32Array {
    this.#bytesTotal = parts.reduce((sum, {bytes}) => sum + bytes, 0);
    this.#share = new Uint32Array(new SharedArrayBuffer(Uint32Array.BYTES_PER_ELEMENT));
    return this.#share;
  }

  /** Undefined: it has not begun, or there was nothing to read. */
  get read(): BytesRead | undefined {
    if (this.#share === undefined) return undefined;
    const bytes = Math.floor(this.#bytesTotal * (this.#share[0]! / WHOLE));
    return {bytes, bytesTotal: this.#bytesTotal};
  }
}

/**
 * As it is counted by whoever reads: the rows that come out, table by table. Where some hide others fewer come out
 * than the parts hold; the end of their table counts the rest.
 */
export class RowsRead {
  readonly #byTable = new Map<TableId, number>();
  readonly #total: number;
  readonly #share: Uint32Array | undefined;
  #ended = 0;
  #ofTable = 0;

  /** @param share  of a `ReadProgress`; undefined: nobody asks */
  constructor(
    parts: readonly Pick<PartRecord, 'tables'>[],
    tables: Iterable<TableId>,
    share: Uint32Array | undefined,
  ) {
    for (const table of tables) this.#byTable.set(table, 0);
    let total = 0;
    for (const {table, rowCount} of parts.flatMap((part) => part.tables)) {
      const before = this.#byTable.get(table);
      if (before === undefined) continue;
      this.#byTable.set(table, before + rowCount);
      total += rowCount;
    }
    this.#total = total;
    this.#share = share;
  }

  add(rowCount: number): void {
    this.#ofTable += rowCount;
    this.#tell();
  }

  end(table: TableId): void {
    this.#ended += this.#byTable.get(table)!;
    this.#ofTable = 0;
    this.#tell();
  }

  #tell(): void {
    if (this.#share === undefined) return;
    const share = this.#total === 0 ? 1 : Math.min(1, (this.#ended + this.#ofTable) / this.#total);
    this.#share[0] = Math.floor(WHOLE * share);
  }
}
