// What the copies of a catalog are told, in the order of the meta group's log, and how a copy takes it. A
// snapshot comes in parts, of which each takes a millisecond: taken or passed on in one go, a large one
// would hold up its thread. Nothing of it is seen before all of it is here.

import {Catalog, type CatalogChange, type CatalogUpdate} from '@flotilla/catalog';

export type CatalogNews =
  | {readonly type: 'update'; readonly update: CatalogUpdate}
  /** One at least, though it may be empty. The first puts an end to what came of another: that broke off. */
  | {
      readonly type: 'snapshot-part';
      readonly isFirst: boolean;
      readonly changes: readonly CatalogChange[];
    }
  /** All of its parts were told. */
  | {readonly type: 'snapshot'; readonly version: number};

/** To who reads a copy, once that has changed: entities did, or all of them were replaced. */
export type CatalogEvent = Exclude<CatalogNews, {type: 'snapshot-part'}>;

export class CatalogIntake {
  readonly #catalog: Catalog;
  /** Of the parts that have come. */
  #next: Catalog | undefined;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  /** Undefined where the copy is as it was: for parts, and for what is older than the copy. */
  take(news: CatalogNews): CatalogEvent | undefined {
    if (news.type === 'snapshot-part') {
      if (news.isFirst) this.#next = new Catalog();
      this.#next!.fill(news.changes);
      return undefined;
    }
    const before = this.#catalog.version;
    if (news.type === 'snapshot') this.#replace(news.version);
    else this.#catalog.applyUpdate(news.update);
    // Of a snapshot that broke off nothing is kept.
    this.#next = undefined;
    return this.#catalog.version > before ? news : undefined;
  }

  #replace(version: number): void {
    const whole = this.#next!;
    whole.applyUpdate({version, changes: []});
    this.#catalog.replaceBy(whole);
  }
}
