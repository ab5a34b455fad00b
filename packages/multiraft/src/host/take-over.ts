// What is left of a group that has lost its majority goes on under a new replica id, as its only voter.
// All that the log of the survivor holds counts from then on, committed or not: of an entry that a lost
// majority had committed nobody else could tell.
// Law: one record ends the old replica and begins the new one with a snapshot of its state, which lies
// whole under its `stagedPath` before. After a crash either the old one is there, unchanged but for what
// it has applied, or the new one is; and messages of the old group's members are for neither.

import type {ReplicaId, ReplicaSetId} from '@flotilla/base';
import type {LogItem} from '../log/log-item.ts';
import type {Snapshot, SnapshotFile, StateMachine} from '../state-machine.ts';
import {foundingConfiguration} from './opening.ts';
import type {Store} from './store.ts';

const READ_BYTES = 1 << 20;
const COPY_BYTES = 1 << 20;

export interface Survivor {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
  readonly machine: StateMachine;
  readonly appliedIndex: number;
  readonly skipped: readonly number[];
}

/** Requires that nobody else applies to the machine, or writes for the replica. */
export async function applyWholeLog(
  store: Store,
  {set, replica, machine, appliedIndex, skipped}: Survivor,
): Promise<void> {
  const place = store.log.group(set)!;
  // One write after the other: when this one is durable, so is all that came before.
  await store.log.append([{type: 'failover', set, replica, manual: place.manual}]);
  const {lastIndex} = place;
  let applied = Math.max(appliedIndex, machine.durablePoint().index);
  if (applied < lastIndex) await machine.load?.();
  while (applied < lastIndex) {
    const range = {from: applied + 1, upto: lastIndex, bytesMax: READ_BYTES};
    for (const {index, term, type, payload} of await store.log.read(place, range)) {
      if (!machine.canApply()) await machine.flush();
      // Configurations too: the one that follows names nobody of them.
      if (type === 'normal' && !skipped.includes(index)) machine.apply(index, term, payload);
      else machine.applyNothing(index, term);
      applied = index;
    }
    machine.afterApply();
  }
}

/** Durable when it resolves; the replica is to be opened then. What lived of the set here is void. */
export async function goOnAs(
  store: Store,
  next: {readonly set: ReplicaSetId; readonly replica: ReplicaId; readonly snapshot: Snapshot},
): Promise<void> {
  const {set, replica, snapshot} = next;
  const {index, term} = snapshot.point;
  await stage(store, snapshot.files, store.stagedPath(set, replica, index));
  const before = store.log.group(set);
  const items: LogItem[] = [];
  if (before !== undefined)
    items.push({type: 'tombstone', set, replica: before.replica, dataGone: false});
  const configuration = foundingConfiguration({voters: [replica], learners: []});
  items.push(
    {type: 'create', set, replica},
    {
      type: 'write',
      set,
      replica,
      term: Math.max(term, before?.term ?? 0) + 1,
      vote: 0,
      commit: index,
      snapshot: {index, term, configuration, configIndex: index},
      entries: [],
    },
  );
  await store.log.append(items);
}

async function stage(
  {disk, path, stagingPath}: Store,
  files: readonly SnapshotFile[],
  directory: string,
): Promise<void> {
  await disk.makeDirectory(stagingPath);
  await disk.syncDirectory(path);
  await disk.remove(directory);
  await disk.makeDirectory(directory);
  for (const {name, bytes, read} of files) {
    const copy = await disk.open(`${directory}/${name}`, 'create');
    try {
      for (let offset = 0; offset < bytes; offset += COPY_BYTES)
        await copy.writeAt(offset, [await read(offset, Math.min(COPY_BYTES, bytes - offset))]);
      await copy.sync();
    } finally {
      await copy.close();
    }
  }
  await disk.syncDirectory(directory);
  await disk.syncDirectory(stagingPath);
}
