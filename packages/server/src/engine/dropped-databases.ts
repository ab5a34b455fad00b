// Which databases were dropped when the catalog was last looked at, to see which were dropped or recovered
// since: a database changes for other reasons, too.
// Invariant: of databases that the catalog has. One that it removes is forgotten here.

import type {Catalog, Database} from '@flotilla/catalog';
import type {CatalogEvent} from '@flotilla/meta';

export class DroppedDatabases {
  readonly #dropped = new Set<Database['id']>();

  constructor(databases: Iterable<Database>) {
    for (const database of databases) this.#isTurned(database);
  }

  get size(): number {
    return this.#dropped.size;
  }

  /** Those that were dropped or recovered. Requires that the catalog has the event. */
  turnedBy(
    event: CatalogEvent,
    catalog: Pick<Catalog, 'database' | 'databases'>,
  ): Database['id'][] {
    if (event.type === 'snapshot') {
      for (const id of this.#dropped)
        if (catalog.database(id) === undefined) this.#dropped.delete(id);
      return this.#turned(catalog.databases());
    }
    const changed: Database[] = [];
    for (const {kind, id, value} of event.update.changes) {
      if (kind !== 'database') continue;
      if (value === undefined) this.#dropped.delete(id as Database['id']);
      else changed.push(value);
    }
    return this.#turned(changed);
  }

  #turned(databases: Iterable<Database>): Database['id'][] {
    return [...databases].filter((one) => this.#isTurned(one)).map(({id}) => id);
  }

  #isTurned({id, dropped}: Database): boolean {
    if ((dropped !== undefined) === this.#dropped.has(id)) return false;
    if (dropped === undefined) this.#dropped.delete(id);
    else this.#dropped.add(id);
    return true;
  }
}
