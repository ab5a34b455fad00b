// The reconciler's decision: what should be (the catalog) against what is (the reports). Pure, and
// without memory: planning twice from the same facts gives the same actions, and planning after a
// crash goes on where the facts stand. Which sets have to be looked at is for the lists to say.

import {LIMITS, META_SET, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import {WAITS_TOLD_SINCE} from '../cluster-version.ts';
import type {Node, Operation, ReplicaSet} from '../model.ts';
import {isPassedOver} from '../recovery/passed-over.ts';
import type {Action} from './action.ts';
import {type CancelledWork, cancelledSets, cancelledWork} from './cancelled.ts';
import {isClockTrusted, planMetaLead} from './clocks.ts';
import {isHeldBack, planDestruction} from './destroy-set.ts';
import {isPlacedOn, type MoveBudget, planEvacuation} from './evacuation.ts';
import {EverySet} from './every-set.ts';
import {planExpulsions} from './expulsions.ts';
import {fitNodes} from './fitness.ts';
import type {GroupView} from './group-view.ts';
import {planLeaderEvacuation} from './leader-evacuation.ts';
import {planLeaderSpread} from './leader-spread.ts';
import type {Decision} from './member-operation.ts';
import {
  isHealing,
  planGrowth,
  planMembership,
  planOddVoters,
  planSecondVoter,
  planShrinking,
  planStrangers,
} from './membership.ts';
import {MoveTurns} from './move-turns.ts';
import {isAutomatic} from './pauses.ts';
import {pinnedBefore} from './placed-by-hand.ts';
import type {PlanSettings, RoundSettings} from './plan-settings.ts';
import {planRebalance} from './rebalance.ts';
import {planRepairs} from './repairs.ts';
import type {Reports} from './reports.ts';
import {planRoutineChecksums} from './routine-checksums.ts';
import {decideForSet, WAIT_TOLD_MS} from './set-decision.ts';
import type {ListName, SetLists} from './set-lists.ts';
import {planSurplus} from './surplus.ts';
import {Targets} from './targets.ts';
import {planUpkeep} from './upkeep.ts';
import {replicasWanted} from './wanted.ts';

/** Sets that get new learners at once: each is a snapshot to send. */
const HEALING_MAX = 32;

/** Looks at every set. */
export function planNext(
  catalog: Catalog,
  reports: Reports,
  nowMs: number,
  settings: RoundSettings = {},
): Action[] {
  return planFrom(new EverySet(catalog, reports), nowMs, settings);
}

/** Looks at those that are listed. */
export function planFrom(lists: SetLists, nowMs: number, settings: RoundSettings = {}): Action[] {
  const {catalog, reports} = lists;
  const repairs = isAutomatic(catalog, 'repair', nowMs);
  const evens = isAutomatic(catalog, 'rebalance', nowMs);
  const operations = planOperations(lists, nowMs, settings);
  const actions: Action[] = [
    ...planExistence(lists),
    ...planBusyStrangers(lists),
    ...operations.actions,
  ];
  for (const group of idleOf(lists, 'unsettled')) {
    const action = planMembership(group);
    if (action !== undefined) actions.push(action);
  }
  const metaLead = planMetaLead(lists.view(META_SET), catalog, reports, nowMs);
  if (metaLead !== undefined) actions.push(metaLead);
  // Not before: a learner that is still to be made a member may be what the set is left with.
  actions.push(...operations.moves);
  actions.push(...planExpulsions(lists, nowMs).map(proposal));
  actions.push(...planUpkeep(lists, nowMs, settings).map(proposal));
  actions.push(...planLeaderEvacuation(lists, nowMs, settings));
  if (repairs) {
    actions.push(...planHealing(lists, nowMs));
    // They are counted by the clock, and leave its time in the catalog.
    const present = [...catalog.nodes()].filter(({state}) => state !== 'decommissioned');
    if (isClockTrusted(reports, present.length))
      actions.push(...planRoutineChecksums(lists, nowMs));
  }
  actions.push(...planAutomatic(lists, {...settings, nowMs, repairs, evens}));
  return actions;
}

/** Open sets of the list on which no operation runs. */
function* idleOf(lists: SetLists, name: ListName): Generator<GroupView> {
  for (const group of lists.list(name)) {
    const {id, state} = group.set;
    if (state === 'open' && lists.catalog.operationOf(id) === undefined) yield group;
  }
}

/** They leave though an operation runs on their set. */
function planBusyStrangers(lists: SetLists): Action[] {
  return [...lists.catalog.unfinishedOperations()]
    .flatMap(({replicaSet}) => (replicaSet === undefined ? [] : (lists.view(replicaSet) ?? [])))
    .filter(({set}) => set.state === 'open')
    .flatMap((group) => planStrangers(group) ?? []);
}

function proposal(command: Extract<Action, {type: 'propose'}>['command']): Action {
  return {type: 'propose', command};
}

/** Replicas that should be there and are not, those that should not and are, and sets to open. */
function planExistence(lists: SetLists): Action[] {
  const {catalog, reports} = lists;
  const actions: Action[] = [];
  for (const group of lists.list('missing')) {
    const {set} = group;
    if (set.state === 'dropping' || isHeldBack(set, lists)) continue;
    for (const placed of set.replicas) {
      if (!group.isLive(placed.node) || group.report(placed) !== undefined) continue;
      const {node, replica} = placed;
      actions.push({type: 'create-replica', node, set: set.id, replica});
    }
  }
  for (const {node, live} of reports.values()) {
    if (!live) continue;
    const strays: Action[] = [];
    for (const {set, replica} of lists.strays(node)) {
      const group = lists.view(set);
      const wanted =
        group !== undefined && group.set.state !== 'dropping' && group.placement(replica);
      if (wanted || (group?.set.state === 'open' && isNeeded(group, replica))) continue;
      // A lost majority of the meta group may have made it: what is unknown is not gone.
      if (group === undefined && isPassedOver(catalog, 'replicaSet', set)) continue;
      strays.push({type: 'destroy-replica', node, set, replica});
    }
    actions.push(...strays.sort(byReplica));
  }
  const opened = [...lists.list('unopened')]
    .filter((group) => isOpenable(group, catalog))
    .map(({set}) => set.id);
  if (opened.length > 0) actions.push(proposal({type: 'open-replica-sets', sets: opened}));
  return actions;
}

/** Not as they happened to be reported. */
function byReplica(a: Action, b: Action): number {
  return 'replica' in a && 'replica' in b ? a.replica - b.replica : 0;
}

/** A member is taken out of the configuration first, and out of the memory of those that stay. */
function isNeeded(group: GroupView, replica: ReplicaId): boolean {
  return group.isMember(replica) || !group.isSettled;
}

/**
 * A majority of the founding voters has its bootstrap on disk. Until then they stay as they are, whoever of them
 * is silent: a majority that nobody reported may have elected a leader and taken writes.
 */
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
  lists: SetLists,
  nowMs: number,
  settings: PlanSettings,
): {readonly actions: readonly Action[]; readonly moves: readonly Action[]} {
  const turns = new MoveTurns(lists, settings);
  const context = {nowMs, budget: budgetOf(lists, settings), turns};
  const actions: Action[] = [];
  const begun: Action[] = [];
  const tellsWaits = lists.catalog.clusterVersion >= WAITS_TOLD_SINCE;
  for (const operation of lists.catalog.unfinishedOperations()) {
    const {decision, moves} = decide(operation, lists, context);
    // What it waits for is a field that a cluster of an older version has not.
    const isTold = decision.type !== 'wait' || tellsWaits;
    const action = isTold ? actionOf(decision, operation, nowMs) : undefined;
    if (action !== undefined) actions.push(action);
    const told = tellsWaits ? planOrderTold(decision, operation, nowMs) : undefined;
    if (told !== undefined) actions.push(told);
    begun.push(...moves);
  }
  return {actions, moves: begun};
}

