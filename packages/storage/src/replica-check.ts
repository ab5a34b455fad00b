// A look at all files of replicas that do not run, by what the manifest or a snapshot's own state says of
// them. Nothing is opened for writing, and what no state names is left to whoever asks.

import {
  type Disk,
  FatalError,
  type ReadingCheck,
  type ReplicaId,
  type ReplicaSetId,
} from '@flotilla/base';
import {checkKeyFile} from './key-file-check.ts';
import {checkPart} from './part-check.ts';
import {decodeStateFile, decodeStateJson, type ReplicaState, stateKeys} from './replica-state.ts';
import {STATE_FILE} from './snapshot.ts';

const STATE_KEY = /^replica\/(\d+)\/(\d+)\/state$/;

export interface StoredReplica {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
  /** Or why it cannot be read. */
  readonly state: ReplicaState | string;
}

/** Of all replicas that the rows of a manifest tell of. */
export function* replicasIn(rows: ReadonlyMap<string, Uint8Array>): Generator<StoredReplica> {
  for (const [key, json] of rows) {
    const [, set, replica] = STATE_KEY.exec(key) ?? [];
    if (set === undefined) continue;
    const id = {set: Number(set) as ReplicaSetId, replica: Number(replica) as ReplicaId};
    const extra = rows.get(stateKeys(id.set, id.replica).extra) ?? new Uint8Array(0);
    yield {...id, state: stateOr(() => decodeStateJson(json, extra))};
  }
}

/** Looks at the files that the state names. */
export async function checkReplicaFiles(
  disk: Disk,
  {directory, state}: {readonly directory: string; readonly state: ReplicaState},
  check: ReadingCheck,
): Promise<void> {
  const there = await namesIn(disk, directory, check);
  if (there === undefined) return;
  const each = async (file: string, look: (path: string) => Promise<void>): Promise<void> => {
    const path = `${directory}/${file}`;
    try {
      if (there.has(file)) await look(path);
      else check.fault({file: path, message: 'it is missing'});
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      check.unreadable(path, error);
    }
  };
  let seriesCount = 0;
  for (const record of state.keyFiles) {
    await each(record.file, (path) => checkKeyFile(disk, {path, record}, check));
    if (record.firstSeries !== seriesCount)
      check.fault({
        file: `${directory}/${record.file}`,
        message: `it begins with series ${record.firstSeries}; those before it end with ${seriesCount - 1}`,
      });
    seriesCount = record.firstSeries + record.count;
  }
  for (const record of state.parts)
    await each(record.file, (path) => checkPart(disk, {path, record, seriesCount}, check));
}

async function namesIn(
  disk: Disk,
  directory: string,
  check: ReadingCheck,
): Promise<ReadonlySet<string> | undefined> {
  try {
    return new Set((await disk.list(directory)).map(({name}) => name));
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    check.unreadable(directory, error);
    return undefined;
  }
}

/** What the files of a staged snapshot are, or why that cannot be said. */
export async function readStagedState(
  disk: Disk,
  directory: string,
): Promise<ReplicaState | string> {
  const path = `${directory}/${STATE_FILE}`;
  if (!(await disk.exists(path))) return 'it is missing';
  const file = await disk.open(path, 'read');
  try {
    const bytes = await file.readAt(0, await file.size());
    return stateOr(() => decodeStateFile(bytes, path));
  } finally {
    await file.close();
  }
}

function stateOr(decode: () => ReplicaState): ReplicaState | string {
  try {
    return decode();
  } catch (error) {
    return (error as Error).message;
  }
}
