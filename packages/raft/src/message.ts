// Messages between replicas of one group: plain objects, fit for any wire. Every message carries the
// sender's term, except a pre-vote and its granted reply, which carry the term asked for.
// Paper figure 2; thesis sections 3, 4.2.1 (timeoutNow), 6.4 (readIndex), 9.6 (pre-vote).

import type {Entry, SnapshotMeta} from './entry.ts';

interface Envelope {
  readonly from: number;
  readonly to: number;
  readonly term: number;
}

/**
 * Replication messages carry the session of the leader's Progress for that member; the reply echoes
 * it. A reply to a session that ended (member removed and added again) is void.
 */
interface Session extends Envelope {
  readonly session: number;
}

export interface Append extends Session {
  readonly type: 'append';
  readonly prevIndex: number;
  readonly prevTerm: number;
  readonly entries: readonly Entry[];
  readonly commitIndex: number;
}

export interface AppendReply extends Session {
  readonly type: 'appendReply';
  /** Accepted: the log matches the leader's up to here. Rejected: the `prevIndex` that was refused. */
  readonly index: number;
  readonly rejected: boolean;
  /** Rejected: the highest index at which the logs may still agree, and its term here (0: none). */
  readonly hintIndex: number;
  readonly hintTerm: number;
  /** The follower's commit index, so that the leader knows when there is nothing left to tell. */
  readonly commitIndex: number;
}

/**
 * What the sender knows as committed, by index and term. Whose log holds that entry takes it as
 * committed: in a vote's reply a candidate, which may have missed a change of members that voters with
 * longer logs know of, and who are no longer members may not stand themselves; in its request a voter
 * with the longer log, which may not stand before it knows of the change that makes it a member.
 */
interface Committed extends Envelope {
  readonly commitIndex?: number | undefined;
  readonly commitTerm?: number | undefined;
}

export interface Vote extends Committed {
  readonly type: 'vote';
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** Asked for by the leader itself (timeoutNow): granted although there is a leader. */
  readonly transfer: boolean;
}

export interface VoteReply extends Committed {
  readonly type: 'voteReply';
  readonly granted: boolean;
}

export interface PreVote extends Committed {
  readonly type: 'preVote';
  readonly lastIndex: number;
  readonly lastTerm: number;
}

/** Granted: `term` is the future term that was asked for. Refused: the sender's own term. */
export interface PreVoteReply extends Committed {
  readonly type: 'preVoteReply';
  readonly granted: boolean;
}

export interface Heartbeat extends Session {
  readonly type: 'heartbeat';
  /** At most what this member is known to hold, so that it may be taken at its word. */
  readonly commitIndex: number;
  /** The leader's round counter: a reply proves leadership at a time after the round began. */
  readonly round: number;
}

export interface HeartbeatReply extends Session {
  readonly type: 'heartbeatReply';
  readonly round: number;
  readonly commitIndex: number;
}

/**
 * Metadata only. The receiving host steps it once the contents are staged whole and verified; the
 * group then answers with a write that switches to them, or with a plain reply if they are not needed.
 */
export interface SnapshotMessage extends Session {
  readonly type: 'snapshot';
  readonly snapshot: SnapshotMeta;
}

export interface TimeoutNow extends Envelope {
  readonly type: 'timeoutNow';
}

export interface ReadIndex extends Envelope {
  readonly type: 'readIndex';
  readonly readId: number;
}

/** `index` 0: the leader cannot answer; ask again. */
export interface ReadIndexReply extends Envelope {
  readonly type: 'readIndexReply';
  readonly readId: number;
  readonly index: number;
}

/** Every type of message, by its name. */
export const MESSAGE_TYPES: readonly Message['type'][] = [
  'append',
  'appendReply',
  'heartbeat',
  'heartbeatReply',
  'preVote',
  'preVoteReply',
  'vote',
  'voteReply',
  'timeoutNow',
  'snapshot',
  'readIndex',
  'readIndexReply',
];

export type Message =
  | Append
  | AppendReply
  | Vote
  | VoteReply
  | PreVote
  | PreVoteReply
  | Heartbeat
  | HeartbeatReply
  | SnapshotMessage
  | TimeoutNow
  | ReadIndex
  | ReadIndexReply;