/** A move whose set nobody leads copies nothing and may wait for ever: it takes no turn from the others. */
function budgetOf(lists: SetLists, {movesPerClusterMax}: PlanSettings): MoveBudget {
  const movesMax = movesPerClusterMax ?? LIMITS.moves_per_cluster_max.value;
  const moving = [...lists.catalog.unfinishedOperations()].filter(
    ({kind, replicaSet}) =>
      (kind === 'move-replica' || kind === 'repair') &&
      lists.view(replicaSet!)?.leader !== undefined,
  );
  return {left: movesMax - moving.length};
}

interface Context {
  readonly nowMs: number;
  readonly budget: MoveBudget;
  readonly turns: MoveTurns;
}

function decide(
  operation: Operation,
  lists: SetLists,
  context: Context,
): {readonly decision: Decision; readonly moves: readonly Action[]} {
  switch (operation.kind) {
    case 'drain-node':
    case 'decommission-node':
      return planEvacuation(operation, lists, context);
    case 'rebalance':
      return planRebalance(operation, lists, context);
    default: {
      const group = lists.view(operation.replicaSet!);
      if (group !== undefined && operation.kind === 'destroy-replica-set')
        return {decision: planDestruction(operation, group, lists, context.nowMs), moves: []};
      if (group === undefined || group.set.state === 'dropping') {
        const error = 'the replica set was dropped';
        return {decision: {type: 'finish', state: 'failed', error, code: 'NOT_FOUND'}, moves: []};
      }
      const {catalog, reports} = lists;
      const facts = {
        catalog,
        reports,
        nowMs: context.nowMs,
        differing: lists.operations.differing(),
      };
      const decision = decideForSet(operation, group, facts, context.turns);
      return {decision: pinnedBefore(decision, operation, group.set, catalog), moves: []};
    }
  }
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
      const {step, target, targetNode, transfer} = decision;
      return proposal({...update, step, target, targetNode, transfer});
    }
    case 'give-up': {
      const {error, code: errorCode} = decision;
      return proposal({...update, state: 'cancelling', error, errorCode});
    }
    case 'finish': {
      const {state, error, code: errorCode, result, differing} = decision;
      return proposal({...update, state, error, errorCode, result, differing});
    }
    default:
      return decision satisfies never;
  }
}

