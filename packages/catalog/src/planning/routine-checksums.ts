// Each replica set's replicas are compared by a checksum every so often, a few sets at a time, the
// longest unchecked first: a disk or a mistake of ours that changed a value is found before the
// replicas that still hold the right one are gone.

import {LIMITS, META_SET} from '@flotilla/base';
import {OPERATIONS_SINCE} from '../cluster-version.ts';
import type {ReplicaSet} from '../model.ts';
import type {Action} from './action.ts';
import type {GroupView} from './group-view.ts';
import type {SetLists} from './set-lists.ts';

/** Of one set. A year of weekly buckets of 16 shards is then read through at two sets a quarter of an hour. */
export const CHECKSUM_EVERY_MS = 7 * 24 * 3_600_000;

export function planRoutineChecksums(lists: SetLists, nowMs: number): Action[] {
  const {catalog, operations} = lists;
  if (catalog.clusterVersion < OPERATIONS_SINCE.checksum) return [];
  const foundedAtMs = catalog.cluster?.foundedAtMs ?? nowMs;
  const dueBeforeMs = nowMs - CHECKSUM_EVERY_MS;
  if (foundedAtMs > dueBeforeMs) return [];
  const running = [...catalog.unfinishedOperations()].filter(({kind}) => kind === 'checksum');
  const room = LIMITS.checksums_per_cluster_max.value - running.length;
  if (room <= 0) return [];
  const checkedAt = ({id, checksumAtMs}: ReplicaSet): number => {
    // Whoever cancels one does not want it begun again at once: that set's turn is over too.
    const times = [checksumAtMs, operations.cancelledChecksumMs(id)].filter(
      (atMs) => atMs !== undefined,
    );
    // A time to come was written by a clock that was wrong.
    return Math.max(foundedAtMs, ...times.filter((atMs) => atMs <= nowMs));
  };
  const isFree = ({id, state}: ReplicaSet) =>
    state === 'open' && catalog.operationOf(id) === undefined;
  return [...lists.toCheck(room, nowMs)]
    .filter(
      (group) => isFree(group.set) && isComparable(group) && checkedAt(group.set) <= dueBeforeMs,
    )
    .sort((a, b) => checkedAt(a.set) - checkedAt(b.set) || a.set.id - b.set.id)
    .slice(0, room)
    .map(({set}) => checking(set, nowMs));
}

function checking(set: ReplicaSet, atMs: number): Action {
  const subject = {kind: 'checksum', replicaSet: set.id, startedBy: 'reconciler'} as const;
  return {type: 'propose', command: {type: 'create-operation', ...subject, atMs}};
}

/** There is something to compare, and all who have it are there. */
export function isComparable(group: GroupView): boolean {
  const {set, leader} = group;
  if (set.id === META_SET || set.replicas.length < 2 || leader === undefined) return false;
  return set.replicas.every(({replica}) => group.isCaughtUp(replica));
}
