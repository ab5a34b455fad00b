// ManifestStore over the SQLite database that the background worker keeps for a store. Order of
// commits is the order of calls: the port to the worker keeps it, and the worker takes one at a time.

import type {ManifestEdit, ManifestStore, OpenManifestStore, StoreId} from '@flotilla/base';
import type {BackgroundClient} from './background/background-client.ts';

/** Opens the manifests of this thread's stores through its client. */
export function sqliteManifestStores(client: BackgroundClient): OpenManifestStore {
  return async (store) => {
    await client.request({type: 'manifest-open', store});
    return new SqliteManifestStore(client, store);
  };
}

class SqliteManifestStore implements ManifestStore {
  readonly #client: BackgroundClient;
  readonly #store: StoreId;

  constructor(client: BackgroundClient, store: StoreId) {
    this.#client = client;
    this.#store = store;
  }

  async load(): Promise<(readonly [key: string, value: Uint8Array])[]> {
    return [...(await this.#client.request({type: 'manifest-load', store: this.#store}))];
  }

  async commit(edit: ManifestEdit): Promise<void> {
    const {remove} = edit;
    // Copies: a view of a large buffer would be cloned with all of that buffer.
    const put = edit.put.map(([key, value]) => [key, new Uint8Array(value)] as const);
    await this.#client.request({type: 'manifest-commit', store: this.#store, edit: {put, remove}});
  }

  async close(): Promise<void> {
    await this.#client.request({type: 'manifest-close', store: this.#store});
  }
}
