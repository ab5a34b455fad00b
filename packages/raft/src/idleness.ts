// When a host may stop ticking a group: nothing is under way that time would have to move on. Members
// that the host knows to be gone keep nobody awake.

import {isCaughtUp} from './replication.ts';
import {isRetiring} from './roles.ts';
import {type GroupState, isPromotable} from './state.ts';
import {isQuorumReachable} from './tick.ts';

export function isIdle(state: GroupState): boolean {
  const {log, leader} = state;
  if (state.lastSeq > state.persistedSeq) return false;
  if (state.pendingReads.length > 0 || state.pendingProposals.length > 0) return false;
  if (state.role === 'leader') return isLeaderIdle(state);
  if (state.role !== 'follower') return false;
  // It may have much to apply still: its leader, which knows only that it holds all, sleeps meanwhile, and
  // by its own ticks it would depose one that is well.
  if (leader !== 0 && state.pendingSnapshot === undefined) return true;
  if (log.appliedIndex < log.commitIndex) return false;
  return leader !== 0 || state.manualFailover || !isPromotable(state);
}

function isLeaderIdle(state: GroupState): boolean {
  // A lease runs by ticks: without them it would never end.
  if (state.leaseReads || state.transferTo !== 0 || isRetiring(state)) return false;
  if (state.log.appliedIndex < state.log.lastIndex) return false;
  if (!isQuorumReachable(state)) return false;
  for (const [id, progress] of state.progress) {
    if (id === state.id || !progress.reachable) continue;
    if (progress.state !== 'replicate' || !isCaughtUp(state, progress)) return false;
  }
  return true;
}
