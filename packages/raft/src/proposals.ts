// The fate of what was proposed here. Every proposal ends: applied (the host sees its index and term),
// lost (another entry is committed in its place, so it never happens), or unknown (this replica stopped
// leading and does not learn the outcome in time, or a snapshot jumped over it). That it was overwritten
// here says nothing yet: whoever still has it may be elected before what took its place is committed.

import type {PendingProposal} from './state.ts';
import {dropProposal, type GroupState} from './state.ts';

/** Long enough for one more election to decide, short enough for a client to wait. */
const UNKNOWN_AFTER_ELECTIONS = 2;

export function trackProposal(state: GroupState, proposalId: number, index: number): void {
  const proposed = {proposalId, index, term: state.term};
  state.gathered.proposed.push(proposed);
  state.pendingProposals.push({...proposed, deadlineTick: Number.MAX_SAFE_INTEGER});
}

/** Entries from `index` on are gone from this log. */
export function doubtProposals(state: GroupState, index: number): void {
  state.hasDoubts ||= state.pendingProposals.some((proposal) => proposal.index >= index);
}

/** A snapshot covers everything up to `index`; what followed is gone from this log. */
export function forgetProposals(state: GroupState, index: number): void {
  settle(state, (proposal) => (proposal.index <= index ? 'unknown' : undefined));
  doubtProposals(state, index);
}

/**
 * Before what is committed is handed out to be applied, so that nobody takes it for what he proposed. An
 * entry of a later term that is committed rules out what came before it as well as what stands in its place.
 */
export function loseProposals(state: GroupState): void {
  if (!state.hasDoubts) return;
  const {log} = state;
  const {commitIndex} = log;
  const committedTerm = log.termAt(commitIndex) ?? 0;
  const isElsewhere = ({index, term}: PendingProposal): boolean => !log.matches(index, term);
  settle(state, (proposal) => {
    const isDecided = proposal.index <= commitIndex || proposal.term < committedTerm;
    return isDecided && isElsewhere(proposal) ? 'lost' : undefined;
  });
  state.hasDoubts = state.pendingProposals.some(isElsewhere);
}

export function expireProposals(state: GroupState): void {
  settle(state, (proposal) => (proposal.deadlineTick <= state.ticks ? 'unknown' : undefined));
}

export function settleApplied(state: GroupState, index: number): void {
  const {pendingProposals} = state;
  let count = 0;
  while (count < pendingProposals.length && pendingProposals[count]!.index <= index) count++;
  if (count > 0) pendingProposals.splice(0, count);
  // In the order of their indexes, but for those of an earlier time as leader.
  if (state.hasDoubts)
    state.pendingProposals = pendingProposals.filter((proposal) => proposal.index > index);
}

/** This replica stops leading: from now on it only waits to hear what became of its proposals. */
export function limitProposals(state: GroupState): void {
  const deadlineTick = state.ticks + UNKNOWN_AFTER_ELECTIONS * state.timing.electionTicks;
  for (const proposal of state.pendingProposals) {
    proposal.deadlineTick = Math.min(proposal.deadlineTick, deadlineTick);
  }
}

function settle(
  state: GroupState,
  fateOf: (proposal: PendingProposal) => 'lost' | 'unknown' | undefined,
): void {
  if (state.pendingProposals.length === 0) return;
  state.pendingProposals = state.pendingProposals.filter((proposal) => {
    const fate = fateOf(proposal);
    if (fate !== undefined) dropProposal(state, proposal.proposalId, fate);
    return fate === undefined;
  });
}
