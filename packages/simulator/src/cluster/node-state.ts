// What a node keeps beside its files, over all its processes: who it is, the rows of its manifest, and
// its last copy of the catalog. Each is replaced at once, as a transaction or a rename is, when the disk
// has answered; a process that ends before leaves what was there.

import type {ManifestEdit, ManifestStore} from '@flotilla/base';
import type {CatalogUpdate} from '@flotilla/catalog';

export class NodeState {
  /** The node was taken into the cluster, or founded it. */
  isMember = false;
  catalog: CatalogUpdate = {version: 0, changes: []};
  readonly #rows = new Map<string, Uint8Array>();

  /** @param durable resolves, if the process lives on, once the disk has what it was given. */
  manifest(durable: () => Promise<boolean>): ManifestStore {
    const rows = this.#rows;
    return {
      load: async () => [...rows].sort(([a], [b]) => (a < b ? -1 : 1)),
      commit: async ({put, remove}: ManifestEdit) => {
        if (!(await durable())) return new Promise<void>(() => undefined);
        for (const key of remove) rows.delete(key);
        for (const [key, value] of put) rows.set(key, value.slice());
      },
      close: async () => undefined,
    };
  }
}
