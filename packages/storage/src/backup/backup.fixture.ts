// A directory of backups in memory, and replicas that are backed up into it as the server does.

import type {NodeId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import {MemoryDisk} from '@flotilla/testkit';
import {Trial} from '../replica-trial.fixture.ts';
import {incomingPath} from './announcements.ts';
import {BackupDirectory} from './backup-directory.ts';
import type {BackedUpFile, BackedUpSet, BackupRecord, BackupScope} from './backup-record.ts';

export const CLUSTER = 'c1';

export async function trialOf(): Promise<Trial> {
  const trial = new Trial();
  trial.storage = await trial.fixture.open(1);
  return trial;
}

export async function emptyDirectory(disk = new MemoryDisk()): Promise<BackupDirectory> {
  return BackupDirectory.prepare(disk, CLUSTER);
}

export async function copySet(
  directory: BackupDirectory,
  trial: Trial,
  id: string,
): Promise<{readonly set: BackedUpSet; readonly copiedBytes: number}> {
  await directory.disk.makeDirectory(incomingPath(id));
  const snapshot = await trial.storage.snapshot(trial.point());
  const there = await directory.stored();
  const files: BackedUpFile[] = [];
  let copiedBytes = 0;
  try {
    for (const source of snapshot.files) {
      const terms = {incoming: `${incomingPath(id)}/1-1`, due: () => undefined};
      const copying = directory.copy(source, terms);
      for (;;) {
        const {done, value} = await copying.next();
        if (done !== true) continue;
        files.push({name: source.name, tail: 0, ...value});
        if (!there.has(value.sha256)) copiedBytes += value.bytes;
        break;
      }
    }
  } finally {
    snapshot.release();
  }
  const set = {
    set: 1 as ReplicaSetId,
    replica: trial.replica as ReplicaId,
    node: 1 as NodeId,
    index: snapshot.point.index,
    files,
  };
  return {set, copiedBytes};
}

/** Complete, of that one replica. */
export async function backUp(
  directory: BackupDirectory,
  trial: Trial,
  id: string,
  scope: BackupScope = {},
): Promise<BackupRecord> {
  const {set, copiedBytes} = await copySet(directory, trial, id);
  const catalog = await directory.put(Buffer.from('{}'), `${incomingPath(id)}/catalog`);
  const record: BackupRecord = {
    ...{id, cluster: CLUSTER, build: '1', scope, startedMs: 1, endedMs: 2, catalog},
    sets: [set],
    copiedBytes,
  };
  await directory.complete(record);
  await directory.disk.remove(incomingPath(id));
  return record;
}

/** A new replica with what the backup holds, in the trial's place. */
export async function restoreInto(
  trial: Trial,
  directory: BackupDirectory,
  record: BackupRecord,
): Promise<void> {
  const {disk} = trial.fixture;
  const staging = `staging/${record.id}`;
  await disk.makeDirectory(staging);
  const [set] = record.sets;
  for (const file of set!.files) {
    const copy = await disk.open(`${staging}/${file.name}`, 'create');
    await copy.writeAt(0, [await directory.read(file)]);
    await copy.sync();
    await copy.close();
  }
  await trial.storage.close();
  trial.replica += 1;
  trial.storage = await trial.fixture.open(trial.replica);
  const point = {index: set!.index, term: 1, configuration: {voters: [1]}};
  await trial.storage.install({
    directory: staging,
    fileNames: set!.files.map(({name}) => name),
    point,
  });
}
