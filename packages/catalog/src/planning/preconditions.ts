// What forbids an operation: asked before it is begun, and again by its steps, since nodes come and go
// meanwhile. Each answer has a code of the catalogue and says what is wrong. Where nothing is reported
// nothing is refused: the steps wait for reports.

import type {ErrorCode, NodeId, ReplicaId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {CreateOperation} from '../commands.ts';
import {drainFault} from './drain-room.ts';
import {fitNodes, REPLICA_DISK_FREE_MIN} from './fitness.ts';
import {GroupView} from './group-view.ts';
import {maintenanceOf} from './pauses.ts';
import type {Reports} from './reports.ts';
import {silentMajority} from './set-end.ts';

export interface OperationFault {
  readonly code: ErrorCode;
  readonly message: string;
}

/** Why it must not be begun now, beyond what the catalog itself refuses. */
export function operationFault(
  catalog: Catalog,
  reports: Reports,
  wanted: CreateOperation,
): OperationFault | undefined {
  const {kind, replicaSet, source, target, sourceNode, targetNode} = wanted;
  const empties = kind === 'drain-node' || kind === 'decommission-node';
  if (empties && sourceNode !== undefined) {
    const message = drainFault(catalog, sourceNode, {reports});
    return message === undefined ? undefined : {code: 'NO_PLACE', message};
  }
  if (targetNode !== undefined) {
    const fault = placeFault(targetNode, reports) ?? restFault(catalog, targetNode, wanted.atMs);
    if (fault !== undefined) return fault;
  }
  const set = replicaSet === undefined ? undefined : catalog.replicaSet(replicaSet);
  if (set === undefined) return undefined;
  const group = new GroupView(set, reports);
  if (kind === 'transfer-leader' && target !== undefined) return leadFault(group, target);
  if (kind === 'destroy-replica-set') return destructionFault(group, catalog, reports);
  if (source === undefined) return undefined;
  if (kind === 'remove-replica') return removalFault(group, source, wanted);
  if (kind === 'move-replica') return majorityFault(group, {without: source, added: 1});
  return undefined;
}

/** It is about to be stopped: a copy to it would stand still. */
function restFault(catalog: Catalog, id: NodeId, nowMs: number): OperationFault | undefined {
  const node = catalog.node(id);
  const rest = node && maintenanceOf(node, nowMs);
  if (rest?.scope !== 'all') return undefined;
  const until = new Date(rest.untilMs).toISOString();
  return {code: 'CONFLICT', message: `node ${id} is in maintenance until ${until}`};
}

/** Whether a node can take a replica, as far as it says. */
export function placeFault(node: NodeId, reports: Reports): OperationFault | undefined {
  const report = reports.get(node);
  if (report === undefined) return undefined;
  if (!report.live) return {code: 'NO_PLACE', message: `node ${node} does not answer`};
  if (report.diskFree >= REPLICA_DISK_FREE_MIN) return undefined;
  const free = Math.floor(report.diskFree * 100);
  const message = `node ${node} has no room: ${free} % of its disk is free, and ${REPLICA_DISK_FREE_MIN * 100} % is asked for`;
  return {code: 'NO_PLACE', message};
}

/** Whether the set can do without the replica, none coming in its place. */
function removalFault(
  group: GroupView,
  source: ReplicaId,
  {allowFewerVoters}: CreateOperation,
): OperationFault | undefined {
  if (group.leader === undefined || !group.isMember(source)) return undefined;
  const others = group.set.replicas.filter(({replica}) => replica !== source);
  const isHeld = others.some(({replica}) => group.isCaughtUp(replica));
  if (!isHeld) {
    const message = `replica ${source} is the last of replica set ${group.set.id} that holds all that is committed: add a replica first, or move this one`;
    return {code: 'LAST_COPY', message};
  }
  // The sole voter's place is taken by a learner that is caught up.
  const isSole = group.voters.length === 1 && group.isVoter(source);
  const atRisk = majorityFault(group, {without: source, added: isSole ? 1 : 0});
  if (atRisk !== undefined || allowFewerVoters === true) return atRisk;
  return fewerVotersFault(group, source);
}

/** Whether fewer voters would hold each write: of four one less fails no sooner, of two the other is alone. */
export function fewerVotersFault(group: GroupView, source: ReplicaId): OperationFault | undefined {
  const {voters, set} = group;
  const isEven = voters.length % 2 === 0 && voters.length > 2;
  if (!group.isVoter(source) || voters.length === 1 || isEven) return undefined;
  if (group.readyLearner !== undefined) return undefined;
  const message = `without replica ${source} fewer voters of replica set ${set.id} would hold each write: add a replica first, or allow it (flotilla replica-set remove-replica ${set.id} --replica ${source} --yes)`;
  return {code: 'CONFLICT', message};
}

/** Whether the voters that are left, and those that are caught up and join them, have a majority that answers. */
export function majorityFault(
  group: GroupView,
  change: {readonly without: ReplicaId; readonly added: number},
): OperationFault | undefined {
  const {without, added} = change;
  if (group.leader === undefined || !group.isVoter(without)) return undefined;
  const left = group.voters.filter((voter) => voter !== without) as ReplicaId[];
  const answering = left.filter((voter) => isAnswering(group, voter)).length;
  const count = left.length + added;
  if (2 * (answering + added) > count) return undefined;
  const message = `without replica ${without} only ${answering + added} of ${count} voters of replica set ${group.set.id} would answer: bring the others back first`;
  return {code: 'MAJORITY_AT_RISK', message};
}

export function isAnswering(group: GroupView, voter: ReplicaId): boolean {
  const placed = group.placement(voter);
  return placed !== undefined && group.isLive(placed.node) && !group.isDamaged(voter);
}

/** Where nobody could say that the set takes no more writes, or hold the one in its place. */
function destructionFault(
  group: GroupView,
  catalog: Catalog,
  reports: Reports,
): OperationFault | undefined {
  const {id, replicas} = group.set;
  if (replicas.some(({node}) => !reports.has(node))) return undefined;
  const silent = silentMajority(group, catalog);
  if (silent !== undefined) {
    const message = `node ${silent.node} does not answer, and without it a majority of replica set ${id} may still take writes: bring it back, or declare it lost (flotilla recover plan)`;
    return {code: 'MAJORITY_AT_RISK', message};
  }
  if (fitNodes(catalog, reports).length > 0) return undefined;
  return {code: 'NO_PLACE', message: 'no node can take replicas: all are draining or full'};
}

function leadFault(group: GroupView, target: ReplicaId): OperationFault | undefined {
  const placed = group.placement(target);
  if (placed === undefined || group.leader === undefined) return undefined;
  if (!group.isVoter(target)) {
    const message = `replica ${target} is a learner, which cannot lead`;
    return {code: 'CONFLICT', message};
  }
  if (group.isLive(placed.node)) return undefined;
  return {code: 'NO_PLACE', message: `node ${placed.node} does not answer`};
}
