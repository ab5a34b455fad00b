// What the groups of a host did since it was opened, counted for all of them together: a series per
// group would be as many as the cluster has.

import {DurationHistogram} from '@flotilla/base';
import type {Message, RoleChange} from '@flotilla/raft';

/** What made a replica stand for leader; `timer`: nobody told it anything, its leader fell silent. */
export const ELECTION_CAUSES = [
  'timer',
  'first_leader',
  'node_silent',
  'connection_lost',
  'node_restarted',
  'thread_stalled',
  'leader_resigned',
  'transferred',
  'ordered',
] as const;

export type ElectionCause = (typeof ELECTION_CAUSES)[number];

type MessageType = Message['type'];
export type MessageCounts = Record<MessageType, number>;

/**
 * What is proposed: a share of a write; what else a replica set is told by an entry (deletes, the fates of
 * tables, checksums); a command of the meta group; a change of members.
 */
export type ProposalKind = 'write' | 'control' | 'meta' | 'members';

export interface AppliedProposal {
  readonly kind: ProposalKind;
  readonly proposedMs: number;
}

export class HostCounts {
  readonly electionsStarted = noElections();
  /** A term got a leader that this replica knows of. */
  leaderChanges = 0;
  proposalsDropped = 0;
  snapshotsSent = 0;
  snapshotsReceived = 0;
  readonly messagesSent = noMessages();
  readonly messagesReceived = noMessages();
  /** From the proposal to the end of apply, of what was proposed here. */
  readonly propose: Readonly<Record<ProposalKind, DurationHistogram>> = {
    write: new DurationHistogram(),
    control: new DurationHistogram(),
    meta: new DurationHistogram(),
    members: new DurationHistogram(),
  };
  /** The same of writes alone, to the beginning of apply. */
  readonly commit = new DurationHistogram();
  /** Of one entry into its state machine. */
  readonly apply = new DurationHistogram();

  proposalApplied({kind, proposedMs}: AppliedProposal, beganMs: number, endedMs: number): void {
    this.propose[kind].observeMs(endedMs - proposedMs);
    if (kind === 'write') this.commit.observeMs(beganMs - proposedMs);
  }

  roleChanged(
    before: RoleChange,
    now: RoleChange,
    /** `ledTerm`: the last of which the replica knew a leader. */
    {ledTerm, electionCause}: {readonly ledTerm: number; readonly electionCause: ElectionCause},
  ): void {
    if (isElection(before, now)) this.electionsStarted[electionCause] += 1;
    if (now.leader !== 0 && now.term !== ledTerm) this.leaderChanges += 1;
  }
}

/** Whatever caused them. */
export function electionsOf({electionsStarted}: Pick<HostCounts, 'electionsStarted'>): number {
  return Object.values(electionsStarted).reduce((sum, each) => sum + each, 0);
}

/** A replica alone leads in the very turn in which it stands; a candidate may stand again, in a new term. */
function isElection(before: RoleChange, now: RoleChange): boolean {
  if (now.role === 'follower') return false;
  if (before.role === 'follower') return true;
  return before.role === 'candidate' && now.role === 'candidate' && now.term > before.term;
}

function noElections(): Record<ElectionCause, number> {
  const counts = ELECTION_CAUSES.map((cause) => [cause, 0] as const);
  return Object.fromEntries(counts) as Record<ElectionCause, number>;
}

function noMessages(): MessageCounts {
  return {
    append: 0,
    appendReply: 0,
    vote: 0,
    voteReply: 0,
    preVote: 0,
    preVoteReply: 0,
    heartbeat: 0,
    heartbeatReply: 0,
    snapshot: 0,
    timeoutNow: 0,
    readIndex: 0,
    readIndexReply: 0,
  };
}
