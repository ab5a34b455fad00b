// Handing leadership to a chosen voter (thesis section 3.10): refuse proposals, let the target catch
// up, tell it to campaign at once. Given up after an election timeout, or when the target's node is gone.

import {isVoter} from './configuration.ts';
import {maybeAutoLeave} from './membership.ts';
import {abortTransfer} from './roles.ts';
import type {GroupState} from './state.ts';

export function stepTransferLeader(state: GroupState, to: number): void {
  if (state.role === 'leader' && state.transferTo === to) return;
  const progress = state.progress.get(to);
  const fit = isVoter(state.configuration, to) && to !== state.id;
  // Who waits for a snapshot holds the whole log no sooner than the transfer would be given up.
  const mayCatchUp = progress?.reachable === true && progress.state !== 'snapshot';
  if (state.role !== 'leader' || !fit || !mayCatchUp) {
    state.gathered.transfers.push({to, outcome: 'refused'});
    return;
  }
  abortTransfer(state);
  state.transferTo = to;
  state.transferElapsed = 0;
  progress.probeDue = true;
  state.flushDue = true;
  maybeSendTimeoutNow(state, to);
}

/** Nobody takes it over: proposals are taken again. */
export function giveUpTransfer(state: GroupState): void {
  abortTransfer(state);
  maybeAutoLeave(state);
}

/** Tells the target, once it holds the whole log; again at its next replies, as messages get lost. */
export function maybeSendTimeoutNow(state: GroupState, from: number): void {
  if (state.transferTo !== from || state.role !== 'leader') return;
  if (state.progress.get(from)?.match !== state.log.lastIndex) return;
  // The target may campaign whenever this arrives, even after the transfer was given up.
  state.leaseVoid = true;
  state.gathered.send.push({type: 'timeoutNow', from: state.id, to: from, term: state.term});
}
