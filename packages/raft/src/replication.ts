// The leader's sending side: appends within each member's window, heartbeats, and the commit rule.
// What is due is only marked while stepping; one flush per output sends it, so that proposals and a
// new commit index share a message. Paper sections 5.3 and 5.4; etcd/raft maybeSendAppend.

import {assert} from '@flotilla/base';
import type {Entry, EntryType} from './entry.ts';
import {entryBytes} from './entry.ts';
import type {Progress} from './progress.ts';
import {committedIndex} from './quorum.ts';
import {type GroupState, hasCommittedInTerm} from './state.ts';

/** Appends to the own log. Requires leadership. */
export function appendOwn(state: GroupState, type: EntryType, payload: Uint8Array): Entry {
  assert(state.role === 'leader', 'only a leader appends');
  const entry = {term: state.term, index: state.log.lastIndex + 1, type, payload};
  state.log.append([entry]);
  state.uncommittedBytes += entryBytes(entry);
  state.flushDue = true;
  return entry;
}

/**
 * Commits what a joint majority holds durably. Only an entry of the own term is counted; those before
 * it come along (paper figure 8).
 */
export function maybeCommit(state: GroupState): boolean {
  const match = new Map<number, number>();
  for (const [id, progress] of state.progress) match.set(id, progress.match);
  const index = committedIndex(state.configuration, match);
  if (index <= state.log.commitIndex || !state.log.matches(index, state.term)) return false;
  const isAwaited = releaseUncommitted(state, index);
  state.log.commitTo(index);
  state.flushDue = true;
  if (isAwaited) tellCommit(state);
  return true;
}

/** Whether others wait for one of the entries: a change of members, or of the leader, to be in force. */
function releaseUncommitted(state: GroupState, uptoIndex: number): boolean {
  let isAwaited = false;
  for (let index = state.log.commitIndex + 1; index <= uptoIndex; index++) {
    const entry = state.log.entryAt(index);
    state.uncommittedBytes -= entryBytes(entry);
    isAwaited ||= entry.type !== 'normal';
  }
  return isAwaited;
}

/** Sends all that is due and allowed, to members in ascending order. */
export function flushAppends(state: GroupState): void {
  if (!state.flushDue) return;
  state.flushDue = false;
  if (state.role !== 'leader') return;
  sendAppends(state, {mayCommitWait: state.timing.commitWaits === true});
}

/** A commit index that no append took along goes by itself. Requires leadership. */
export function tellCommit(state: GroupState): void {
  if (state.timing.commitWaits === true) sendAppends(state, {mayCommitWait: false});
}

function sendAppends(state: GroupState, how: {readonly mayCommitWait: boolean}): void {
  for (const [id, progress] of state.progress) {
    if (id === state.id) continue;
    while (sendAppend(state, id, progress, how)) progress.probeDue = false;
  }
}

/** One append, if one is due. An empty one carries a probe or a new commit index. */
function sendAppend(
  state: GroupState,
  to: number,
  progress: Progress,
  {mayCommitWait}: {readonly mayCommitWait: boolean},
): boolean {
  if (progress.paused || progress.state === 'snapshot' || !progress.reachable) return false;
  const {log} = state;
  const prevIndex = progress.next - 1;
  const prevTerm = log.termAt(prevIndex);
  if (prevTerm === undefined) {
    becomeSnapshot(state, to, progress);
    return false;
  }
  const entries = sendableEntries(state, progress);
  const commitDue = progress.state === 'replicate' && progress.sentCommit < log.commitIndex;
  const isEmptyDue = progress.probeDue || (commitDue && !mayCommitWait);
  if (entries.length === 0 && !isEmptyDue) return false;
  sendEntries(state, to, progress, {prevIndex, prevTerm, entries});
  return true;
}

function sendEntries(
  state: GroupState,
  to: number,
  progress: Progress,
  append: {prevIndex: number; prevTerm: number; entries: readonly Entry[]},
): void {
  const {id: from, term} = state;
  const {session} = progress;
  const {commitIndex} = state.log;
  state.gathered.send.push({type: 'append', from, to, term, session, ...append, commitIndex});
  progress.sentCommit = Math.max(progress.sentCommit, commitIndex);
  const last = append.entries.at(-1);
  if (progress.state === 'probe') {
    progress.paused = true;
  } else if (last !== undefined) {
    progress.next = last.index + 1;
    progress.inflights.add(last.index, bytesOf(append.entries));
  }
}

function isWindowFull(state: GroupState, progress: Progress): boolean {
  const {inflightMessagesMax, inflightBytesMax} = state.limits;
  const {count, bytes} = progress.inflights;
  return count >= inflightMessagesMax || bytes >= inflightBytesMax;
}

