// The destruction of a replica set, with an empty one put in its place: a persisted operation like those of
// member-operation.ts, whose steps are planned from what there is.
//   replace -> destroy -> open
// Law: no replica of the new set is made before the old one has ended (set-end.ts). Whoever reads the bucket by
// the catalog that names the new set waits for it, so all that the old set acknowledges until then was acknowledged
// before the destruction, and what is acknowledged after it is in the new one. No entry, lease or clock takes part
// in that: a set without a leader, and one that stopped at an entry, are destroyed alike.
// Cancelling leaves the set as it is while it has its place, and is too late after that.

import type {Catalog} from '../catalog.ts';
import type {Operation, ReplicaSet} from '../model.ts';
import type {GroupView} from './group-view.ts';
import type {Decision} from './member-operation.ts';
import {planMembership, planRoles, planStrangers} from './membership.ts';
import {planReplacement} from './placement.ts';
import {silentMajority, unendedOf, whatIsLeft} from './set-end.ts';
import type {SetLists} from './set-lists.ts';

type DestroyStep = 'replace' | 'destroy' | 'open';

/** @param old  the operation's set, dropped or not */
export function planDestruction(
  operation: Operation,
  old: GroupView,
  lists: SetLists,
  nowMs: number,
): Decision {
  const {catalog} = lists;
  if (old.set.state !== 'dropping') return planReplacing(operation, old, lists, nowMs);
  const next = successorOf(old.set, catalog);
  // Its bucket was dropped, before that or after.
  if (next === undefined)
    return {type: 'finish', state: 'failed', error: DROPPED, code: 'NOT_FOUND'};
  switch (operation.step as DestroyStep) {
    case 'replace':
      return {type: 'advance', step: 'destroy'};
    case 'destroy': {
      const left = whatIsLeft(old, catalog);
      return left === undefined ? {type: 'advance', step: 'open'} : wait(left);
    }
    case 'open':
      return planEnd(old, next, lists);
    default:
      return wait(`a build that knows the step ${operation.step}`);
  }
}

/** Its replicas are not made yet: the set that it replaces may acknowledge what they would not know. */
export function isHeldBack({state, replaces}: ReplicaSet, lists: SetLists): boolean {
  const old = state === 'creating' && replaces !== undefined ? lists.view(replaces) : undefined;
  return old !== undefined && whatIsLeft(old, lists.catalog) !== undefined;
}

/** By the record of that dropped set its operation goes on, or another set is held back. */
export function isRemembered(set: ReplicaSet, catalog: Catalog): boolean {
  if (catalog.operationOf(set.id) !== undefined) return true;
  return successorOf(set, catalog)?.state === 'creating';
}

/** The set that has its place now; undefined where the place is no more. */
function successorOf({bucket, shard}: ReplicaSet, catalog: Catalog): ReplicaSet | undefined {
  const id = catalog.bucket(bucket)?.replicaSets[shard];
  return id === undefined ? undefined : catalog.replicaSet(id);
}

function planReplacing(
  operation: Operation,
  old: GroupView,
  {catalog, reports}: SetLists,
  nowMs: number,
): Decision {
  const {set} = old;
  if (operation.state === 'cancelling') return {type: 'finish', state: 'cancelled'};
  if (catalog.database(set.database)?.dropped !== undefined)
    return {type: 'finish', state: 'failed', error: 'its database was dropped', code: 'CONFLICT'};
  // From then on nobody leads who could tell the members: they are read from the placement.
  if (old.joint) {
    const leaving = planMembership(old);
    return leaving === undefined ? wait(JOINT) : {type: 'act', action: leaving};
  }
  const settling = old.leader && (planStrangers(old) ?? planRoles(old));
  if (settling !== undefined) return {type: 'act', action: settling};
  // One that is made from then on would not be waited for.
  const unmade = set.replicas.find(
    (placed) => old.isLive(placed.node) && old.report(placed) === undefined,
  );
  if (unmade !== undefined) return wait(`replica ${unmade.replica} to be created`);
  // Else the place would be taken by a set that could not be made.
  const silent = silentMajority(old, catalog);
  if (silent !== undefined) return wait(`node ${silent.node} to answer`);
  const placement = planReplacement(catalog, set, {reports, nowMs});
  if (placement === undefined) return wait('a node that can take replicas');
  const fence = {set: set.id, expectedEpoch: set.epoch, operation: operation.id};
  const command = {type: 'replace-replica-set', ...fence, placement} as const;
  return {type: 'act', action: {type: 'propose', command}};
}

/** Done for whoever waits for it once writes to the place go on. */
function planEnd(old: GroupView, next: ReplicaSet, lists: SetLists): Decision {
  if (next.state !== 'open') return wait(`replica set ${next.id} to open`);
  if (lists.view(next.id)?.leader === undefined) return wait(`a leader of replica set ${next.id}`);
  const rest = unendedOf(old, lists.catalog).map(
    ({replica, node}) => `; replica ${replica} goes when node ${node} is back`,
  );
  const result = `its rows are gone, and replica set ${next.id} has its place${rest.join('')}`;
  return {type: 'finish', state: 'done', result};
}

function wait(what: string): Decision {
  return {type: 'wait', for: what};
}

const DROPPED = 'the replica set was dropped';
const JOINT = 'the joint configuration to be left';
