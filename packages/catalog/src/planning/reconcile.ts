// The reconciler's decision: what should be (the catalog) against what is (the reports). Pure, and
// without memory: planning twice from the same facts gives the same actions, and planning after a
// crash goes on where the facts stand.

import {META_SET, type ReplicaId} from '@flotilla/base';
import {type Catalog, isFinished} from '../catalog.ts';
import type {Operation, ReplicaSet} from '../model.ts';
import type {Action} from './action.ts';
import {isClockTrusted, planMetaLead} from './clocks.ts';
import {
  isPlacedOn,
  MOVES_MAX,
  type MoveBudget,
  planEvacuation,
  setsWithMeta,
} from './evacuation.ts';
import {fitNodes} from './fitness.ts';
import {GroupView} from './group-view.ts';
import {planLeaderEvacuation} from './leader-evacuation.ts';
import {planLeaderSpread} from './leader-spread.ts';
import {
  canRollBack,
  type Decision,
  planLeaderTransfer,
  planReplicaAddition,
  planReplicaMove,
  planReplicaRemoval,
} from './member-operation.ts';
import {
  isHealing,
  planGrowth,
  planMembership,
  planOddVoters,
  planShrinking,
  planStrangers,
} from './membership.ts';
import {isMaking, MoveTurns} from './move-turns.ts';
import {isAutomatic} from './pauses.ts';
import {placeFault} from './preconditions.ts';
import {isUneven, planRebalance} from './rebalance.ts';
import {isReturned, planRepairs} from './repairs.ts';
import {differingReplicas, planChecksum, planCompaction} from './replica-work.ts';
import type {Reports} from './reports.ts';
import {planRoutineChecksums} from './routine-checksums.ts';
import {planSurplus} from './surplus.ts';
import {Targets} from './targets.ts';
import {planUpkeep} from './upkeep.ts';
import {replicasWanted} from './wanted.ts';

/** Sets that get new learners at once: each is a snapshot to send. */
const HEALING_MAX = 32;
/** A set whose leader does not move in so long has a reason that a person must see. */
const TRANSFER_MS_MAX = 60_000;
/** A node that restarts is back by then. */
const TARGET_SILENT_MS_MAX = 120_000;

/** Most waits are over by then; a person wants to know of the others what they are for. */
const WAIT_TOLD_MS = 30_000;

export interface PlanSettings {
  /** Instead of ten minutes. */
  readonly repairAfterMs?: number | undefined;
}

export function planNext(
  catalog: Catalog,
  reports: Reports,
  nowMs: number,
  settings: PlanSettings = {},
): Action[] {
  const repairs = isAutomatic(catalog, 'repair', nowMs);
  const evens = isAutomatic(catalog, 'rebalance', nowMs);
  const groups = [...setsWithMeta(catalog)].map((set) => new GroupView(set, reports));
  const operations = planOperations(catalog, groups, reports, nowMs);
  const open = groups.filter(({set}) => set.state === 'open');
  const idle = open.filter(({set}) => catalog.operationOf(set.id) === undefined);
  const busy = open.filter(({set}) => catalog.operationOf(set.id) !== undefined);
  const strangers = busy.map(planStrangers);
  const actions: Action[] = [
    ...planExistence(catalog, groups, reports),
    ...strangers.filter((action) => action !== undefined),
    ...operations.actions,
  ];
  for (const group of idle) {
    const action = planMembership(group);
    if (action !== undefined) actions.push(action);
  }
  const metaLead = planMetaLead(
    groups.find(({set}) => set.id === META_SET),
    catalog,
    reports,
    nowMs,
  );
  if (metaLead !== undefined) actions.push(metaLead);
  // Not before: a learner that is still to be made a member may be what the set is left with.
  actions.push(...operations.moves);
  actions.push(...planUpkeep(catalog, reports, nowMs).map(proposal));
  actions.push(...planLeaderEvacuation(open, catalog, reports, nowMs));
  if (repairs) {
    actions.push(...planHealing(catalog, idle, reports, nowMs));
    // They are counted by the clock, and leave its time in the catalog.
    const present = [...catalog.nodes()].filter(({state}) => state !== 'decommissioned');
    if (isClockTrusted(reports, present.length))
      actions.push(...planRoutineChecksums(catalog, idle, nowMs));
  }
  actions.push(...planAutomatic(catalog, groups, reports, {...settings, nowMs, repairs, evens}));
  return actions;
}

