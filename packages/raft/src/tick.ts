// Logical time: election timers, heartbeats, the check of the quorum, and the end of what waits.

import {campaign} from './election.ts';
import {expireProposals, limitProposals} from './proposals.ts';
import {voteResult} from './quorum.ts';
import {expireReads} from './read-index.ts';
import {broadcastHeartbeats, tellCommit, tickSnapshotAsk} from './replication.ts';
import {becomeFollower, isRetiring} from './roles.ts';
import {type GroupState, isSoleVoter} from './state.ts';
import {giveUpTransfer} from './transfer.ts';

export function stepTick(state: GroupState): void {
  state.ticks++;
  expireReads(state);
  expireProposals(state);
  if (state.role === 'leader') tickLeader(state);
  else tickElection(state);
}

function tickElection(state: GroupState): void {
  state.electionElapsed++;
  // The timeout lets a leader be heard and keeps candidates apart: a sole voter has neither. Once it
  // stands it does wait: a disk slower than a tick must not make it begin anew with each.
  const waits = state.role !== 'follower' || !isSoleVoter(state);
  if (waits && state.electionElapsed < state.electionTimeout) return;
  // Nobody begins by himself; but whoever has raised the term must not leave it behind without a leader:
  // the one before steps down when it hears of it, perhaps much later.
  if (state.manualFailover && !state.isUndecided) return endOrder(state);
  // The timer begins again only with a campaign that takes place: a replica that may not stand must
  // not count a silent leader as alive for another round, or it would refuse its vote for ever.
  campaign(state, {transfer: false});
}

/** An order to stand that too few answered leaves nothing behind: no answer that comes later elects. */
function endOrder(state: GroupState): void {
  if (state.role === 'preCandidate') becomeFollower(state, state.term, 0);
}

function tickLeader(state: GroupState): void {
  state.electionElapsed++;
  if (state.electionElapsed >= state.timing.electionTicks) {
    state.electionElapsed = 0;
    if (!isRetiring(state) && !isQuorumActive(state)) {
      // Whoever may lead on without a quorum still owes an answer to those that wait for one.
      if (!state.checkQuorum) limitProposals(state);
      else return becomeFollower(state, state.term, 0);
    }
  }
  tickTransfer(state);
  for (const [id, progress] of state.progress) {
    if (id !== state.id) tickSnapshotAsk(state, id, progress);
  }
  tellCommit(state);
  state.heartbeatElapsed++;
  if (state.heartbeatElapsed >= state.timing.heartbeatTicks) broadcastHeartbeats(state);
}

function tickTransfer(state: GroupState): void {
  if (state.transferTo === 0) return;
  state.transferElapsed++;
  if (state.transferElapsed < state.timing.electionTicks) return;
  giveUpTransfer(state);
}

/** Whether a quorum was heard of since the last check. */
function isQuorumActive(state: GroupState): boolean {
  const active = new Map<number, boolean>();
  for (const [id, progress] of state.progress) {
    active.set(id, id === state.id || (progress.recentlyActive && progress.reachable));
    progress.recentlyActive = false;
  }
  return voteResult(state.configuration, active) === 'won';
}

/** A quorum of members whose nodes are alive, as far as the host has said. */
export function isQuorumReachable(state: GroupState): boolean {
  const reachable = new Map<number, boolean>();
  for (const [id, progress] of state.progress) reachable.set(id, progress.reachable);
  return voteResult(state.configuration, reachable) === 'won';
}
