// What a leader may build on, as laws over its status and the ledger of what was said:
// 10 it was elected by the durable votes of a quorum, its own among them
// 11 it counts for a member what that member acknowledged in the present session, for itself its disk
// 12 it commits by an entry of its own term, held on the disks of a quorum (paper section 5.4.2)
// 13 what a quorum holds is committed, and who holds it is told, without waiting; where that may wait for
//    the next append, at the next tick, and at once of a change of members or of the leader
// 14 no member that it can reach waits: it is asked, streamed to, or in need of a snapshot
// 15 a joint configuration that is left by itself is being left
// 16 while it hands over leadership its log does not grow, and the target is called with the whole log
// 17 a leader that is no longer a voter leads until a quorum of the others knows of it
// 18 a read without a lease was confirmed by a quorum's answers to a round begun after it
// 19 a group rests only when every member that can be reached has everything

import {isJoint, isVoter} from '../configuration.ts';
import type {LabReplica} from '../lab/index.ts';
import type {TimeoutNow} from '../message.ts';
import type {Status} from '../status.ts';
import type {Ledger} from './ledger.ts';
import {agrees} from './majority.ts';

type Replicas = ReadonlyMap<number, LabReplica>;

/** What is wrong with a replica that has just begun to lead. */
export function electionFault(
  {id, term, configuration}: Status,
  ledger: Ledger,
): string | undefined {
  const isElected = agrees(configuration, (voter) => ledger.voteOf(voter, term) === id);
  return isElected ? undefined : `${id} leads term ${term} without the votes of a quorum`;
}

/** `before`: the same replica at the last look, leading the same term. */
export function leaderFault(
  status: Status,
  before: Status | undefined,
  ledger: Ledger,
  replicas: Replicas,
): string | undefined {
  return (
    countingFault(status, ledger, replicas) ??
    commitFault(status, before, replicas) ??
    waitingFault(status) ??
    transferFault(status, before)
  );
}

function countingFault(status: Status, ledger: Ledger, replicas: Replicas): string | undefined {
  const {id, term, progress} = status;
  for (const [member, {matchIndex, session}] of progress) {
    const holds =
      member === id
        ? replicas.get(id)!.disk.lastIndex
        : ledger.session(id, term, session).acknowledged;
    if (matchIndex > holds)
      return `leader ${id} counts ${matchIndex} for ${member}, which acknowledged ${holds}`;
  }
  return undefined;
}

function commitFault(
  status: Status,
  before: Status | undefined,
  replicas: Replicas,
): string | undefined {
  const {id, term, commitIndex, configuration} = status;
  const {group} = replicas.get(id)!;
  const commits = before !== undefined && commitIndex > before.commitIndex;
  if (commits && group.termAt(commitIndex) !== term)
    return `leader ${id} of term ${term} commits ${commitIndex}, an entry of an earlier term`;
  if (commits && !agrees(configuration, (voter) => isOnDisk(replicas, voter, commitIndex, term)))
    return `leader ${id} commits ${commitIndex} without a quorum of disks`;
  const held = heldByQuorum(status);
  if (held > commitIndex && group.termAt(held) === term)
    return `a quorum holds ${held}, and leader ${id} stays at ${commitIndex}`;
  return undefined;
}

function isOnDisk(replicas: Replicas, id: number, index: number, term: number): boolean {
  const disk = replicas.get(id)?.disk;
  if (disk === undefined) return false;
  if (index <= disk.snapshotIndex) return true;
  return disk.entries[index - disk.snapshotIndex - 1]?.term === term;
}

function heldByQuorum({configuration, progress}: Status): number {
  const matches = [...progress.values()].map(({matchIndex}) => matchIndex);
  const held = matches.filter((index) =>
    agrees(configuration, (id) => (progress.get(id)?.matchIndex ?? 0) >= index),
  );
  return Math.max(0, ...held);
}

function waitingFault({id, progress, firstIndex, ...status}: Status): string | undefined {
  for (const [member, {state, matchIndex}] of progress) {
    if (state === 'snapshot' && matchIndex + 1 >= firstIndex)
      return `${member} waits for a snapshot of ${id} and needs none`;
  }
  const {configuration, transferTo, configPending} = status;
  const leaves = isJoint(configuration) && configuration.autoLeave;
  if (leaves && transferTo === 0 && !configPending)
    return `leader ${id} does not leave the joint configuration`;
  return undefined;
}

function transferFault(
  {id, transferTo, lastIndex}: Status,
  before: Status | undefined,
): string | undefined {
  const goesOn = transferTo !== 0 && before?.transferTo === transferTo;
  if (goesOn && lastIndex > before.lastIndex)
    return `the log of ${id} grows while it hands over to ${transferTo}`;
  return undefined;
}

/** Requires the sender's status as the message leaves, its log no longer than when it was made. */
export function callFault({to}: TimeoutNow, {id, lastIndex, progress}: Status): string | undefined {
  const matchIndex = progress.get(to)?.matchIndex;
  if (matchIndex === undefined || matchIndex === lastIndex) return undefined;
  return `${id} calls ${to} to stand, which holds ${matchIndex} of ${lastIndex}`;
}

/** `before` led the same term. */
export function retirementFault(before: Status, now: Status, ledger: Ledger): string | undefined {
  const {id, configuration, configIndex} = now;
  if (isVoter(configuration, id)) return undefined;
  const isInformed = agrees(configuration, (voter) => {
    const session = before.progress.get(voter)?.session;
    return (
      session !== undefined && ledger.session(id, now.term, session).memberCommit >= configIndex
    );
  });
  return isInformed ? undefined : `${id} stops leading before a quorum knows of its removal`;
}

/**
 * A read without a lease, of its own, that a leader confirmed; `afterRound` had left when it began.
 * `looks`: the leader since its last output, under each configuration that was in force.
 */
export function readFault(
  looks: readonly Status[],
  afterRound: number,
  ledger: Ledger,
): string | undefined {
  const isConfirmed = looks.some(({id, term, configuration, progress}) =>
    agrees(configuration, (voter) => {
      const session = progress.get(voter)?.session;
      if (voter === id || session === undefined) return voter === id;
      return ledger.session(id, term, session).answeredRound > afterRound;
    }),
  );
  return isConfirmed ? undefined : 'a leader serves a read without the word of a quorum';
}

/**
 * Right after its output was taken: everything that may be sent has left. `mustKnow`: of which commit
 * index a member whose session that is must have been told by now.
 */
export function outputFault(
  status: Status,
  rests: boolean,
  ledger: Ledger,
  mustKnow: (session: number) => number,
): string | undefined {
  const {id, term, role, lastIndex, commitIndex} = status;
  if (role !== 'leader') return undefined;
  for (const [member, {state, reachable, paused, session}] of status.progress) {
    if (member === id || !reachable) continue;
    const {sentCommit, acknowledged, memberCommit} = ledger.session(id, term, session);
    if (state === 'probe' && !paused) return `leader ${id} asks ${member} nothing`;
    const due = mustKnow(session);
    if (state === 'replicate' && sentCommit < due)
      return `leader ${id} keeps commit ${due} from ${member}`;
    if (rests && (acknowledged < lastIndex || memberCommit < commitIndex))
      return `leader ${id} rests while ${member} lags`;
  }
  return undefined;
}
