// Each replica set's replicas are compared by a checksum every so often, a few sets at a time, the
// longest unchecked first: a disk or a mistake of ours that changed a value is found before the
// replicas that still hold the right one are gone.

import {LIMITS, META_SET} from '@flotilla/base';
import {type Catalog, isFinished} from '../catalog.ts';
import {OPERATIONS_SINCE} from '../cluster-version.ts';
import type {ReplicaSet} from '../model.ts';
import type {Action} from './action.ts';
import type {GroupView} from './group-view.ts';

/** Of one set. A year of weekly buckets of 16 shards is then read through at two sets a quarter of an hour. */
export const CHECKSUM_EVERY_MS = 7 * 24 * 3_600_000;

/** @param idle open sets without an operation */
export function planRoutineChecksums(
  catalog: Catalog,
  idle: readonly GroupView[],
  nowMs: number,
): Action[] {
  if (catalog.clusterVersion < OPERATIONS_SINCE.checksum) return [];
  const foundedAtMs = catalog.cluster?.foundedAtMs ?? nowMs;
  const dueBeforeMs = nowMs - CHECKSUM_EVERY_MS;
  if (foundedAtMs > dueBeforeMs) return [];
  const {running, cancelledAtMs} = checksumsOf(catalog);
  let room = LIMITS.checksums_per_cluster_max.value - running;
  const actions: Action[] = [];
  const checkedAt = ({id, checksumAtMs}: ReplicaSet): number => {
    const times = [checksumAtMs, cancelledAtMs.get(id)].filter((atMs) => atMs !== undefined);
    // A time to come was written by a clock that was wrong.
    return Math.max(foundedAtMs, ...times.filter((atMs) => atMs <= nowMs));
  };
  const due = idle
    .filter((group) => isDue(group) && checkedAt(group.set) <= dueBeforeMs)
    .sort((a, b) => checkedAt(a.set) - checkedAt(b.set));
  for (const {set} of due) {
    if (room <= 0) break;
    room -= 1;
    const command = {
      type: 'create-operation',
      kind: 'checksum',
      replicaSet: set.id,
      startedBy: 'reconciler',
      atMs: nowMs,
    } as const;
    actions.push({type: 'propose', command});
  }
  return actions;
}

/** There is something to compare, and all who have it are there. */
function isDue(group: GroupView): boolean {
  const {set, leader} = group;
  if (set.id === META_SET || set.replicas.length < 2 || leader === undefined) return false;
  return set.replicas.every(({replica, node}) => group.isLive(node) && group.isCaughtUp(replica));
}

/** Whoever cancels one does not want it begun again at once: that set's turn is over too. */
function checksumsOf(catalog: Catalog): {
  readonly running: number;
  readonly cancelledAtMs: ReadonlyMap<ReplicaSet['id'], number>;
} {
  const cancelledAtMs = new Map<ReplicaSet['id'], number>();
  let running = 0;
  for (const operation of catalog.operations()) {
    const {kind, state, replicaSet, history, createdAtMs} = operation;
    if (kind !== 'checksum') continue;
    if (!isFinished(operation)) running += 1;
    if (state === 'cancelled') cancelledAtMs.set(replicaSet!, history.at(-1)?.atMs ?? createdAtMs);
  }
  return {running, cancelledAtMs};
}
