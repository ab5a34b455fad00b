// This thread's copy of the catalog: fed by the follower of thread 0, read by everyone, waited on by
// those who need a version.

import {type Clock, DbError} from '@flotilla/base';
import {Catalog, type CatalogUpdate} from '@flotilla/catalog';
import {
  type CatalogEvent,
  CatalogIntake,
  type CatalogNews,
  type MetaClient,
  VersionWaits,
} from '@flotilla/meta';
import type {CatalogAccess} from './catalog-access.ts';

export class CatalogCopy implements CatalogAccess {
  readonly catalog: Catalog;
  readonly #intake: CatalogIntake;
  readonly #waits: VersionWaits;
  readonly #listeners = new Set<(event: CatalogEvent) => void>();
  #meta: MetaClient | undefined;

  /** @param catalog shared with the follower where that runs in this thread. */
  constructor(clock: Clock, catalog: Catalog) {
    this.catalog = catalog;
    this.#intake = new CatalogIntake(catalog);
    this.#waits = new VersionWaits(clock);
    this.#waits.reached(catalog.version);
  }

  static from(clock: Clock, snapshot: CatalogUpdate): CatalogCopy {
    return new CatalogCopy(clock, Catalog.fromSnapshot(snapshot));
  }

  /** The client asks this copy to wait, and this copy the client for an index: each needs the other. */
  attach(meta: MetaClient): void {
    this.#meta = meta;
  }

  /** From another thread. */
  take(news: CatalogNews): void {
    const event = this.#intake.take(news);
    if (event !== undefined) this.notify(event);
  }

  /** The catalog object has been brought up to the event already. */
  notify(event: CatalogEvent): void {
    this.#waits.reached(this.catalog.version);
    for (const listener of this.#listeners) listener(event);
  }

  onUpdate(listener: (event: CatalogEvent) => void): void {
    this.#listeners.add(listener);
  }

  waitForVersion(version: number, deadlineMs: number): Promise<void> {
    return this.#waits.wait(version, deadlineMs);
  }

  async refresh(deadlineMs: number): Promise<void> {
    if (this.#meta === undefined)
      throw new DbError('META_UNAVAILABLE', 'the node is still starting');
    const index = await this.#meta.readIndex({deadlineMs});
    await this.#waits.wait(index, deadlineMs);
  }
}
