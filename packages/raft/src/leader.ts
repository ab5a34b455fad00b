// The leader's side of replies, and what its host reports about members. Paper section 5.3; flow
// states as in etcd/raft stepLeader. Replies of an ended session, or from who is no member, are void.

import type {SnapshotMeta} from './entry.ts';
import {maybeRetire} from './membership.ts';
import type {AppendReply, HeartbeatReply} from './message.ts';
import type {Progress} from './progress.ts';
import {confirmReads} from './read-index.ts';
import {maybeCommit} from './replication.ts';
import type {GroupState} from './state.ts';
import {giveUpTransfer, maybeSendTimeoutNow} from './transfer.ts';

function progressOf(
  state: GroupState,
  {from, session}: {from: number; session: number},
): Progress | undefined {
  if (state.role !== 'leader') return undefined;
  const progress = state.progress.get(from);
  if (progress?.session === session) {
    progress.recentlyActive = true;
    return progress;
  }
  state.badInput.staleSession++;
  return undefined;
}

export function stepAppendReply(state: GroupState, message: AppendReply): void {
  const progress = progressOf(state, message);
  if (progress === undefined) return;
  if (message.index > state.log.lastIndex) {
    state.badInput.conflict++;
    return;
  }
  progress.knownCommit = Math.max(progress.knownCommit, message.commitIndex);
  if (message.rejected) retreat(state, progress, message);
  else advance(state, message.from, progress, message.index);
  maybeRetire(state);
}

/** The follower skipped its terms that cannot match; skip ours that cannot match what it has there. */
function retreat(state: GroupState, progress: Progress, message: AppendReply): void {
  const {hintIndex, hintTerm} = message;
  const hint = hintTerm > 0 ? state.log.findConflictByTerm(hintIndex, hintTerm).index : hintIndex;
  if (progress.retreat(message.index, hint)) state.flushDue = true;
}

function advance(state: GroupState, from: number, progress: Progress, index: number): void {
  const learned = progress.matchTo(index);
  if (progress.state === 'probe') {
    if (!learned && index !== progress.match) return;
    becomeReplicate(state, progress);
  } else if (progress.state === 'snapshot') {
    // Whatever brought it there, it now continues our log: any snapshot will do.
    if (!learned || progress.match + 1 < state.log.firstIndex) return;
    becomeReplicate(state, progress);
  } else {
    progress.inflights.free(index);
  }
  state.flushDue = true;
  if (learned) maybeCommit(state);
  maybeSendTimeoutNow(state, from);
}

/** What was committed while it was behind is told at once, wherever else that may wait. */
function becomeReplicate(state: GroupState, progress: Progress): void {
  progress.becomeReplicate();
  if (progress.sentCommit < state.log.commitIndex) progress.probeDue = true;
}

export function stepHeartbeatReply(state: GroupState, message: HeartbeatReply): void {
  const progress = progressOf(state, message);
  if (progress === undefined || message.round > state.round) return;
  if (message.round > progress.ackedRound) {
    progress.ackedRound = message.round;
    progress.knownCommit = message.commitIndex;
    confirmReads(state);
  }
  if (!progress.reachable && message.round > progress.unreachableSinceRound) {
    markReachable(state, message.from, progress);
  }
  // Sent although the window may be full: all of it may be lost, and only this tells.
  if (progress.match < state.log.lastIndex || progress.state === 'probe') {
    progress.paused = false;
    progress.probeDue = true;
    state.flushDue = true;
  }
  maybeSendTimeoutNow(state, message.from);
  maybeRetire(state);
}

/** The transport may have lost something: find out what, instead of streaming on. */
export function stepUnreachable(state: GroupState, id: number): void {
  const progress = state.progress.get(id);
  if (progress?.state !== 'replicate' || id === state.id) return;
  progress.becomeProbe();
  progress.probeDue = true;
  state.flushDue = true;
}

export function stepReachable(state: GroupState, id: number, reachable: boolean): void {
  if (id === state.id) return;
  if (reachable) state.unreachable.delete(id);
  else state.unreachable.add(id);
  const progress = state.progress.get(id);
  if (progress === undefined) return;
  if (reachable) {
    markReachable(state, id, progress);
    return;
  }
  progress.reachable = false;
  progress.recentlyActive = false;
  progress.unreachableSinceRound = state.round;
  if (progress.state === 'replicate') progress.becomeProbe();
  if (state.transferTo === id) giveUpTransfer(state);
}

function markReachable(state: GroupState, id: number, progress: Progress): void {
  state.unreachable.delete(id);
  progress.reachable = true;
  progress.recentlyActive = true;
  // It may have restarted: its log is as durable as before, its commit index may not be.
  progress.knownCommit = 0;
  // What it refused before a restart it may take now.
  progress.snapshotFailures = 0;
  if (progress.state !== 'snapshot') progress.becomeProbe();
  progress.probeDue = true;
  state.flushDue = true;
}

export function stepSnapshotReady(state: GroupState, to: number, snapshot: SnapshotMeta): void {
  const progress = state.progress.get(to);
  if (progress?.state !== 'snapshot') return;
  progress.pendingSnapshot = snapshot.index;
  const {id: from, term} = state;
  const {session} = progress;
  state.gathered.send.push({type: 'snapshot', from, to, term, session, snapshot});
}

/**
 * Failed: probe again after the next heartbeat reply, never at once, and ask for the next one later each
 * time, or a broken path would spin.
 */
export function stepSnapshotSent(state: GroupState, to: number, ok: boolean): void {
  const progress = state.progress.get(to);
  if (progress?.state !== 'snapshot') return;
  progress.snapshotFailures = ok ? 0 : progress.snapshotFailures + 1;
  if (!ok) progress.pendingSnapshot = 0;
  progress.becomeProbe();
  progress.paused = true;
  progress.probeDue = true;
}