/** An order that a node does not carry out is given again and again: that is a wait, too. */
function planOrderTold(
  decision: Decision,
  operation: Operation,
  nowMs: number,
): Action | undefined {
  const action = decision.type === 'act' ? decision.action : undefined;
  if (action === undefined || action.type === 'propose') return undefined;
  return planTelling(operation, `node ${action.node} to ${ORDER_WORDS[action.type]}`, nowMs);
}

const ORDER_WORDS: Readonly<Record<Exclude<Action['type'], 'propose'>, string>> = {
  'create-replica': 'make the replica',
  'destroy-replica': 'remove the replica',
  'change-config': 'change the members',
  'transfer-leader': 'hand over the lead',
  'work-on-replica': 'begin',
};

/** Rarely: what it waits for may change from one look to the next. */
function planTelling(operation: Operation, waitingFor: string, nowMs: number): Action | undefined {
  const {id, step, history, waiting, createdAtMs} = operation;
  const sinceMs = Math.max(waiting?.atMs ?? 0, history.at(-1)?.atMs ?? createdAtMs);
  if (waiting?.for === waitingFor || nowMs - sinceMs < WAIT_TOLD_MS) return undefined;
  const subject = {operation: id, expectedStep: step, atMs: nowMs};
  return proposal({type: 'update-operation', ...subject, waitingFor});
}

