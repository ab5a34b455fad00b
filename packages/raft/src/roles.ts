// The changes of role, and all that begins anew with them (paper section 5.1; etcd/raft becomeX).
// Law: the term never goes back, and the vote is forgotten only together with the term.

import {assert} from '@flotilla/base';
import {membersOf} from './configuration.ts';
import {EMPTY_PAYLOAD, entryBytes} from './entry.ts';
import type {Role} from './output.ts';
import {Progress} from './progress.ts';
import {limitProposals} from './proposals.ts';
import {dropPendingReads} from './read-index.ts';
import {appendOwn} from './replication.ts';
import {drawTimeout, type GroupState, isVoterHere} from './state.ts';

export function becomeFollower(state: GroupState, term: number, leader: number): void {
  if (state.role === 'leader') limitProposals(state);
  reset(state, 'follower', term);
  state.leader = leader;
  // After the new leader is known, so that who asked is told where to go.
  dropPendingReads(state);
}

/** Asks whether an election could be won; touches neither term nor vote (thesis section 9.6). */
export function becomePreCandidate(state: GroupState): void {
  assert(state.role !== 'leader', 'a leader does not campaign');
  reset(state, 'preCandidate', state.term);
  dropPendingReads(state);
}

export function becomeCandidate(state: GroupState): void {
  assert(state.role !== 'leader', 'a leader does not campaign');
  reset(state, 'candidate', state.term + 1);
  state.vote = state.id;
  dropPendingReads(state);
}

export function becomeLeader(state: GroupState): void {
  assert(state.role === 'candidate', () => `${state.role} became leader`);
  reset(state, 'leader', state.term);
  state.leader = state.id;
  for (const id of membersOf(state.configuration)) addProgress(state, id);
  state.uncommittedBytes = tailBytes(state);
  // An entry of the own term, so that earlier ones can commit (paper section 8). No configuration
  // change before it is applied: an earlier one may lie in the tail, or be decided elsewhere.
  const noop = appendOwn(state, 'noop', EMPTY_PAYLOAD);
  state.pendingConfigIndex = noop.index;
}

/** Takes a member on, with nothing known about its log. */
export function addProgress(state: GroupState, id: number): void {
  const own = id === state.id;
  const progress = new Progress({
    session: ++state.lastSession,
    next: state.log.lastIndex + 1,
    reachable: own || !state.unreachable.has(id),
  });
  progress.unreachableSinceRound = state.round;
  if (own) progress.becomeOwn(state.log.stableIndex);
  state.progress.set(id, progress);
  state.flushDue = true;
}

/** Ends a transfer that did not happen. */
export function abortTransfer(state: GroupState): void {
  if (state.transferTo === 0) return;
  state.gathered.transfers.push({to: state.transferTo, outcome: 'aborted'});
  state.transferTo = 0;
}

function reset(state: GroupState, role: Role, term: number): void {
  assert(term >= state.term, () => `term goes back from ${state.term} to ${term}`);
  if (term > state.term) {
    state.term = term;
    state.vote = 0;
  }
  // A transfer that ends in another's election succeeded as far as this leader can tell.
  state.transferTo = 0;
  state.isUndecided = role === 'candidate' || (role === 'preCandidate' && state.isUndecided);
  state.role = role;
  state.leader = 0;
  state.electionElapsed = 0;
  state.heartbeatElapsed = 0;
  state.electionTimeout = drawTimeout(state.random, state.timing);
  state.votes.clear();
  state.progress.clear();
  state.pendingConfigIndex = 0;
  state.uncommittedBytes = 0;
  state.leaseVoid = false;
  state.roundClocks = [];
  state.leaseUntil = Number.NEGATIVE_INFINITY;
}

function tailBytes(state: GroupState): number {
  const {log} = state;
  let bytes = 0;
  for (let index = log.commitIndex + 1; index <= log.lastIndex; index++) {
    bytes += entryBytes(log.entryAt(index));
  }
  return bytes;
}

/**
 * A leader that the configuration in force no longer counts. It proposes nothing more, but leads until
 * a quorum of the others knows of the change: whoever does not may need the vote of this replica, whose
 * log may be the longer one, and which may not stand itself.
 */
export function isRetiring(state: GroupState): boolean {
  return state.role === 'leader' && !isVoterHere(state);
}
