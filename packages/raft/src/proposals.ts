// The fate of what was proposed here. Every proposal ends: applied (the host sees its index and term),
// lost (overwritten, so it never happened), or unknown (this replica stopped leading and does not
// learn the outcome in time, or a snapshot jumped over it).

import type {PendingProposal} from './state.ts';
import {dropProposal, type GroupState} from './state.ts';

/** Long enough for one more election to decide, short enough for a client to wait. */
const UNKNOWN_AFTER_ELECTIONS = 2;

export function trackProposal(state: GroupState, proposalId: number, index: number): void {
  const proposed = {proposalId, index, term: state.term};
  state.gathered.proposed.push(proposed);
  state.pendingProposals.push({...proposed, deadlineTick: Number.MAX_SAFE_INTEGER});
}

/** Entries from `index` on were overwritten. */
export function loseProposals(state: GroupState, index: number): void {
  settle(state, (proposal) => (proposal.index >= index ? 'lost' : undefined));
}

/** A snapshot covers everything up to `index`; what followed in this log is overwritten. */
export function forgetProposals(state: GroupState, index: number): void {
  settle(state, (proposal) => (proposal.index > index ? 'lost' : 'unknown'));
}

export function expireProposals(state: GroupState): void {
  settle(state, (proposal) => (proposal.deadlineTick <= state.ticks ? 'unknown' : undefined));
}

export function settleApplied(state: GroupState, index: number): void {
  const {pendingProposals} = state;
  let count = 0;
  while (count < pendingProposals.length && pendingProposals[count]!.index <= index) count++;
  if (count > 0) pendingProposals.splice(0, count);
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
