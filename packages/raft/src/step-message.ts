// A message meets the term first (paper section 5.1), then its handler. The special cases are those
// of pre-vote and check-quorum: a pre-vote never raises a term, a live leader's followers do not hear
// campaigns, and a leader of an old term is told, or a member that moved ahead would be stuck.

import {
  campaign,
  committedHere,
  isBarred,
  isBoundToLeader,
  stepPreVote,
  stepPreVoteReply,
  stepVote,
  stepVoteReply,
} from './election.ts';
import {stepAppend, stepHeartbeat, stepSnapshot} from './follower.ts';
import {stepAppendReply, stepHeartbeatReply} from './leader.ts';
import type {Message} from './message.ts';
import {stepReadIndexMessage, stepReadIndexReply} from './read-index.ts';
import {becomeFollower} from './roles.ts';
import type {GroupState} from './state.ts';
import {isWellFormed} from './validation.ts';

export function stepMessage(state: GroupState, message: Message): void {
  if (!isWellFormed(message, state.id)) {
    state.badInput.malformed++;
    return;
  }
  if (message.term > state.term && !meetHigherTerm(state, message)) return;
  // A refused campaign of this term or an older one is answered, so that its sender learns the term.
  if (message.term < state.term) meetLowerTerm(state, message);
  else dispatch(state, message);
}

/** Adopts the term, unless the message may not raise it. False: the message is to be ignored. */
function meetHigherTerm(state: GroupState, message: Message): boolean {
  switch (message.type) {
    case 'vote':
      if (isBarred(state) || (!message.transfer && isBoundToLeader(state))) return false;
      becomeFollower(state, message.term, 0);
      return true;
    case 'preVote':
      return !isBoundToLeader(state);
    case 'preVoteReply':
      // Granted, it carries the term that was asked for, which nobody has yet.
      if (!message.granted) becomeFollower(state, message.term, 0);
      return true;
    case 'append':
    case 'heartbeat':
    case 'snapshot':
      becomeFollower(state, message.term, message.from);
      return true;
    default:
      becomeFollower(state, message.term, 0);
      return true;
  }
}

function meetLowerTerm(state: GroupState, message: Message): void {
  const {id: from, term} = state;
  const {from: to} = message;
  const refusal = {from, to, term, granted: false, ...committedHere(state)};
  switch (message.type) {
    case 'append':
    case 'heartbeat':
    case 'snapshot':
      state.gathered.afterWrite.push({
        type: 'appendReply',
        from,
        to,
        term,
        session: message.session,
        index: 0,
        rejected: true,
        hintIndex: 0,
        hintTerm: 0,
        commitIndex: 0,
      });
      return;
    case 'vote':
      state.gathered.afterWrite.push({type: 'voteReply', ...refusal});
      return;
    case 'preVote':
      state.gathered.afterWrite.push({type: 'preVoteReply', ...refusal});
      return;
    default:
      return; // A reply to what this replica was in an earlier term.
  }
}

function dispatch(state: GroupState, message: Message): void {
  switch (message.type) {
    case 'append':
      stepAppend(state, message);
      break;
    case 'appendReply':
      stepAppendReply(state, message);
      break;
    case 'heartbeat':
      stepHeartbeat(state, message);
      break;
    case 'heartbeatReply':
      stepHeartbeatReply(state, message);
      break;
    case 'vote':
      stepVote(state, message);
      break;
    case 'voteReply':
      stepVoteReply(state, message);
      break;
    case 'preVote':
      stepPreVote(state, message);
      break;
    case 'preVoteReply':
      stepPreVoteReply(state, message);
      break;
    case 'snapshot':
      stepSnapshot(state, message);
      break;
    case 'timeoutNow':
      stepTimeoutNow(state, message.from);
      break;
    case 'readIndex':
      stepReadIndexMessage(state, message);
      break;
    case 'readIndexReply':
      stepReadIndexReply(state, message);
      break;
  }
}

/** Only the leader that this replica follows may call it to stand. */
function stepTimeoutNow(state: GroupState, from: number): void {
  if (state.role === 'follower' && state.leader === from) campaign(state, {transfer: true});
}
