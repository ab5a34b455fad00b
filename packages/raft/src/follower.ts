// The receiving side: appends, heartbeats and snapshots from the leader of the current term.
// Laws: entries are discarded only on a conflict, never because an append is short or late; a commit
// index is taken only as far as this log is known to match the leader's; every answer to an append,
// refusals and retransmissions too, waits for the write that covers it. Paper section 5.3.

import type {Append, Heartbeat, SnapshotMessage} from './message.ts';
import {doubtProposals, forgetProposals} from './proposals.ts';
import {becomeFollower} from './roles.ts';
import type {GroupState} from './state.ts';

/** False if the sender cannot be this term's leader, since another is known. */
export function followLeader(state: GroupState, from: number): boolean {
  if (state.role === 'leader' || (state.leader !== 0 && state.leader !== from)) {
    state.badInput.conflict++;
    return false;
  }
  if (state.role !== 'follower') becomeFollower(state, state.term, from);
  state.leader = from;
  state.electionElapsed = 0;
  if (state.leaseReads) state.promiseUntilTick = state.ticks + state.timing.electionTicks;
  return true;
}

/** Requires message.term === state.term. */
export function stepAppend(state: GroupState, message: Append): void {
  if (!followLeader(state, message.from)) return;
  const {log} = state;
  const {prevIndex, prevTerm, entries} = message;
  if (prevIndex < log.commitIndex) {
    // Committed entries never change: say how far they go, so that the leader need not probe back.
    acceptAppend(state, message, log.commitIndex);
    return;
  }
  if (!log.matches(prevIndex, prevTerm)) {
    rejectAppend(state, message);
    return;
  }
  const firstNew = log.firstNew(entries);
  if (firstNew !== undefined) {
    if (firstNew <= log.lastIndex) {
      log.truncate(firstNew);
      doubtProposals(state, firstNew);
    }
    log.append(entries.slice(firstNew - prevIndex - 1));
  }
  const matchIndex = prevIndex + entries.length;
  log.commitTo(Math.min(message.commitIndex, matchIndex));
  acceptAppend(state, message, matchIndex);
}

function acceptAppend(
  state: GroupState,
  {from: to, session}: {from: number; session: number},
  index: number,
): void {
  const {id: from, term} = state;
  const {commitIndex} = state.log;
  state.gathered.afterWrite.push({
    type: 'appendReply',
    from,
    to,
    term,
    session,
    index,
    rejected: false,
    hintIndex: 0,
    hintTerm: 0,
    commitIndex,
  });
}

/** Names the last place where the logs may agree, skipping whole terms that cannot. */
function rejectAppend(state: GroupState, message: Append): void {
  const {id: from, term, log} = state;
  const {from: to, session, prevIndex, prevTerm} = message;
  const hint = log.findConflictByTerm(Math.min(prevIndex, log.lastIndex), prevTerm);
  state.gathered.afterWrite.push({
    type: 'appendReply',
    from,
    to,
    term,
    session,
    index: prevIndex,
    rejected: true,
    hintIndex: hint.index,
    hintTerm: hint.term,
    commitIndex: log.commitIndex,
  });
}

export function stepHeartbeat(state: GroupState, message: Heartbeat): void {
  if (!followLeader(state, message.from)) return;
  const {log} = state;
  if (message.commitIndex > log.lastIndex) {
    // The leader says this replica holds what it does not hold. Nothing is taken on its word.
    state.badInput.conflict++;
    return;
  }
  log.commitTo(message.commitIndex);
  const {id: from, term} = state;
  const {from: to, session, round} = message;
  const {commitIndex} = log;
  state.gathered.send.push({type: 'heartbeatReply', from, to, term, session, round, commitIndex});
}

export function stepSnapshot(state: GroupState, message: SnapshotMessage): void {
  if (!followLeader(state, message.from)) return;
  const {log} = state;
  const {snapshot} = message;
  if (snapshot.index <= log.commitIndex) {
    acceptAppend(state, message, log.commitIndex);
    return;
  }
  if (log.matches(snapshot.index, snapshot.term)) {
    // The entries are here: they are applied one by one, and newer ones stay.
    log.commitTo(snapshot.index);
    acceptAppend(state, message, log.commitIndex);
    return;
  }
  log.restore(snapshot);
  forgetProposals(state, snapshot.index);
  state.pendingSnapshot = snapshot;
  state.pendingSnapshotWrite = snapshot;
  acceptAppend(state, message, snapshot.index);
}

/** The host replaced the state machine. A later snapshot may already be on its way: then wait for it. */
export function stepSnapshotInstalled(state: GroupState, index: number): void {
  const {pendingSnapshot} = state;
  if (pendingSnapshot === undefined || pendingSnapshot.index !== index) return;
  state.pendingSnapshot = undefined;
  state.log.snapshotInstalled();
  const {configuration, configIndex} = pendingSnapshot;
  // The snapshot's members and no others: what this log said about them was never committed.
  state.configuration = configuration;
  state.configIndex = configIndex;
  state.configSeq = state.lastSeq;
  state.gathered.configurations.push({index, configuration});
}