function proposal(command: Extract<Action, {type: 'propose'}>['command']): Action {
  return {type: 'propose', command};
}

/** Replicas that should be there and are not, those that should not and are, and sets to open. */
function planExistence(catalog: Catalog, groups: readonly GroupView[], reports: Reports): Action[] {
  const actions: Action[] = [];
  for (const group of groups) {
    const {set} = group;
    if (set.state === 'dropping') continue;
    for (const placed of set.replicas) {
      if (!group.isLive(placed.node) || group.report(placed) !== undefined) continue;
      const {node, replica} = placed;
      actions.push({type: 'create-replica', node, set: set.id, replica});
    }
  }
  const members = new Map(groups.map((group) => [group.set.id, group]));
  for (const report of reports.values()) {
    if (!report.live) continue;
    for (const {set, replica} of report.replicas.values()) {
      const group = members.get(set);
      const wanted =
        group !== undefined && group.set.state !== 'dropping' && group.placement(replica);
      if (wanted || (group?.set.state === 'open' && isNeeded(group, replica))) continue;
      actions.push({type: 'destroy-replica', node: report.node, set, replica});
    }
  }
  const opened = groups.filter((group) => isOpenable(group, catalog)).map(({set}) => set.id);
  if (opened.length > 0) actions.push(proposal({type: 'open-replica-sets', sets: opened}));
  return actions;
}

/** A member is taken out of the configuration first, and out of the memory of those that stay. */
function isNeeded(group: GroupView, replica: ReplicaId): boolean {
  return group.isMember(replica) || !group.isSettled;
}

/** A majority of the founding voters has its bootstrap on disk. */
function isOpenable(group: GroupView, catalog: Catalog): boolean {
  const {set} = group;
  if (set.state !== 'creating' || catalog.bucket(set.bucket) === undefined) return false;
  const voters = set.founders.filter((id) => !set.foundingLearners?.includes(id));
  const durable = set.replicas.filter(
    (placed) => voters.includes(placed.replica) && group.report(placed)?.durable === true,
  );
  return durable.length > voters.length / 2;
}

/** What the running operations do next, and apart from it the moves that those over many sets begin. */
function planOperations(
  catalog: Catalog,
  groups: readonly GroupView[],
  reports: Reports,
  nowMs: number,
): {readonly actions: readonly Action[]; readonly moves: readonly Action[]} {
  const bySet = new Map(groups.map((group) => [group.set.id, group]));
  const context = {nowMs, budget: budgetOf(catalog, groups), turns: new MoveTurns(catalog, bySet)};
  const actions: Action[] = [];
  const begun: Action[] = [];
  for (const operation of catalog.operations()) {
    if (isFinished(operation)) continue;
    const {decision, moves} = decide(operation, catalog, reports, bySet, context);
    // What it waits for is a field that a cluster of an older version has not.
    const isTold = decision.type !== 'wait' || catalog.clusterVersion >= 2;
    const action = isTold ? actionOf(decision, operation, nowMs) : undefined;
    if (action !== undefined) actions.push(action);
    begun.push(...moves);
  }
  return {actions, moves: begun};
}

/** A move whose set nobody leads copies nothing and may wait for ever: it takes no turn from the others. */
function budgetOf(catalog: Catalog, groups: readonly GroupView[]): MoveBudget {
  const moving = groups.filter(({set, leader}) => {
    const kind = leader && catalog.operationOf(set.id)?.kind;
    return kind === 'move-replica' || kind === 'repair';
  });
  return {left: MOVES_MAX - moving.length};
}

interface Context {
  readonly nowMs: number;
  readonly budget: MoveBudget;
  readonly turns: MoveTurns;
}

