// Moves, additions, removals and repairs of replicas as persisted state machines. Each next step is
// planned from what the group IS, never from what was sent: a retry, a crash between saving and
// acting, and a duplicate answer all take the same path. The order keeps the majority:
//   create -> learner -> catch-up -> (lead away) -> swap, one joint change -> confirm -> destroy-source.
// An addition ends with confirm, where the number of replicas that is wanted follows what is there.
// Cancelling rolls back while the joint change has not been made, and forward after it. What cannot go on is
// given up in the same way: nothing that it made is left behind.

import type {ErrorCode, NodeId, ReplicaId} from '@flotilla/base';
import type {SetPlacement} from '../commands.ts';
import type {Operation, ReplicaPlacement, ReplicaSet, Transfer} from '../model.ts';
import type {Action, MemberChange} from './action.ts';
import {isOfCluster} from './cancelled.ts';
import type {GroupView} from './group-view.ts';
import {fewerVotersFault, isAnswering, majorityFault} from './preconditions.ts';

export type MemberStep =
  | 'create'
  | 'learner'
  | 'catch-up'
  | 'swap'
  | 'change'
  | 'confirm'
  | 'destroy-source';

/** What a removal waits for that need not end; set-decision.ts bounds it. */
export const LEARNER_UNHEARD = 'the leader to hear from a learner';

/** Exactly one of: nothing yet, a step to save, an action to carry out, a way back, an end to save. */
export type Decision =
  | {readonly type: 'wait'; readonly for: string}
  | {
      readonly type: 'advance';
      readonly step: string;
      readonly target?: ReplicaId | undefined;
      readonly targetNode?: NodeId | undefined;
      readonly transfer?: Transfer | undefined;
    }
  | {readonly type: 'act'; readonly action: Action}
  | {
      /** What was made is taken back first. */
      readonly type: 'give-up';
      readonly error: string;
      /** It has failed then; absent where it is only needed no more. */
      readonly code?: ErrorCode | undefined;
    }
  | {
      readonly type: 'finish';
      readonly state: 'done' | 'failed' | 'cancelled';
      readonly error?: string | undefined;
      /** Of the error; CONFLICT where it is absent. */
      readonly code?: ErrorCode | undefined;
      readonly result?: string | undefined;
      readonly differing?: readonly ReplicaId[] | undefined;
    };

/** The next step of a move or a repair by another node. `source` and `target` are replica ids, never nodes. */
export function planReplicaMove(operation: Operation, group: GroupView): Decision {
  if (operation.state === 'cancelling' && canRollBack(operation, group)) {
    return planRollback(operation, group);
  }
  switch (operation.step as MemberStep) {
    case 'create':
      return planCreate(operation, group);
    case 'learner':
      return planLearner(operation, group);
    case 'catch-up':
      return planCatchUp(operation, group, 'swap');
    case 'swap':
      return planSwap(operation, group);
    case 'confirm':
      return planConfirm(operation, group);
    case 'destroy-source':
      return planDestroySource(operation, group);
    default:
      return unknownStep(operation);
  }
}

/** The new replica stays a learner; voters grow by two when two learners are caught up. */
export function planReplicaAddition(
  operation: Operation,
  group: GroupView,
  wanted: number,
): Decision {
  if (operation.state === 'cancelling' && operation.step !== 'confirm') {
    return planRollback(operation, group);
  }
  switch (operation.step as MemberStep) {
    case 'create':
      return planCreate(operation, group);
    case 'learner':
      return planLearner(operation, group);
    case 'catch-up':
      return planCatchUp(operation, group, 'confirm');
    case 'confirm':
      return planMoreWanted(group.set, wanted);
    default:
      return unknownStep(operation);
  }
}

/** @param begunBy who wanted it first, where this one only tries again what another did not do */
export function planReplicaRemoval(
  operation: Operation,
  group: GroupView,
  begunBy = operation.startedBy,
): Decision {
  switch (operation.step as MemberStep) {
    case 'change':
      return planRemovingChange(operation, group);
    case 'confirm':
      return planConfirm(operation, group, begunBy);
    case 'destroy-source':
      return planDestroySource(operation, group);
    default:
      return unknownStep(operation);
  }
}

/**
 * A replica is made anew where it was: a node holds one replica of a set at a time, so the old one goes first,
 * and the rest is as in a move that has nobody to take out (docs/decisions/0009).
 */
export function planRepairInPlace(
  operation: Operation,
  group: GroupView,
  wanted: number,
): Decision {
  const decision = planReplicaRemoval(operation, group);
  if (operation.step !== 'destroy-source' || decision.type !== 'finish') return decision;
  if (operation.state === 'cancelling') return {type: 'finish', state: 'cancelled'};
  // Whoever is away meanwhile is healed like any that lacks a replica: elsewhere, or when it is back.
  const {sourceNode} = operation;
  const isLive = sourceNode !== undefined && group.isLive(sourceNode);
  const isLacking = group.set.replicas.length < wanted;
  if (!isLive || !isLacking) return decision;
  return {type: 'advance', step: 'create', targetNode: sourceNode};
}

