// The manifest of a store whose node does not run, read in this thread: nothing else waits for it.

import {existsSync} from 'node:fs';
import type {ManifestStore} from '@flotilla/base';
import {ManifestDatabase} from './background/manifest-database.ts';

/** Undefined where the store has none yet. */
export function stoppedManifest(path: string): ManifestStore | undefined {
  if (!existsSync(path)) return undefined;
  const database = new ManifestDatabase(path);
  return {
    load: async () => [...database.load()],
    commit: async (edit) => database.commit(edit),
    close: async () => database.close(),
  };
}
