// What one store of a stopped node tells of the replicas in it, beside any catalog.

import {META_SET, type ReplicaSetId} from '@flotilla/base';
import type {ReplicaEvidence} from '@flotilla/catalog';
import type {DurablePoint, StoppedStore} from '@flotilla/multiraft';
import {type Manifest, outlineOf} from '@flotilla/storage';
import {birthSeen} from '../engine/replica-births.ts';

/**
 * Of all but the meta group's, whose state is the catalog itself. Without the manifest, which may be
 * damaged, of each only what the log tells.
 */
export async function storeEvidence(
  store: StoppedStore,
  manifest: Manifest | undefined,
): Promise<ReplicaEvidence[]> {
  const replicas: ReplicaEvidence[] = [];
  for (const set of store.sets())
    if (set !== META_SET) replicas.push(await replicaEvidence(store, set, manifest));
  return replicas;
}

async function replicaEvidence(
  store: StoppedStore,
  set: ReplicaSetId,
  manifest: Manifest | undefined,
): Promise<ReplicaEvidence> {
  const {replica, lastTerm, lastIndex, founding, isDamaged} = store.replica(set)!;
  const outline = manifest && outlineOf(manifest, set, replica);
  const last = await store.configuration(set, outline?.point as DurablePoint | undefined);
  return {
    set,
    replica,
    lastTerm,
    lastIndex,
    configuration: last?.configuration,
    configIndex: last?.index ?? 0,
    founding: founding?.configuration,
    isDamaged,
    birth: manifest && birthSeen(manifest, {set, replica}),
    tables: outline?.tables ?? [],
    purgedTables: outline?.purgedTables ?? [],
    deadColumns: outline?.deadColumns ?? [],
  };
}