export function planLeaderTransfer(operation: Operation, group: GroupView): Decision {
  const {target} = operation;
  if (target === undefined) return fail('no target');
  if (group.leader?.replica === target) return {type: 'finish', state: 'done'};
  if (operation.state === 'cancelling') return {type: 'finish', state: 'cancelled'};
  if (group.leader === undefined) return wait('a leader');
  if (!group.isVoter(target)) return fail(`replica ${target} is not a voter`);
  if (!group.isCaughtUp(target)) return wait(`replica ${target} to catch up`);
  return transfer(group, target);
}

function planCreate(operation: Operation, group: GroupView): Decision {
  const {set} = group;
  const placed = set.replicas.find(({node}) => node === operation.targetNode);
  if (placed !== undefined) return {type: 'advance', step: 'learner', target: placed.replica};
  if (operation.targetNode === undefined) return fail('no target node');
  return place(set, {add: [{node: operation.targetNode, role: 'learner'}]});
}

function planLearner(operation: Operation, group: GroupView): Decision {
  const target = operation.target!;
  if (group.isDamaged(target)) return damaged(target);
  if (group.leader === undefined) return wait('a leader');
  if (group.isMember(target)) return {type: 'advance', step: 'catch-up'};
  if (group.joint) return wait('the joint configuration to be left');
  const placed = group.placement(target);
  if (placed === undefined) return giveUp(`replica ${target} is not placed any more`);
  const away = planLeadAway(operation, group);
  if (away !== undefined) return away;
  // A member that does not exist yet would be a learner that answers "gone".
  if (group.report(placed) === undefined) return wait(`replica ${target} to be created`);
  return change(group, [{type: 'learner', id: target}], 'simple');
}

/** What is repaired and yet leads holds other rows than the rest: it must not send them on. */
function planLeadAway(operation: Operation, group: GroupView): Decision | undefined {
  const leader = group.leader?.replica;
  if (operation.kind !== 'repair' || leader === undefined || leader !== operation.source)
    return undefined;
  const other = group.successor(leader);
  return other && transfer(group, other.replica);
}

function planCatchUp(operation: Operation, group: GroupView, step: MemberStep): Decision {
  const target = operation.target!;
  if (group.isDamaged(target)) return damaged(target);
  if (group.leader === undefined) return wait('a leader');
  if (isLost(target, group)) return {type: 'advance', step: 'learner'};
  // It may have been elected again since the learner was added.
  const away = planLeadAway(operation, group);
  if (away !== undefined) return away;
  if (!group.isCaughtUp(target)) return wait(`replica ${target} to catch up`);
  const placed = group.placement(target);
  return {type: 'advance', step, transfer: placed && group.report(placed)?.received};
}

/** Last, so that what is cancelled before leaves the number as it was; and never fewer than were wanted. */
function planMoreWanted(set: ReplicaSet, wanted: number): Decision {
  const count = set.replicas.length;
  // It counts once the set is pinned, just before this is done, and never of the meta group.
  if (wanted >= count || set.replicasWanted === count) return {type: 'finish', state: 'done'};
  return place(set, {replicasWanted: count});
}

function planSwap(operation: Operation, group: GroupView): Decision {
  const source = operation.source!;
  const target = operation.target!;
  if (group.leader === undefined) return wait('a leader');
  if (group.joint) return planInsideJoint(source, target, group);
  if (!group.isMember(source)) return {type: 'advance', step: 'confirm'};
  if (group.isDamaged(target)) return damaged(target);
  if (isLost(target, group)) return {type: 'advance', step: 'learner'};
  // It was when this step began; both may have changed since.
  if (!group.isCaughtUp(target)) return wait(`replica ${target} to catch up`);
  if (group.isLearner(source)) return change(group, [{type: 'remove', id: source}], 'simple');
  const atRisk = majorityFault(group, {without: source, added: 1});
  if (atRisk !== undefined) return wait(`the other voters to answer: ${atRisk.message}`);
  const changes: MemberChange[] = [
    {type: 'voter', id: target},
    {type: 'remove', id: source},
  ];
  if (group.leader.replica !== source) return change(group, changes, 'joint');
  // The lead goes first, so that leaving the joint configuration deposes nobody.
  const successor = group.successor(source);
  if (successor !== undefined) return transfer(group, successor.replica);
  // A sole voter has no successor before the target votes: the lead moves inside the joint state.
  if (group.voters.length === 1) return change(group, changes, 'joint-explicit');
  return wait('another voter to catch up, since the leader is to go');
}