function decide(
  operation: Operation,
  catalog: Catalog,
  reports: Reports,
  groups: ReadonlyMap<ReplicaSet['id'], GroupView>,
  context: Context,
): {readonly decision: Decision; readonly moves: readonly Action[]} {
  switch (operation.kind) {
    case 'drain-node':
    case 'decommission-node':
      return planEvacuation(operation, catalog, reports, context);
    case 'rebalance':
      return planRebalance(operation, catalog, reports, context);
    default: {
      const target = catalog.node(operation.targetNode!);
      if (operation.step === 'create' && target?.state !== 'active') {
        const error = `node ${operation.targetNode} takes no replicas now`;
        return {decision: {type: 'finish', state: 'failed', error, code: 'NO_PLACE'}, moves: []};
      }
      const early = decideBeforeMaking(operation, groups, reports, context);
      if (early !== undefined) return {decision: early, moves: []};
      return {decision: decideForSet(operation, catalog, groups, context.nowMs), moves: []};
    }
  }
}

/** What keeps an operation that makes a replica from going on, as long as it may still be given up. */
function decideBeforeMaking(
  operation: Operation,
  groups: ReadonlyMap<ReplicaSet['id'], GroupView>,
  reports: Reports,
  {nowMs, turns}: Context,
): Decision | undefined {
  const {step, state, targetNode: node} = operation;
  const isEarly = step === 'create' || step === 'learner' || step === 'catch-up';
  if (!isEarly || state !== 'running' || node === undefined || !isMaking(operation))
    return undefined;
  const report = reports.get(node);
  if (report?.live === false && nowMs - (report.silentSinceMs ?? nowMs) >= TARGET_SILENT_MS_MAX) {
    const error = `node ${node}, which was to take the replica, has not answered for two minutes`;
    return {type: 'finish', state: 'failed', error, code: 'NO_PLACE'};
  }
  const isPlaced = groups.get(operation.replicaSet!)?.set.replicas.some((one) => one.node === node);
  if (step !== 'create' || isPlaced) return undefined;
  if (report?.live === false) return {type: 'wait', for: `node ${node} to answer`};
  const fault = placeFault(node, reports);
  if (fault !== undefined) {
    return {type: 'finish', state: 'failed', error: fault.message, code: fault.code};
  }
  return turns.take(node) ? undefined : {type: 'wait', for: 'its turn'};
}

function decideForSet(
  operation: Operation,
  catalog: Catalog,
  groups: ReadonlyMap<ReplicaSet['id'], GroupView>,
  nowMs: number,
): Decision {
  const group = groups.get(operation.replicaSet!);
  if (group === undefined || group.set.state === 'dropping') {
    const error = 'the replica set was dropped';
    return {type: 'finish', state: 'failed', error, code: 'NOT_FOUND'};
  }
  switch (operation.kind) {
    case 'add-replica':
      return planReplicaAddition(operation, group, replicasWanted(catalog, group.set));
    case 'remove-replica':
      return planReplicaRemoval(operation, group);
    case 'move-replica':
      return planReplicaMove(operation, group);
    case 'repair':
      if (isOvertaken(operation, group, catalog)) return cancelling(operation, nowMs);
      if (operation.targetNode === undefined) return planReplicaRemoval(operation, group);
      return planReplicaMove(operation, group);
    case 'compact':
      return planCompaction(operation, group, nowMs);
    case 'checksum':
      return planChecksum(operation, group, nowMs);
    case 'transfer-leader': {
      const decision = planLeaderTransfer(operation, group);
      if (decision.type === 'finish' || nowMs - operation.createdAtMs < TRANSFER_MS_MAX) {
        return decision;
      }
      const error = 'the leader did not move within a minute';
      return {type: 'finish', state: 'failed', error, code: 'DEADLINE_EXCEEDED'};
    }
    default:
      return {type: 'wait', for: `a build that knows the operation ${operation.kind}`};
  }
}

/** Its node came back in time: the copy that has begun is given up. */
function isOvertaken(operation: Operation, group: GroupView, catalog: Catalog): boolean {
  if (operation.state !== 'running' || operation.targetNode === undefined) return false;
  if (differingReplicas(catalog).has(operation.source!)) return false;
  return isReturned(operation, group) && canRollBack(operation, group);
}

