// Campaigns and votes (paper sections 5.2 and 5.4.1; thesis sections 4.2.3 and 9.6).
// Laws: one vote per term, durable before it is told; a candidate's log must be as complete as the
// voter's; while a leader is in contact (check-quorum), nobody else's campaign is heard.

import {isVoter, membersOf} from './configuration.ts';
import type {PreVote, PreVoteReply, Vote, VoteReply} from './message.ts';
import {voteResult} from './quorum.ts';
import {becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate} from './roles.ts';
import {coveringSeq, type GroupState, isPromotable} from './state.ts';

type Committed = Pick<Vote, 'commitIndex' | 'commitTerm'>;

/** Starts an election if this replica may stand. Called by timer, host or (transfer) the leader. */
export function campaign(state: GroupState, {transfer}: {transfer: boolean}): void {
  if (state.role === 'leader' || !isPromotable(state) || isBarred(state)) return;
  if (!transfer && isPromised(state)) return;
  if (hasUnappliedConfig(state)) return;
  if (transfer || !state.preVote) campaignForVotes(state, transfer);
  else campaignForPreVotes(state);
}

/** A committed change of members that is not in force here: this replica might count the wrong quorum. */
function hasUnappliedConfig(state: GroupState): boolean {
  const {log} = state;
  // Before a snapshot that is being installed nothing is left to look at.
  const first = Math.max(log.appliedIndex, log.snapshotIndex) + 1;
  for (let index = first; index <= log.commitIndex; index++) {
    if (log.entryAt(index).type === 'config') return true;
  }
  return false;
}

function campaignForPreVotes(state: GroupState): void {
  becomePreCandidate(state);
  const {id: from, log} = state;
  const {lastIndex, lastTerm} = log;
  const asked = {from, term: state.term + 1, lastIndex, lastTerm, ...committedHere(state)};
  for (const to of votersToAsk(state)) state.gathered.send.push({type: 'preVote', to, ...asked});
  // A pre-vote promises nothing, so the own one needs no write.
  recordVote(state, from, true);
}

function campaignForVotes(state: GroupState, transfer: boolean): void {
  becomeCandidate(state);
  state.ownVoteSeq = coveringSeq(state);
  const {id: from, log, term} = state;
  const {lastIndex, lastTerm} = log;
  const asked = {from, term, lastIndex, lastTerm, transfer, ...committedHere(state)};
  for (const to of votersToAsk(state)) {
    // After the write: the log that the voters compare with must survive a crash, or a vote given to
    // a longer log could elect this replica with a shorter one.
    state.gathered.afterWrite.push({type: 'vote', to, ...asked});
  }
}

function votersToAsk(state: GroupState): number[] {
  const {configuration, id: own} = state;
  return membersOf(configuration).filter((id) => id !== own && isVoter(configuration, id));
}

/** The own vote counts once its write is durable, if it is still for the term at hand. */
export function countOwnVote(state: GroupState): void {
  if (state.role !== 'candidate' || state.votes.has(state.id)) return;
  if (state.persistedSeq >= state.ownVoteSeq) recordVote(state, state.id, true);
}

function recordVote(state: GroupState, from: number, granted: boolean): void {
  if (!state.votes.has(from)) state.votes.set(from, granted);
  const result = voteResult(state.configuration, state.votes);
  if (result === 'lost') becomeFollower(state, state.term, 0);
  if (result !== 'won') return;
  if (state.role === 'preCandidate') campaignForVotes(state, false);
  else becomeLeader(state);
}

/** Requires the same term as the candidate's: a reply to an earlier campaign never gets here. */
export function stepVoteReply(state: GroupState, message: VoteReply): void {
  if (learnCommit(state, message)) return;
  if (state.role === 'candidate') recordVote(state, message.from, message.granted);
}

export function stepPreVoteReply(state: GroupState, message: PreVoteReply): void {
  if (learnCommit(state, message) || state.role !== 'preCandidate') return;
  const expectedTerm = message.granted ? state.term + 1 : state.term;
  if (message.term === expectedTerm) recordVote(state, message.from, message.granted);
}

/** A restarted replica may have granted a lease before: not even a transfer frees it from that. */
export function isBarred(state: GroupState): boolean {
  return state.ticks < state.voteBarTick;
}

/** A leader may be serving reads on the strength of this replica's last answer. */
function isPromised(state: GroupState): boolean {
  return state.ticks < state.promiseUntilTick;
}

/**
 * Takes another's word for what is committed, where this log holds that very entry. True if a change of
 * members came with it: then this replica waits until it is in force instead of standing.
 */
function learnCommit(state: GroupState, {commitIndex = 0, commitTerm = 0}: Committed): boolean {
  if (state.role === 'leader' || !state.log.matches(commitIndex, commitTerm)) return false;
  if (!state.log.commitTo(commitIndex) || !hasUnappliedConfig(state)) return false;
  if (state.role !== 'follower') becomeFollower(state, state.term, 0);
  return true;
}

/** What this replica knows as committed, for its requests and answers. */
export function committedHere({log}: GroupState): Committed {
  return {commitIndex: log.commitIndex, commitTerm: log.termAt(log.commitIndex)};
}

/** Whether a live leader, or a promise that may outlive a restart, speaks against a campaign now. */
export function isBoundToLeader(state: GroupState): boolean {
  if (isBarred(state) || isPromised(state)) return true;
  if (!state.checkQuorum || state.leader === 0) return false;
  return state.electionElapsed < state.timing.electionTicks;
}

/** Requires message.term === state.term. A learner votes too: its promotion may not have reached it. */
export function stepVote(state: GroupState, message: Vote): void {
  learnCommit(state, message);
  const {from: to, lastIndex, lastTerm} = message;
  const free = state.vote === to || (state.vote === 0 && state.leader === 0);
  const kept = isBarred(state) || (!message.transfer && isPromised(state));
  const granted = free && !kept && state.log.isUpToDate(lastIndex, lastTerm);
  if (granted) {
    state.vote = to;
    state.electionElapsed = 0;
  }
  const {id: from, term} = state;
  state.gathered.afterWrite.push({
    type: 'voteReply',
    from,
    to,
    term,
    granted,
    ...committedHere(state),
  });
}

/**
 * Changes neither term nor vote, nor a follower's timer. One that asks for pre-votes itself stands back for
 * a rival that it would elect anyhow: both would win theirs, each vote for itself, and nobody lead.
 */
export function stepPreVote(state: GroupState, message: PreVote): void {
  learnCommit(state, message);
  const {from: to, lastIndex, lastTerm} = message;
  const kept = isBarred(state) || isPromised(state);
  const granted = message.term > state.term && !kept && state.log.isUpToDate(lastIndex, lastTerm);
  const term = granted ? message.term : state.term;
  const reply = {from: state.id, to, term, granted, ...committedHere(state)};
  state.gathered.afterWrite.push({type: 'preVoteReply', ...reply});
  if (granted && state.role === 'preCandidate' && goesFirst(state, message))
    becomeFollower(state, state.term, 0);
}

/** Of two that ask each other at once just one; requires that its log is as complete as the one here. */
function goesFirst({configuration, id, log}: GroupState, rival: PreVote): boolean {
  const isLonger = rival.lastIndex !== log.lastIndex || rival.lastTerm !== log.lastTerm;
  return isVoter(configuration, rival.from) && (isLonger || rival.from < id);
}
