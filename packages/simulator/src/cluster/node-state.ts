// What a node keeps beside its files, over all its processes: who it is, the rows of its manifests, its
// last copy of the catalog, and what it remembers of other nodes. Each is replaced at once, as a
// transaction or a rename is, when the disk has answered; a process that ends before leaves what was there.

import type {ManifestEdit, ManifestStore, StoreId} from '@flotilla/base';
import type {CatalogUpdate} from '@flotilla/catalog';
import {KnownLives} from '@flotilla/server/engine-parts';

/** Of manifests, by store. */
type Rows = Map<StoreId, Map<string, Uint8Array>>;

export class NodeState {
  /** The node was taken into the cluster, or founded it. */
  isMember = false;
  catalog: CatalogUpdate = {version: 0, changes: []};
  /** As text, as a file holds them. */
  lives = KnownLives.NONE;
  #rows: Rows = new Map();

  /** Copies all of it. The result puts it back. */
  image(): () => void {
    const {isMember, catalog, lives} = this;
    const copyOf = (all: Rows): Rows =>
      new Map([...all].map(([store, rows]) => [store, new Map(rows)]));
    const rows = copyOf(this.#rows);
    return () => {
      Object.assign(this, {isMember, catalog, lives});
      this.#rows = copyOf(rows);
    };
  }

  /** @param durable resolves, if the process lives on, once the disk has what it was given. */
  manifest(store: StoreId, durable: () => Promise<boolean>): ManifestStore {
    const rows = (): Map<string, Uint8Array> => {
      const known = this.#rows.get(store) ?? new Map<string, Uint8Array>();
      this.#rows.set(store, known);
      return known;
    };
    return {
      load: async () => [...rows()].sort(([a], [b]) => (a < b ? -1 : 1)),
      commit: async ({put, remove}: ManifestEdit) => {
        if (!(await durable())) return new Promise<void>(() => undefined);
        for (const key of remove) rows().delete(key);
        for (const [key, value] of put) rows().set(key, value.slice());
      },
      close: async () => undefined,
    };
  }
}
