// What a person has placed stays there: its set is pinned, or the cluster would even it out again. It is pinned just
// before the operation is done, and not with the order: what failed or was taken back has placed nothing. By a
// command of its own, which every build knows, so that members of two builds make the same catalog of it.

import type {Catalog} from '../catalog.ts';
import type {SetPlacement} from '../commands.ts';
import type {Operation, OperationKind, ReplicaSet} from '../model.ts';
import {beginnerOf, isOfCluster} from './cancelled.ts';
import type {Decision} from './member-operation.ts';
import {replicasOfDatabase} from './wanted.ts';

/** Kinds that say where something is to be. */
const PLACING: ReadonlySet<OperationKind> = new Set<OperationKind>([
  'add-replica',
  'remove-replica',
  'move-replica',
  'transfer-leader',
]);

/** The decision, or what comes before it. */
export function pinnedBefore(
  decision: Decision,
  operation: Operation,
  {id: set, pinned}: ReplicaSet,
  catalog: Catalog,
): Decision {
  const isDone = decision.type === 'finish' && decision.state === 'done';
  if (!isDone || pinned === true || !PLACING.has(operation.kind)) return decision;
  if (isOfCluster(beginnerOf(operation, catalog))) return decision;
  const command = {type: 'pin-replica-set', set, pinned: true} as const;
  return {type: 'act', action: {type: 'propose', command}};
}

/**
 * Before a set is unpinned: how many replicas were asked for by hand becomes what its database wants, so that
 * the next pin does not bring an old number back. No command that every build knows takes a number away.
 */
export function forgetReplicasAsked(catalog: Catalog, set: ReplicaSet): SetPlacement | undefined {
  const replicasWanted = replicasOfDatabase(catalog, set);
  if (set.replicasWanted === undefined || set.replicasWanted === replicasWanted) return undefined;
  const unchanged = {add: [], remove: [], roles: []};
  const {id, epoch: expectedEpoch} = set;
  return {type: 'set-placement', set: id, expectedEpoch, ...unchanged, replicasWanted};
}