/** Somebody took it out of the members again: what the steps before did is not so any more. */
function isLost(target: ReplicaId, group: GroupView): boolean {
  return group.leader !== undefined && !group.joint && !group.isMember(target);
}

/** With auto-leave the leader leaves by itself; an explicit joint state is left by its new leader. */
function planInsideJoint(source: ReplicaId, target: ReplicaId, group: GroupView): Decision {
  if (group.leader!.configuration.autoLeave) return wait('the joint configuration to be left');
  if (group.leader!.replica !== source) return change(group, [], 'leave');
  if (!group.isCaughtUp(target)) return wait(`replica ${target} to catch up`);
  return transfer(group, target);
}

function planRemovingChange(operation: Operation, group: GroupView): Decision {
  const source = operation.source!;
  if (group.leader === undefined) return wait('a leader');
  if (group.joint) return planInsideJoint(source, group.voters[0] as ReplicaId, group);
  if (!group.isMember(source)) return {type: 'advance', step: 'confirm'};
  if (operation.state === 'cancelling') return takenBack(operation);
  if (group.isLearner(source)) return change(group, [{type: 'remove', id: source}], 'simple');
  if (group.voters.length === 1) return planSoleVoterRemoval(group, source);
  if (group.leader.replica === source) {
    const successor = group.successor(source);
    if (successor === undefined)
      return wait('another voter to catch up, since the leader is to go');
    return transfer(group, successor.replica);
  }
  return planVoterRemoval(operation, group, source);
}

/** It leads, and nobody else can before the heir votes: the lead moves inside the joint state. */
function planSoleVoterRemoval(group: GroupView, source: ReplicaId): Decision {
  // A learner that no placement names is on its way out.
  if (!group.set.replicas.some(({replica}) => group.isLearner(replica))) {
    const error = `replica ${source} is the last of replica set ${group.set.id}: move it instead`;
    return {type: 'finish', state: 'failed', error, code: 'LAST_COPY'};
  }
  const heir = group.readyLearner;
  if (heir === undefined) return wait('a learner to catch up');
  const changes: MemberChange[] = [
    {type: 'voter', id: heir},
    {type: 'remove', id: source},
  ];
  return change(group, changes, 'joint-explicit');
}

function planVoterRemoval(operation: Operation, group: GroupView, source: ReplicaId): Decision {
  const remove: MemberChange = {type: 'remove', id: source};
  const atRisk = majorityFault(group, {without: source, added: 0});
  if (atRisk !== undefined) return wait(`the other voters to answer: ${atRisk.message}`);
  const isAllowed = operation.allowFewerVoters === true;
  const fewer = isAllowed ? undefined : fewerVotersFault(group, source);
  const isRepair = operation.kind === 'repair';
  // Of an even number one less fails no sooner, and a learner in its place would keep them even. Of two the other
  // would be alone with what is written until then.
  const isEven = group.voters.length % 2 === 0;
  const isSpare = fewer === undefined && group.voters.length > 2;
  if (isEven && (isRepair || isAllowed || isSpare)) return change(group, [remove], 'simple');
  const learner = group.readyLearner;
  if (learner !== undefined) {
    return change(group, [{type: 'voter', id: learner}, remove], 'joint');
  }
  // A repair puts a new voter in its place at once; until then as many may fail as with the dead one.
  if (isRepair) return change(group, [remove], 'simple');
  if (fewer !== undefined) {
    // A leader that has just been elected, since this one was to go, knows of nobody yet how far it is.
    if (comingLearners(group).length > 0) return wait('a learner to catch up');
    return {type: 'finish', state: 'failed', error: fewer.message, code: fewer.code};
  }
  // It may hold all; one that is known to be behind is not waited for: fewer voters are allowed.
  if (unheardLearner(group) !== undefined) return wait(LEARNER_UNHEARD);
  const others = group.voters.filter((id) => id !== source && id !== group.leader!.replica);
  // Rather one that does not answer: as a voter it would be one of fewer.
  const second = others.find((id) => !isAnswering(group, id as ReplicaId)) ?? others[0];
  return change(group, [remove, {type: 'learner', id: second as ReplicaId}], 'joint');
}

/** One that may catch up, and of which the leader does not know how far it is. */
export function unheardLearner(group: GroupView): ReplicaPlacement | undefined {
  return comingLearners(group).find(({replica}) => group.isUnheard(replica));
}

/** Those that may catch up. */
function comingLearners(group: GroupView): ReplicaPlacement[] {
  return group.set.replicas.filter((placed) => {
    const {node, replica} = placed;
    const role = group.isLive(node) ? group.report(placed)?.role : undefined;
    const works = role !== undefined && role !== 'stopped' && !group.isDamaged(replica);
    return works && group.isLearner(replica);
  });
}

