// What a machine knows of damage in its files. Whoever meets it, a compaction, a checksum or a read, the group stops
// at its next entry, and meta has the replica made anew; until then no read begins here, so that others answer. Where
// there are no others a read changes nothing: what is whole is still read and written.

import {type ColumnId, DbError, type FatalError, isPassing, type SeriesId} from '@flotilla/base';
import type {BlockRequest, BlockScan, SeriesChunk, TableScan} from '@flotilla/column';
import {PartDamage} from '@flotilla/storage';

export class MachineDamage {
  #met: FatalError | undefined;

  get isMet(): boolean {
    return this.#met !== undefined;
  }

  meet(damage: FatalError): void {
    this.#met ??= damage;
  }

  /** Throws what was met. */
  mustBeNone(): void {
    if (this.#met !== undefined) throw this.#met;
  }

  /** A read that tells of what it meets. Throws REPLICA_STOPPED where there is damage already. */
  watched(begin: () => TableScan, hasOthers: () => boolean): TableScan {
    if (this.#met !== undefined && hasOthers()) throw stopped(this.#met);
    return new WatchedScan(begin(), (error) => this.#told(error, hasOthers));
  }

  /** What the reader gets: each of these another replica may do better. */
  #told(error: unknown, hasOthers: () => boolean): unknown {
    if (error instanceof PartDamage && hasOthers()) {
      this.meet(error);
      return stopped(error);
    }
    if (isPassing(error))
      return new DbError('UNAVAILABLE', 'the disk does not give the rows now', {}, error);
    return error;
  }
}

function stopped(damage: FatalError): DbError {
  return new DbError('REPLICA_STOPPED', 'rows of the replica are damaged', {}, damage);
}

class WatchedScan implements TableScan {
  readonly #scan: TableScan;
  readonly #told: (error: unknown) => unknown;

  constructor(scan: TableScan, told: (error: unknown) => unknown) {
    this.#scan = scan;
    this.#told = told;
  }

  withBlocks(request: BlockRequest): BlockScan {
    const scan: BlockScan = this.#scan.withBlocks?.(request) ?? this.#scan;
    return {next: () => this.#watched(() => scan.next())};
  }

  next(): Promise<readonly SeriesChunk[] | undefined> {
    return this.#watched(() => this.#scan.next());
  }

  async #watched<Chunks>(read: () => Promise<Chunks>): Promise<Chunks> {
    try {
      return await read();
    } catch (error) {
      throw this.#told(error);
    }
  }

  tagValue(series: SeriesId, column: ColumnId): string | undefined {
    return this.#scan.tagValue(series, column);
  }

  seriesKey(series: SeriesId): Uint8Array {
    return this.#scan.seriesKey(series);
  }

  close(): void {
    this.#scan.close();
  }
}