/** More replicas where a set lacks some and nodes can hold them; fewer where it has too many. */
function planHealing(lists: SetLists, nowMs: number): Action[] {
  const {catalog, reports} = lists;
  const removal = {kinds: ['remove-replica'], startedBy: 'reconciler'} as const;
  const kept = cancelledSets(cancelledWork(catalog, nowMs), removal, catalog);
  const actions = [...idleOf(lists, 'surplus')].flatMap(
    (group) => planFewer(group, lists, kept, nowMs) ?? [],
  );
  let room = HEALING_MAX - [...idleOf(lists, 'healing')].filter(isHealing).length;
  if (room <= 0) return actions;
  const targets = new Targets(catalog, reports, nowMs);
  for (const group of idleOf(lists, 'lacking')) {
    const {set} = group;
    const pick = (_: GroupView, count: number) => targets.pick(set, count);
    const wanted = replicasWanted(catalog, set);
    const growth = planGrowth(group, wanted, pick);
    if (growth !== undefined) {
      actions.push(growth);
      room--;
      if (room <= 0) break;
      continue;
    }
    const second = set.replicas.length < wanted ? planSecondVoter(group) : undefined;
    if (second !== undefined && isKeptWaiting(set, lists)) actions.push(second);
  }
  return actions;
}

/** A learner or a voter too many, or one of two voters that becomes a learner: one at a time. */
function planFewer(
  group: GroupView,
  {catalog}: SetLists,
  kept: ReadonlyMap<ReplicaSetId, CancelledWork>,
  nowMs: number,
): Action | undefined {
  const {set} = group;
  const wanted = replicasWanted(catalog, set);
  // The replica on a node that is being emptied goes first, and may need the learner in its place.
  const isLosing = [...catalog.nodes()].some(
    ({id, state}) => state === 'draining' && isPlacedOn(set, id),
  );
  if (!isLosing) {
    const surplus = () =>
      kept.has(set.id) ? undefined : planSurplus(group, wanted, catalog, nowMs);
    const shrunk = planShrinking(group, wanted) ?? surplus();
    if (shrunk !== undefined) return shrunk;
  }
  const isLacking = set.replicas.length < wanted;
  const isOneToCome = isLacking && activeBeside(set, catalog).length > 0;
  return isOneToCome ? undefined : planOddVoters(group);
}

/** Nodes are there for one more replica of it, and none of them takes it. One that only does not answer may in a moment. */
function isKeptWaiting(set: ReplicaSet, {catalog, reports}: SetLists): boolean {
  const fit = new Set(fitNodes(catalog, reports).map(({id}) => id));
  const others = activeBeside(set, catalog);
  return others.length > 0 && others.every(({id}) => !fit.has(id));
}

/** Those that may hold one more replica of it some day: what keeps a node from it now, clock or disk, passes. */
function activeBeside(set: ReplicaSet, catalog: Catalog): Node[] {
  return [...catalog.nodes()].filter(({id, state}) => state === 'active' && !isPlacedOn(set, id));
}

/** What the cluster starts by itself: repairs, evening out, leaders spread. */
function planAutomatic(
  lists: SetLists,
  context: PlanSettings & {
    readonly nowMs: number;
    readonly repairs: boolean;
    readonly evens: boolean;
  },
): Action[] {
  const {catalog, reports, leads, evening} = lists;
  const {nowMs, repairs, evens} = context;
  const budget = budgetOf(lists, context);
  const actions = repairs ? planRepairs(lists, {...context, budget}) : [];
  if (!evens) return actions;
  const isOperating = catalog.unfinishedOperationCount > 0;
  const quiet = !isOperating && actions.length === 0 && ![...lists.list('healing')].some(isHealing);
  const isUnwanted = cancelledWork(catalog, nowMs).some(
    ({operation}) => operation.kind === 'rebalance',
  );
  if (quiet && !isUnwanted && evening.isUneven(nowMs)) {
    const startedBy = 'reconciler';
    actions.push(proposal({type: 'create-operation', kind: 'rebalance', startedBy, atMs: nowMs}));
  }
  actions.push(...planLeaderSpread(leads, catalog, reports, nowMs));
  return actions;
}