/** What the window lets out; nothing while the payloads are being read from the stored log. */
function sendableEntries(state: GroupState, progress: Progress): Entry[] {
  const {log, limits} = state;
  if (progress.next > log.lastIndex) return [];
  if (progress.state === 'replicate' && isWindowFull(state, progress)) return [];
  if (progress.next >= log.cachedFrom) {
    return log.slice(progress.next, log.lastIndex, limits.messageBytesMax);
  }
  // A probe asks first whether the logs match; only what will be taken is worth a disk read.
  if (progress.state === 'replicate' && progress.readingFrom === 0) {
    progress.readingFrom = progress.next;
    state.gathered.needEntries.push({
      firstIndex: progress.next,
      lastIndex: log.cachedFrom - 1,
      bytesMax: limits.messageBytesMax,
    });
  }
  return [];
}

/** Payloads read from the stored log go to whoever waited for them, and are not kept. */
export function stepEntriesRead(
  state: GroupState,
  firstIndex: number,
  entries: readonly Entry[] | undefined,
): void {
  for (const [id, progress] of state.progress) {
    if (progress.readingFrom !== firstIndex) continue;
    progress.readingFrom = 0;
    // A failed read is tried again at the member's next heartbeat reply, never in a tight loop.
    if (entries === undefined || entries.length === 0) continue;
    sendRead(state, id, progress, entries);
    state.flushDue = true;
  }
}

function sendRead(
  state: GroupState,
  to: number,
  progress: Progress,
  entries: readonly Entry[],
): void {
  const {log} = state;
  if (entries[0]!.index !== progress.next || !progress.reachable || progress.paused) return;
  if (progress.state === 'snapshot' || isWindowFull(state, progress)) return;
  const prevIndex = progress.next - 1;
  const prevTerm = log.termAt(prevIndex);
  // The log was cut while it was being read: the flush that follows asks for a snapshot.
  if (prevTerm === undefined) return;
  for (const [offset, entry] of entries.entries()) {
    assert(
      entry.index === progress.next + offset && log.matches(entry.index, entry.term),
      () => `the stored log has (${entry.index}, ${entry.term}) out of place`,
    );
  }
  sendEntries(state, to, progress, {prevIndex, prevTerm, entries});
}

/** In elections: so long at most after a failed transfer the next is asked for. */
const SNAPSHOT_PAUSE_ELECTIONS_MAX = 4;

/** What it needs is gone. It is asked for at once, unless transfers have failed before. */
function becomeSnapshot(state: GroupState, to: number, progress: Progress): void {
  progress.becomeSnapshot();
  progress.snapshotAskTicks = snapshotPauseTicks(state, progress.snapshotFailures);
  if (progress.snapshotAskTicks === 0) askSnapshot(state, to, progress);
}

/**
 * Twice as long each time: making a snapshot may take a flush, and a member whose disk is full refuses all
 * of them. One that fails by chance is tried again with the next heartbeat. Spread, as the groups of a
 * member that takes a few at a time would all ask at once, and leave it idle between.
 */
function snapshotPauseTicks({timing, random}: GroupState, failures: number): number {
  if (failures < 2) return 0;
  const {heartbeatTicks, electionTicks} = timing;
  const ticksMax = SNAPSHOT_PAUSE_ELECTIONS_MAX * electionTicks;
  const half = Math.ceil(Math.min(heartbeatTicks * 2 ** (failures - 1), ticksMax) / 2);
  return half + random.below(half + 1);
}

function askSnapshot(state: GroupState, to: number, progress: Progress): void {
  progress.snapshotAskTicks = state.timing.electionTicks;
  state.gathered.wantSnapshot.push({to});
}

/** Asks again for a snapshot that the host has not delivered. */
export function tickSnapshotAsk(state: GroupState, to: number, progress: Progress): void {
  if (progress.state !== 'snapshot' || progress.pendingSnapshot > 0 || !progress.reachable) return;
  if (--progress.snapshotAskTicks > 0) return;
  askSnapshot(state, to, progress);
}

/** Opens a round: one heartbeat to each member. Unreachable ones get it too, as their only probe. */
export function broadcastHeartbeats(state: GroupState): void {
  state.round++;
  state.heartbeatElapsed = 0;
  const {id: from, term, round} = state;
  for (const [to, progress] of state.progress) {
    if (to === from) continue;
    const {session} = progress;
    const commitIndex = Math.min(progress.match, state.log.commitIndex);
    state.gathered.send.push({type: 'heartbeat', from, to, term, session, commitIndex, round});
  }
}

/** A member that holds everything, as far as entries and commit index go. */
export function isCaughtUp(state: GroupState, progress: Progress): boolean {
  const {lastIndex, commitIndex} = state.log;
  return progress.match === lastIndex && progress.knownCommit >= commitIndex;
}

export function canServeReads(state: GroupState): boolean {
  return state.role === 'leader' && hasCommittedInTerm(state);
}

function bytesOf(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry);
  return bytes;
}
