// A set that is dropped takes nothing more as soon as its node knows of it, though its replicas are still there:
// what it took would go with them. Who sends it by an older catalog is told so, and places it anew.

import {DbError, type ReplicaSetId, type RpcContext} from '@flotilla/base';
import type {Catalog} from '@flotilla/catalog';

export type SetHandler = (payload: Uint8Array, context: RpcContext) => Promise<Uint8Array>;

/** @param catalog  this thread's copy. One that is behind keeps nothing from being taken. */
export function ofLivingSets(
  catalog: Pick<Catalog, 'replicaSet'>,
  handler: SetHandler,
): SetHandler {
  return async (payload, context) => {
    if (catalog.replicaSet(context.set)?.state === 'dropping') throw droppedSet(context.set);
    return handler(payload, context);
  };
}

function droppedSet(set: ReplicaSetId): DbError {
  const message = `replica set ${set} was dropped while the request was under way; send it again`;
  return new DbError('STALE_EPOCH', message, {replicaSet: set});
}
