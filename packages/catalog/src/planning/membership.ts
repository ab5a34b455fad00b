// The members of a set that no operation is changing: what its placement wants is brought into the
// group's configuration, and what the configuration became is brought back into the placement.
// Voters stay odd: two caught-up learners become voters in one joint change. But one of two beside a node that can
// take no replica yet is not left to hold alone what is acknowledged.

import type {ReplicaId} from '@flotilla/base';
import type {SetPlacement} from '../commands.ts';
import type {Node} from '../model.ts';
import type {Action, MemberChange} from './action.ts';
import type {GroupView} from './group-view.ts';

const VOTERS_MAX = 7;

/** The one next action on the set, or none. Requires an open set without a running operation. */
export function planMembership(group: GroupView): Action | undefined {
  if (group.leader === undefined) return undefined;
  if (group.joint) {
    // Left over from a cancelled or failed operation: nobody else would leave it.
    return group.leader.configuration.autoLeave ? undefined : change(group, [], 'leave');
  }
  return planStrangers(group) ?? planNewLearners(group) ?? planPromotion(group) ?? planRoles(group);
}

/**
 * A set is being healed while a learner of it is on its way to be a voter. One on a dead node, or of a set
 * that nobody leads, is on no way: it may stay so for ever, and nothing is sent to it.
 */
export function isHealing(group: GroupView): boolean {
  if (group.leader === undefined) return false;
  return group.set.replicas.some(
    ({node, replica, role}) =>
      role === 'learner' && group.isLive(node) && !group.isCaughtUp(replica),
  );
}

/** The command that gives the set more replicas, as learners, on nodes that hold none of it. */
export function planGrowth(
  group: GroupView,
  wanted: number,
  pick: (group: GroupView, count: number) => readonly Node[],
): Action | undefined {
  const {set} = group;
  const lacking = wanted - set.replicas.length;
  if (lacking <= 0 || group.leader === undefined || group.joint) return undefined;
  // It hands on nothing of what is damaged: a learner would wait for ever.
  if (group.isDamaged(group.leader.replica)) return undefined;
  const nodes = pick(group, lacking);
  if (nodes.length === 0) return undefined;
  return place(group, {add: nodes.map(({id}) => ({node: id, role: 'learner'}))});
}

/** Learners above the wanted number, which cancelled and overtaken operations leave behind. */
export function planShrinking(group: GroupView, wanted: number): Action | undefined {
  const {set} = group;
  if (group.leader === undefined || group.joint || set.replicas.length <= wanted) return undefined;
  const learners = set.replicas.filter(
    ({replica, role}) => role === 'learner' && !group.isVoter(replica),
  );
  // One that is dead or behind serves least; of those that are not, the youngest.
  const learner = learners.find(({replica}) => !group.isCaughtUp(replica)) ?? learners.at(-1);
  if (learner === undefined) return undefined;
  // First from the placement: a learner that is placed and no member would be taken back.
  return place(group, {remove: [learner.replica]});
}

/**
 * Two voters of two replicas, which a removal beside a repair leaves behind, fail with either of them: one
 * becomes a learner. Requires that no third replica is to come, however late, which would be a voter beside them.
 */
export function planOddVoters(group: GroupView): Action | undefined {
  const {set, voters} = group;
  if (group.leader === undefined || group.joint || voters.length % 2 === 1) return undefined;
  if (set.replicas.some(({replica}) => !group.isVoter(replica))) return undefined;
  const others = set.replicas.filter(({replica}) => replica !== group.leader!.replica);
  const behind = others.find(({replica}) => !group.isCaughtUp(replica)) ?? others.at(-1);
  return behind && change(group, [{type: 'learner', id: behind.replica}], 'simple');
}

/**
 * A sole voter beside a learner that holds all: both vote, so that what is acknowledged is on two disks. Either of
 * them stops the set then, as with three voters of which one is lost. Requires that a third replica is to come and
 * that no node takes it now: else two become voters at once.
 */
export function planSecondVoter(group: GroupView): Action | undefined {
  const {leader, readyLearner} = group;
  if (leader === undefined || group.joint || group.voters.length !== 1) return undefined;
  if (readyLearner === undefined || group.isDamaged(leader.replica)) return undefined;
  return change(group, [{type: 'voter', id: readyLearner}], 'simple');
}

/**
 * Members that no placement names: what a late order or a cancelled operation left behind. They go though
 * an operation runs on the set, too: it may wait for the very node that such a one still lives on. None of
 * its own is ever unplaced while it is a member.
 */
export function planStrangers(group: GroupView): Action | undefined {
  if (group.leader === undefined || group.joint) return undefined;
  const {configuration} = group.leader;
  const strangers = [...configuration.learners, ...configuration.voters].filter(
    (id) => group.placement(id as ReplicaId) === undefined,
  );
  const id = strangers[0] as ReplicaId | undefined;
  if (id === undefined || id === group.leader.replica) return undefined;
  return change(group, [{type: 'remove', id}], 'simple');
}

/** Of those that exist: a member that does not would answer "gone". */
function planNewLearners(group: GroupView): Action | undefined {
  const changes = group.set.replicas
    .filter((placed) => placed.role === 'learner' && !group.isMember(placed.replica))
    .filter((placed) => group.isLive(placed.node) && group.report(placed) !== undefined)
    .map(({replica}): MemberChange => ({type: 'learner', id: replica}));
  return changes.length === 0 ? undefined : change(group, changes, 'simple');
}

function planPromotion(group: GroupView): Action | undefined {
  const voters = group.voters.length;
  // One restores an odd number after a repair in place; otherwise they come in pairs.
  const needed = voters % 2 === 0 ? 1 : 2;
  if (voters + needed > VOTERS_MAX) return undefined;
  const ready = group.set.replicas
    .filter(({replica}) => group.isLearner(replica) && group.isCaughtUp(replica))
    .slice(0, needed)
    .map(({replica}): MemberChange => ({type: 'voter', id: replica}));
  if (ready.length < needed) return undefined;
  return change(group, ready, needed === 1 ? 'simple' : 'joint');
}

/**
 * The placement follows the group. A voter by placement that is no member was removed by a late order: it is
 * replaced, never taken back. Requires a leader and no joint configuration.
 */
export function planRoles(group: GroupView): Action | undefined {
  const {replicas} = group.set;
  const remove = replicas
    .filter(({replica, role}) => role === 'voter' && !group.isMember(replica))
    .map(({replica}) => replica);
  const roles = replicas
    .filter(({replica}) => group.isMember(replica))
    .map(({replica, role}) => ({
      replica,
      from: role,
      role: group.isVoter(replica) ? ('voter' as const) : ('learner' as const),
    }))
    .filter(({from, role}) => from !== role)
    .map(({replica, role}) => ({replica, role}));
  if (remove.length + roles.length === 0) return undefined;
  return place(group, {remove, roles});
}

function place(
  {set}: GroupView,
  changes: Partial<Pick<SetPlacement, 'add' | 'remove' | 'roles'>>,
): Action {
  return {
    type: 'propose',
    command: {
      type: 'set-placement',
      set: set.id,
      expectedEpoch: set.epoch,
      add: changes.add ?? [],
      remove: changes.remove ?? [],
      roles: changes.roles ?? [],
    },
  };
}

function change(
  group: GroupView,
  changes: readonly MemberChange[],
  mode: 'simple' | 'joint' | 'leave',
): Action | undefined {
  const node = group.leaderNode;
  if (node === undefined) return undefined;
  const expectedConfigIndex = group.configIndex;
  return {type: 'change-config', node, set: group.set.id, changes, mode, expectedConfigIndex};
}