/** The group's own committed configuration is without the source; meta's wish follows it. */
function planConfirm(
  operation: Operation,
  group: GroupView,
  begunBy = operation.startedBy,
): Decision {
  const {set} = group;
  const source = operation.source!;
  if (group.placement(source) === undefined) return {type: 'advance', step: 'destroy-source'};
  if (group.leader === undefined) return wait('a leader');
  if (group.joint) return wait('the joint configuration to be left');
  if (group.isMember(source)) {
    // One that was no member yet, and became one by an order that was on its way: nobody else takes it out.
    const isRemoval = operation.targetNode === undefined;
    return isRemoval ? {type: 'advance', step: 'change'} : wait(`replica ${source} to leave`);
  }
  // A node that is emptied takes one away without anybody's having asked for fewer.
  const isAskedFor = operation.kind === 'remove-replica' && !isOfCluster(begunBy);
  return place(set, {
    remove: [source],
    roles: set.replicas
      .filter(({replica}) => replica !== source && group.isMember(replica))
      .map(({replica}) => ({replica, role: group.isVoter(replica) ? 'voter' : 'learner'})),
    replicasWanted: isAskedFor ? set.replicas.length - 1 : undefined,
  });
}

/** A dead node destroys it when it comes back: it reports a replica that no placement names. */
function planDestroySource(operation: Operation, group: GroupView): Decision {
  const replica = operation.source!;
  const node = operation.sourceNode;
  const gone =
    node === undefined || !group.isLive(node) || group.report({node, replica}) === undefined;
  if (gone) return {type: 'finish', state: 'done'};
  if (!group.isSettled) return wait('a majority to know for good that the source is out');
  return {type: 'act', action: {type: 'destroy-replica', node, set: group.set.id, replica}};
}

export function canRollBack(operation: Operation, group: GroupView): boolean {
  if (operation.step === 'confirm' || operation.step === 'destroy-source') return false;
  if (operation.step !== 'swap') return true;
  const source = operation.source!;
  return !group.joint && (group.leader === undefined || group.isMember(source));
}

function planRollback(operation: Operation, group: GroupView): Decision {
  const {set} = group;
  const placed = set.replicas.find(({node}) => node === operation.targetNode);
  if (placed === undefined) return takenBack(operation);
  // Before its step was saved nobody was told to take the target into the configuration.
  if (operation.step !== 'create') {
    if (group.leader === undefined) return wait('a leader');
    if (group.joint) return wait('the joint configuration to be left');
    if (group.isMember(placed.replica)) {
      return change(group, [{type: 'remove', id: placed.replica}], 'simple');
    }
  }
  return place(set, {remove: [placed.replica]});
}

/** What could not go on has failed, though it was taken back like one that was cancelled. */
function takenBack({errorCode}: Operation): Decision {
  return {type: 'finish', state: errorCode === undefined ? 'cancelled' : 'failed'};
}

function place(
  set: ReplicaSet,
  changes: Partial<Pick<SetPlacement, 'add' | 'remove' | 'roles' | 'replicasWanted'>>,
): Decision {
  const command: SetPlacement = {
    type: 'set-placement',
    set: set.id,
    expectedEpoch: set.epoch,
    add: changes.add ?? [],
    remove: changes.remove ?? [],
    roles: changes.roles ?? [],
    replicasWanted: changes.replicasWanted,
  };
  return {type: 'act', action: {type: 'propose', command}};
}

function change(
  group: GroupView,
  changes: readonly MemberChange[],
  mode: 'simple' | 'joint' | 'joint-explicit' | 'leave',
): Decision {
  const node = group.leaderNode;
  if (node === undefined) return wait('a leader');
  const expectedConfigIndex = group.configIndex;
  const set = group.set.id;
  return {
    type: 'act',
    action: {type: 'change-config', node, set, changes, mode, expectedConfigIndex},
  };
}

function transfer(group: GroupView, to: ReplicaId): Decision {
  const node = group.leaderNode;
  if (node === undefined) return wait('a leader');
  return {type: 'act', action: {type: 'transfer-leader', node, set: group.set.id, to}};
}

function wait(what: string): Decision {
  return {type: 'wait', for: what};
}

function fail(error: string): Decision {
  return {type: 'finish', state: 'failed', error, code: 'CONFLICT'};
}

function giveUp(error: string): Decision {
  return {type: 'give-up', error, code: 'CONFLICT'};
}

/** It will never catch up or vote, and as long as this goes on nobody else takes the place. */
function damaged(target: ReplicaId): Decision {
  return giveUp(`replica ${target}, which was to take its place, lost what it held`);
}

/** Saved by a newer build: it goes on when one runs again. */
function unknownStep(operation: Operation): Decision {
  return wait(`a build that knows the step ${operation.step}`);
}
