// What the groups of a host did since it was opened, counted for all of them together: a series per
// group would be as many as the cluster has.

import {DurationHistogram} from '@flotilla/base';
import type {Message, RoleChange} from '@flotilla/raft';

type MessageType = Message['type'];
export type MessageCounts = Record<MessageType, number>;

export class HostCounts {
  electionsStarted = 0;
  /** A term got a leader that this replica knows of. */
  leaderChanges = 0;
  proposalsDropped = 0;
  snapshotsSent = 0;
  snapshotsReceived = 0;
  readonly messagesSent = noMessages();
  readonly messagesReceived = noMessages();
  /** From `propose` to the beginning of apply, of entries that were proposed here. */
  readonly commit = new DurationHistogram();
  /** Of one entry into its state machine. */
  readonly apply = new DurationHistogram();

  /** @param ledTerm the last term of which the replica knew a leader. */
  roleChanged(before: RoleChange, now: RoleChange, ledTerm: number): void {
    if (isElection(before, now)) this.electionsStarted += 1;
    if (now.leader !== 0 && now.term !== ledTerm) this.leaderChanges += 1;
  }
}

/** A replica alone leads in the very turn in which it stands; a candidate may stand again, in a new term. */
function isElection(before: RoleChange, now: RoleChange): boolean {
  if (now.role === 'follower') return false;
  if (before.role === 'follower') return true;
  return before.role === 'candidate' && now.role === 'candidate' && now.term > before.term;
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
