// A store's manifest in memory: commits are atomic, and a test may look at and damage the rows.

import type {ManifestEdit, ManifestStore} from '@flotilla/base';

export class MemoryManifestStore implements ManifestStore {
  readonly rows = new Map<string, Uint8Array>();

  async load(): Promise<(readonly [key: string, value: Uint8Array])[]> {
    return [...this.rows].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  async commit({put, remove}: ManifestEdit): Promise<void> {
    // The worker that commits answers in a later turn.
    await Promise.resolve();
    for (const key of remove) this.rows.delete(key);
    for (const [key, value] of put) this.rows.set(key, value.slice());
  }

  async close(): Promise<void> {}
}
