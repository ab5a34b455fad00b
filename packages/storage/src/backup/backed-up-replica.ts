// A replica as a backup holds it, opened where it lies, to be read: its files are found under their hashes, and
// nothing is written.

import {type Disk, FatalError, type ManifestStore, type WorkSlices} from '@flotilla/base';
import type {BucketTime} from '../block-cut.ts';
import {Manifest} from '../manifest.ts';
import {decodeStateFile, encodeStateJson, stateKeys} from '../replica-state.ts';
import {ReplicaStorage} from '../replica-storage.ts';
import {STATE_FILE} from '../snapshot.ts';
import type {BackupDirectory} from './backup-directory.ts';
import type {BackedUpFile, BackedUpSet} from './backup-record.ts';

/** Its owner closes it. Throws FatalError where something of it is missing or damaged. */
export async function openBackedUp(
  directory: BackupDirectory,
  of: BackedUpSet,
  {bucket, slices}: {readonly bucket: BucketTime; readonly slices: WorkSlices},
): Promise<ReplicaStorage> {
  const {set, replica, files} = of;
  const byName = new Map(files.map((file) => [file.name, file]));
  const stateFile = byName.get(STATE_FILE);
  if (stateFile === undefined)
    throw new FatalError(`the backup lacks the state of replica set ${set}`);
  const path = directory.pathOf(stateFile);
  const state = decodeStateFile(await directory.read(stateFile), path);
  byName.delete(STATE_FILE);
  const manifest = await Manifest.open(NOWHERE);
  const keys = stateKeys(set, replica);
  await manifest.commit({
    put: [
      [keys.state, encodeStateJson(state)],
      [keys.extra, state.extra],
    ],
  });
  const storage = await ReplicaStorage.open({
    ...{manifest, set, replica, bucket, slices},
    disk: diskOf(directory, byName),
    directory: '',
  });
  await storage.load();
  return storage;
}

/** What is committed is kept by the Manifest itself for as long as it is needed. */
const NOWHERE: ManifestStore = {
  load: async () => [],
  commit: async () => undefined,
  close: async () => undefined,
};

/** Those files, and no others, in one directory. */
function diskOf(directory: BackupDirectory, byName: ReadonlyMap<string, BackedUpFile>): Disk {
  const refuse = async (): Promise<never> => {
    throw new FatalError('a backup is only read');
  };
  return {
    open: async (path, mode) => {
      const file = byName.get(path.slice(path.lastIndexOf('/') + 1));
      if (file === undefined || mode !== 'read')
        throw new FatalError(`the backup lacks ${path}, or it is not to be read`);
      return directory.disk.open(directory.pathOf(file), 'read');
    },
    list: async () => [...byName.keys()].map((name) => ({name, kind: 'file'})),
    exists: async (path) => byName.has(path.slice(path.lastIndexOf('/') + 1)),
    makeDirectory: refuse,
    rename: refuse,
    link: refuse,
    remove: refuse,
    syncDirectory: refuse,
    space: refuse,
  };
}
