// Each replica set's replicas are compared by a checksum every so often, a few sets at a time, the
// longest unchecked first: a disk or a mistake of ours that changed a value is found before the
// replicas that still hold the right one are gone.

import {LIMITS, META_SET} from '@flotilla/base';
import {type Catalog, isFinished} from '../catalog.ts';
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
  const foundedAtMs = catalog.cluster?.foundedAtMs ?? nowMs;
  const dueBeforeMs = nowMs - CHECKSUM_EVERY_MS;
  if (foundedAtMs > dueBeforeMs) return [];
  let room = LIMITS.checksums_per_cluster_max.value - runningChecksums(catalog);
  const actions: Action[] = [];
  const checkedAt = ({checksumAtMs}: ReplicaSet): number => checksumAtMs ?? foundedAtMs;
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

function runningChecksums(catalog: Catalog): number {
  let count = 0;
  for (const operation of catalog.operations()) {
    if (operation.kind === 'checksum' && !isFinished(operation)) count += 1;
  }
  return count;
}
