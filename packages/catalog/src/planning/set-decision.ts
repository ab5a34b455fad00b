// What an operation on one replica set does next: its steps (member-operation.ts, replica-work.ts), and before
// them what ends or holds up any of them: a target that is gone or full, a turn, voters that are away too long, a
// cause that is no more. All of it only as long as it can be taken back.

import type {ErrorCode} from '@flotilla/base';
import {type Catalog, endedAtMs} from '../catalog.ts';
import {REPAIRS_MAKE_IN_PLACE_SINCE} from '../cluster-version.ts';
import type {Operation} from '../model.ts';
import {beginnerOf} from './cancelled.ts';
import {isFull, REPLICA_DISK_FREE_MIN} from './fitness.ts';
import type {GroupView} from './group-view.ts';
import {
  canRollBack,
  type Decision,
  LEARNER_UNHEARD,
  planLeaderTransfer,
  planRepairInPlace,
  planReplicaAddition,
  planReplicaMove,
  planReplicaRemoval,
  unheardLearner,
} from './member-operation.ts';
import {hasTurn, type MoveTurns, makingNode} from './move-turns.ts';
import {majorityFault, placeFault} from './preconditions.ts';
import {
  inPlaceFault,
  isReturned,
  planRightLead,
  type RepairFacts,
  wrongCopyFault,
} from './repairs.ts';
import {planChecksum, planCompaction} from './replica-work.ts';
import type {Reports} from './reports.ts';
import {replicasWanted} from './wanted.ts';

/** Most waits are over by then; a person wants to know of the others what they are for. */
export const WAIT_TOLD_MS = 30_000;
/** A set whose leader does not move in so long has a reason that a person must see. */
const TRANSFER_MS_MAX = 60_000;
/** A node that restarts is back by then. */
const TARGET_SILENT_MS_MAX = 120_000;
/** As long; what is waited for is told after the first half minute. */
const UNHEARD_MS_MAX = TARGET_SILENT_MS_MAX - WAIT_TOLD_MS;
/** Why a removal that the cluster began is given up. */
const ENOUGH = 'the set has no replica too many any more';

export function decideForSet(
  operation: Operation,
  group: GroupView,
  facts: RepairFacts,
  turns: MoveTurns,
): Decision {
  const decision =
    decideBeforeMaking(operation, group, facts, turns) ??
    decideBeforeChange(operation, group, facts) ??
    decideByKind(operation, group, facts);
  return withRoomTold(decision, operation, facts.reports);
}

/** Room is asked for before the copy, which takes some of it, as others beside it may. */
function withRoomTold(decision: Decision, operation: Operation, reports: Reports): Decision {
  const node = makingNode(operation);
  if (decision.type !== 'finish' || decision.state !== 'done' || node === undefined)
    return decision;
  const free = reports.get(node)?.diskFree ?? 1;
  if (free >= REPLICA_DISK_FREE_MIN) return decision;
  const result = `${percentOf(free)} of the disk of node ${node} is left: it gets no more replicas`;
  return {...decision, result};
}

function percentOf(share: number): string {
  return `${Math.floor(share * 100)} %`;
}

/** What keeps an operation that makes a replica from going on, as long as it may still be given up. */
function decideBeforeMaking(
  operation: Operation,
  group: GroupView,
  {catalog, reports, nowMs}: RepairFacts,
  turns: MoveTurns,
): Decision | undefined {
  const {step, state} = operation;
  const node = makingNode(operation);
  if (state !== 'running' || node === undefined || !canRollBack(operation, group)) return undefined;
  // Nothing is made before it has gone.
  if (operation.targetNode === undefined) {
    return hasTurn(operation, group) || turns.take(node) ? undefined : WAIT_FOR_TURN;
  }
  const report = reports.get(node);
  const isPlaced = group.set.replicas.some((placed) => placed.node === node);
  // Whoever empties the node would wait for the copy, and then for its way back.
  if (catalog.node(node)?.state !== 'active') {
    const error = `node ${node} takes no replicas now`;
    return isPlaced ? {type: 'give-up', error, code: 'NO_PLACE'} : failed(error, 'NO_PLACE');
  }
  if (report?.live === false && nowMs - (report.silentSinceMs ?? nowMs) >= TARGET_SILENT_MS_MAX) {
    const error = `node ${node}, which was to take the replica, has not answered for two minutes`;
    return isPlaced ? {type: 'give-up', error, code: 'NO_PLACE'} : failed(error, 'NO_PLACE');
  }
  // It takes no writes any more: as a member it could only be in the others' way.
  if (isPlaced && isFull(node, reports)) {
    const error = `node ${node}, which was to take the replica, has filled up: ${percentOf(report!.diskFree)} of its disk is free`;
    return {type: 'give-up', error, code: 'NO_PLACE'};
  }
  if (step !== 'create' || isPlaced) return undefined;
  if (report?.live === false) return {type: 'wait', for: `node ${node} to answer`};
  const fault = placeFault(node, reports);
  if (fault !== undefined) return failed(fault.message, fault.code);
  return hasTurn(operation, group) || turns.take(node) ? undefined : WAIT_FOR_TURN;
}

/**
 * Who sends the copy, and whether the members may be changed. What waits too long for other voters is given up:
 * as long as it runs nobody makes those anew.
 */
