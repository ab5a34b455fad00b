// Lets the cluster place a set's replicas again, as many as its database wants.

import {DbError} from '@flotilla/base';
import {forgetReplicasAsked, type ReplicaSet} from '@flotilla/catalog';
import type {MetaClient} from '@flotilla/meta';
import type {CatalogAccess} from './catalog-access.ts';

/** An operation at the set changes its epoch a few times, a second apart or so. */
const TRIES_MAX = 3;

export interface UnpinDeps {
  readonly access: Pick<CatalogAccess, 'catalog' | 'refresh'>;
  readonly meta: Pick<MetaClient, 'propose'>;
  readonly deadlineMs: number;
}

/** @param find the set as this thread's copy has it now */
export async function unpin(
  find: () => ReplicaSet,
  {access, meta, deadlineMs}: UnpinDeps,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    const forgotten = forgetReplicasAsked(access.catalog, find());
    if (forgotten === undefined) break;
    try {
      await meta.propose(forgotten, {deadlineMs});
      break;
    } catch (error) {
      const isMoved = error instanceof DbError && error.code === 'CONFLICT';
      if (!isMoved || tries === TRIES_MAX) throw error;
      await access.refresh(deadlineMs);
    }
  }
  await meta.propose({type: 'pin-replica-set', set: find().id, pinned: false}, {deadlineMs});
  await access.refresh(deadlineMs);
}
