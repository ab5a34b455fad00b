// What has to be durable, as one numbered write per output, and what follows once it is: the leader's
// own acknowledgement and the candidate's own vote are counted here and nowhere else.

import {assert} from '@flotilla/base';
import {countOwnVote} from './election.ts';
import type {Message} from './message.ts';
import type {AfterWrite, Write} from './output.ts';
import {maybeCommit} from './replication.ts';
import {type GroupState, isWriteDue} from './state.ts';

export function takeWrite(state: GroupState): Write | undefined {
  if (!isWriteDue(state)) return undefined;
  const {term, vote, log} = state;
  const seq = ++state.lastSeq;
  const {entries, truncateFrom} = log.takeUnwritten(seq);
  const snapshot = state.pendingSnapshotWrite;
  const commit = log.commitIndex;
  state.pendingSnapshotWrite = undefined;
  state.writtenHard = {term, vote, commit};
  if (state.configSeq === Infinity) state.configSeq = seq;
  return {seq, term, vote, commit, truncateFrom, entries, snapshot};
}

/**
 * Requires takeWrite first. Acknowledgements wait for the last write although they may answer a
 * retransmission: the entries may be here and not be durable yet.
 */
export function takeAfterWrite(state: GroupState, send: Message[]): AfterWrite[] {
  const messages = state.gathered.afterWrite;
  if (messages.length === 0) return [];
  if (state.lastSeq > state.persistedSeq) return [{seq: state.lastSeq, messages}];
  for (const message of messages) send.push(message);
  return [];
}

export function stepPersisted(state: GroupState, seq: number): void {
  assert(seq <= state.lastSeq, () => `write ${seq} was never handed out`);
  if (seq <= state.persistedSeq) return;
  state.persistedSeq = seq;
  state.log.persisted(seq);
  countOwnVote(state);
  if (state.role !== 'leader') return;
  const own = state.progress.get(state.id);
  if (own?.matchTo(state.log.stableIndex)) maybeCommit(state);
}