function cancelling(operation: Operation, atMs: number): Decision {
  const error = `node ${operation.sourceNode} came back`;
  const step = {operation: operation.id, expectedStep: operation.step, atMs};
  const command = {type: 'update-operation', ...step, state: 'cancelling', error} as const;
  return {type: 'act', action: proposal(command)};
}

function actionOf(decision: Decision, operation: Operation, atMs: number): Action | undefined {
  const update = {
    type: 'update-operation',
    operation: operation.id,
    expectedStep: operation.step,
    atMs,
  } as const;
  switch (decision.type) {
    case 'wait':
      return planTelling(operation, decision.for, atMs);
    case 'act':
      return decision.action;
    case 'advance': {
      const {step, target, transfer} = decision;
      return proposal({...update, step, target, transfer});
    }
    case 'finish': {
      const {state, error, code: errorCode, result, differing} = decision;
      return proposal({...update, state, error, errorCode, result, differing});
    }
    default:
      return decision satisfies never;
  }
}

/** Rarely: what it waits for may change from one look to the next. */
function planTelling(operation: Operation, waitingFor: string, nowMs: number): Action | undefined {
  const {id, step, history, waiting, createdAtMs} = operation;
  const sinceMs = Math.max(waiting?.atMs ?? 0, history.at(-1)?.atMs ?? createdAtMs);
  if (waiting?.for === waitingFor || nowMs - sinceMs < WAIT_TOLD_MS) return undefined;
  const subject = {operation: id, expectedStep: step, atMs: nowMs};
  return proposal({type: 'update-operation', ...subject, waitingFor});
}

/** More replicas where a set lacks some and nodes can hold them; fewer where it has too many. */
function planHealing(
  catalog: Catalog,
  idle: readonly GroupView[],
  reports: Reports,
  nowMs: number,
): Action[] {
  const targets = new Targets(catalog, reports, nowMs);
  const able = fitNodes(catalog, reports);
  const emptying = [...catalog.nodes()].filter(({state}) => state === 'draining');
  let room = HEALING_MAX - idle.filter(isHealing).length;
  const actions: Action[] = [];
  for (const group of idle) {
    const {set} = group;
    const wanted = replicasWanted(catalog, set);
    // The replica on a node that is being emptied goes first, and may need the learner in its place.
    const isLosing = emptying.some(({id}) => isPlacedOn(set, id));
    const shrinking = isLosing ? undefined : planShrinking(group, wanted);
    if (shrinking !== undefined) actions.push(shrinking);
    const surplus = isLosing || shrinking ? undefined : planSurplus(group, wanted, catalog, nowMs);
    if (surplus !== undefined) actions.push(surplus);
    const isOneToCome = set.replicas.length < wanted && able.some(({id}) => !isPlacedOn(set, id));
    const evened = isOneToCome ? undefined : planOddVoters(group);
    if (evened !== undefined) actions.push(evened);
    if (room <= 0) continue;
    const action = planGrowth(group, wanted, (_, count) => targets.pick(set, count));
    if (action === undefined) continue;
    actions.push(action);
    room--;
  }
  return actions;
}

/** What the cluster starts by itself: repairs, evening out, leaders spread. */
function planAutomatic(
  catalog: Catalog,
  groups: readonly GroupView[],
  reports: Reports,
  {
    nowMs,
    repairAfterMs,
    repairs,
    evens,
  }: PlanSettings & {readonly nowMs: number; readonly repairs: boolean; readonly evens: boolean},
): Action[] {
  const budget = budgetOf(catalog, groups);
  const actions = repairs ? planRepairs(catalog, reports, {nowMs, budget, repairAfterMs}) : [];
  if (!evens) return actions;
  const isOperating = [...catalog.operations()].some((operation) => !isFinished(operation));
  const quiet = !isOperating && actions.length === 0 && !groups.some(isHealing);
  if (quiet && isUneven(catalog, reports, nowMs)) {
    const startedBy = 'reconciler';
    actions.push(proposal({type: 'create-operation', kind: 'rebalance', startedBy, atMs: nowMs}));
  }
  const ordinary = groups.filter(({set}) => set.id !== META_SET && set.state === 'open');
  actions.push(...planLeaderSpread(ordinary, catalog, reports, nowMs));
  return actions;
}
