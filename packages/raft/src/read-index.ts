// Linearizable reads without a log entry (thesis section 6.4). A read takes the leader's commit index
// and waits until a quorum has answered a heartbeat round begun after the read came: then nobody else
// led before that. Rounds are counted, so one number per member confirms any number of reads, and a
// joint quorum is the same sum as for commits. Before the first commit of its term a leader's commit
// index may be behind: reads wait for it.

import type {ReadIndex, ReadIndexReply} from './message.ts';
import {committedIndex} from './quorum.ts';
import {broadcastHeartbeats, canServeReads} from './replication.ts';
import {dropRead, type GroupState, type PendingRead} from './state.ts';

/** Bounds a read's life in elections: a quorum that is there answers within one. */
const READ_DEADLINE_ELECTIONS = 2;

export function stepReadIndex(state: GroupState, readId: number): void {
  if (state.role === 'leader') {
    parkRead(state, state.id, readId);
    return;
  }
  if (state.leader === 0) {
    dropRead(state, readId, 'not-leader');
    return;
  }
  parkRead(state, state.id, readId);
  const {id: from, leader: to, term} = state;
  state.gathered.send.push({type: 'readIndex', from, to, term, readId});
}

/**
 * A follower's read. Requires the same term. Who has to wait for a snapshot could not serve it for long:
 * whoever reads there is better off here.
 */
export function stepReadIndexMessage(state: GroupState, message: ReadIndex): void {
  const {from, readId} = message;
  const mayServe = state.role === 'leader' && state.progress.get(from)?.state !== 'snapshot';
  if (mayServe) parkRead(state, from, readId);
  else answerRead(state, {from, readId, index: 0});
}

export function stepReadIndexReply(state: GroupState, message: ReadIndexReply): void {
  if (state.role === 'leader' || message.from !== state.leader) return;
  const {readId, index} = message;
  const at = state.pendingReads.findIndex((read) => read.readId === readId);
  if (at === -1) return;
  state.pendingReads.splice(at, 1);
  if (index === 0) dropRead(state, readId, 'not-leader');
  else state.gathered.reads.push({readId, index});
}

function parkRead(state: GroupState, from: number, readId: number): void {
  const deadlineTick = state.ticks + READ_DEADLINE_ELECTIONS * state.timing.electionTicks;
  state.pendingReads.push({from, readId, deadlineTick, round: 0, index: 0});
}

export function hasReadsToStart(state: GroupState): boolean {
  return canServeReads(state) && state.pendingReads.at(-1)?.round === 0;
}

/**
 * Gives every waiting read the commit index of now, and all of them one round. Once per output, so
 * that reads that came together share it.
 */
export function startReads(state: GroupState, clockTicks: number | undefined): void {
  if (!hasReadsToStart(state)) return;
  const byLease = holdsLease(state, clockTicks);
  const round = byLease ? state.round : state.round + 1;
  for (const read of state.pendingReads) {
    if (read.round !== 0) continue;
    read.round = round;
    read.index = state.log.commitIndex;
  }
  if (byLease) {
    releaseReads(state, round);
    return;
  }
  broadcastHeartbeats(state);
  confirmReads(state); // A sole voter is its own quorum.
}

/** Answers the reads whose round a quorum has acknowledged. */
export function confirmReads(state: GroupState): void {
  const acked = new Map<number, number>();
  for (const [id, progress] of state.progress) acked.set(id, progress.ackedRound);
  acked.set(state.id, state.round);
  const round = committedIndex(state.configuration, acked);
  extendLease(state, round);
  releaseReads(state, round);
}

function releaseReads(state: GroupState, round: number): void {
  if (!state.pendingReads.some((read) => isConfirmed(read, round))) return;
  state.pendingReads = state.pendingReads.filter((read) => {
    if (!isConfirmed(read, round)) return true;
    answerRead(state, read);
    return false;
  });
}

function isConfirmed(read: PendingRead, round: number): boolean {
  return read.round !== 0 && read.round <= round;
}

function answerRead(
  state: GroupState,
  {from, readId, index}: Pick<PendingRead, 'from' | 'readId' | 'index'>,
): void {
  if (from === state.id) {
    state.gathered.reads.push({readId, index});
    return;
  }
  const {id, term} = state;
  state.gathered.send.push({type: 'readIndexReply', from: id, to: from, term, readId, index});
}

/** The role or leader changed: what was asked of the old one is void. */
export function dropPendingReads(state: GroupState): void {
  const reads = state.pendingReads;
  state.pendingReads = [];
  for (const read of reads) {
    if (read.from === state.id) dropRead(state, read.readId, 'not-leader');
    else answerRead(state, {from: read.from, readId: read.readId, index: 0});
  }
}

export function expireReads(state: GroupState): void {
  const {ticks} = state;
  if (!state.pendingReads.some((read) => read.deadlineTick <= ticks)) return;
  state.pendingReads = state.pendingReads.filter((read) => {
    if (read.deadlineTick > ticks) return true;
    if (read.from === state.id) dropRead(state, read.readId, 'timeout');
    else answerRead(state, {from: read.from, readId: read.readId, index: 0});
    return false;
  });
}

/** Begins the lease that a round earns, at the clock of the output that the round leaves with. */
export function stampRounds(state: GroupState, clockTicks: number | undefined): void {
  if (!state.leaseReads || clockTicks === undefined || state.role !== 'leader') return;
  const stamped = state.roundClocks.at(-1)?.round ?? 0;
  if (state.round > stamped) state.roundClocks.push({round: state.round, clockTicks});
}

/**
 * Followers that answered keep their promise for a whole timeout of their ticks. The first of these may
 * come at once, so one does not count; a quarter is left for unequal clocks.
 */
function extendLease(state: GroupState, round: number): void {
  const {roundClocks} = state;
  let begun: number | undefined;
  while (roundClocks.length > 0 && roundClocks[0]!.round <= round) {
    begun = roundClocks.shift()!.clockTicks;
  }
  if (begun === undefined) return;
  // From when the round was sent: its answers say nothing about later.
  const until = begun + ((state.timing.electionTicks - 1) * 3) / 4;
  state.leaseUntil = Math.max(state.leaseUntil, until);
}

/** By the monotonic clock of this very output: ticks that a stall swallowed have passed all the same. */
function holdsLease(state: GroupState, clockTicks: number | undefined): boolean {
  if (!state.leaseReads || state.role !== 'leader' || clockTicks === undefined) return false;
  return !state.leaseVoid && state.transferTo === 0 && clockTicks < state.leaseUntil;
}