function decideBeforeChange(
  operation: Operation,
  group: GroupView,
  {nowMs, differing}: RepairFacts,
): Decision | undefined {
  const {step, state, source} = operation;
  if (state !== 'running' || !canRollBack(operation, group)) return undefined;
  const isMaking = makingNode(operation) !== undefined;
  const wrong = isMaking ? wrongCopyFault(operation, group, differing) : undefined;
  if (wrong !== undefined) return {type: 'give-up', error: wrong};
  const isCopying = isMaking && step !== 'swap';
  const away = isCopying ? planRightLead(group, differing) : undefined;
  if (away !== undefined) return away;
  const isDue = nowMs - endedAtMs(operation) >= TARGET_SILENT_MS_MAX;
  if (!isDue || source === undefined || (step !== 'swap' && step !== 'change')) return undefined;
  // The only voter's place is taken by another in the same change.
  if (group.voters.length === 1 || group.joint) return undefined;
  const fault = majorityFault(group, {without: source, added: step === 'swap' ? 1 : 0});
  return fault && {type: 'give-up', error: fault.message, code: fault.code};
}

function decideByKind(operation: Operation, group: GroupView, facts: RepairFacts): Decision {
  const {catalog, nowMs} = facts;
  const begunBy = beginnerOf(operation, catalog);
  switch (operation.kind) {
    case 'add-replica':
      return planReplicaAddition(operation, group, replicasWanted(catalog, group.set));
    case 'remove-replica':
      if (isSurplusNoMore(operation, group, catalog)) return {type: 'give-up', error: ENOUGH};
      return unlessUnheard(planReplicaRemoval(operation, group, begunBy), operation, group, nowMs);
    case 'move-replica':
      return planReplicaMove(operation, group);
    case 'repair':
      return decideRepair(operation, group, facts);
    case 'compact':
      return planCompaction(operation, group, nowMs);
    case 'checksum':
      return planChecksum(operation, group, nowMs);
    case 'transfer-leader': {
      const decision = planLeaderTransfer(operation, group);
      if (decision.type === 'finish' || nowMs - operation.createdAtMs < TRANSFER_MS_MAX) {
        return decision;
      }
      return failed('the leader did not move within a minute', 'DEADLINE_EXCEEDED');
    }
    default:
      return {type: 'wait', for: `a build that knows the operation ${operation.kind}`};
  }
}

/**
 * A learner whose node answers, but not the set's leader, may hold all or nothing: with it left aside one voter might
 * hold each write, so the removal is not done, and the set is free for others.
 */
function unlessUnheard(
  decision: Decision,
  {waiting}: Operation,
  group: GroupView,
  nowMs: number,
): Decision {
  if (decision.type !== 'wait' || decision.for !== LEARNER_UNHEARD) return decision;
  const learner = unheardLearner(group);
  const isLong = waiting?.for === LEARNER_UNHEARD && nowMs - waiting.atMs >= UNHEARD_MS_MAX;
  if (learner === undefined || !isLong) return decision;
  const {id} = group.set;
  const {replica, node} = learner;
  const error = `the leader of replica set ${id} has not heard replica ${replica} on node ${node}, which may hold all, for two minutes: see to the connection between nodes ${group.leaderNode} and ${node}, or remove that learner first (flotilla replica-set remove-replica ${id} --replica ${replica})`;
  return {type: 'give-up', error, code: 'DEADLINE_EXCEEDED'};
}

function decideRepair(operation: Operation, group: GroupView, facts: RepairFacts): Decision {
  const {source, sourceNode, targetNode, step, state} = operation;
  if (isOvertaken(operation, group, facts)) {
    return {type: 'give-up', error: `node ${sourceNode} came back`};
  }
  if (targetNode !== undefined) return planReplicaMove(operation, group);
  const isLeaving = !group.joint && group.isMember(source!);
  const fault =
    step === 'change' && state === 'running' && isLeaving
      ? inPlaceFault(group, source!, facts)
      : undefined;
  if (fault !== undefined) return failed(fault.message, fault.code);
  return facts.catalog.clusterVersion >= REPAIRS_MAKE_IN_PLACE_SINCE
    ? planRepairInPlace(operation, group, replicasWanted(facts.catalog, group.set))
    : planReplicaRemoval(operation, group);
}

const WAIT_FOR_TURN: Decision = {type: 'wait', for: 'its turn'};

function failed(error: string, code: ErrorCode): Decision {
  return {type: 'finish', state: 'failed', error, code};
}

/** More replicas are wanted again than when the cluster began to take one away. */
function isSurplusNoMore(operation: Operation, group: GroupView, catalog: Catalog): boolean {
  const {step, state, source, startedBy} = operation;
  if (startedBy !== 'reconciler' || step !== 'change' || state !== 'running') return false;
  const isLeaving = group.leader !== undefined && !group.joint && group.isMember(source!);
  return isLeaving && group.set.replicas.length <= replicasWanted(catalog, group.set);
}

/** Its node came back in time: the copy that has begun is given up. */
function isOvertaken(operation: Operation, group: GroupView, {differing}: RepairFacts): boolean {
  if (operation.state !== 'running' || operation.targetNode === undefined) return false;
  if (differing.has(operation.source!)) return false;
  return isReturned(operation, group) && canRollBack(operation, group);
}
