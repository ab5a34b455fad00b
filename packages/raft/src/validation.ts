// What another node sends may be anything that decodes. A message that fails here is dropped and
// counted; behind this file every message is well-formed (not: true).

import {configurationFault, isMemberId} from './configuration.ts';
import type {Entry, SnapshotMeta} from './entry.ts';
import type {Append, AppendReply, Message, Vote} from './message.ts';

type Committed = Pick<Vote, 'commitIndex' | 'commitTerm'>;

export function isWellFormed(message: Message, ownId: number): boolean {
  if (message.to !== ownId || !isMemberId(message.from) || message.from === ownId) return false;
  return isCount(message.term) && isBodyWellFormed(message);
}

function isBodyWellFormed(message: Message): boolean {
  switch (message.type) {
    case 'append':
      return isCount(message.session) && isAppendWellFormed(message);
    case 'appendReply':
      return isReplyWellFormed(message);
    case 'vote':
    case 'preVote':
      if (!isCount(message.lastIndex) || !isCount(message.lastTerm)) return false;
      return message.term > 0 && isCommittedWellFormed(message);
    case 'heartbeat':
    case 'heartbeatReply':
      return [message.session, message.commitIndex, message.round].every(isCount);
    case 'snapshot':
      return isCount(message.session) && isSnapshotWellFormed(message.snapshot, message.term);
    case 'readIndex':
      return Number.isSafeInteger(message.readId);
    case 'readIndexReply':
      return Number.isSafeInteger(message.readId) && isCount(message.index);
    case 'voteReply':
    case 'preVoteReply':
      return isCommittedWellFormed(message);
    case 'timeoutNow':
      return true;
    default:
      return false; // A type of a newer version.
  }
}

function isReplyWellFormed(reply: AppendReply): boolean {
  const {session, index, hintIndex, hintTerm, commitIndex} = reply;
  return [session, index, hintIndex, hintTerm, commitIndex].every(isCount);
}

function isCommittedWellFormed({commitIndex = 0, commitTerm = 0}: Committed): boolean {
  return isCount(commitIndex) && isCount(commitTerm);
}

function isAppendWellFormed(message: Append): boolean {
  const {prevIndex, prevTerm, commitIndex, entries} = message;
  if (!isCount(prevIndex) || !isCount(prevTerm) || !isCount(commitIndex)) return false;
  let before: Pick<Entry, 'index' | 'term'> = {index: prevIndex, term: prevTerm};
  for (const entry of entries) {
    if (entry.index !== before.index + 1 || !isCount(entry.term)) return false;
    if (entry.term < before.term || entry.term > message.term) return false;
    before = entry;
  }
  return Number.isSafeInteger(before.index);
}

function isSnapshotWellFormed(snapshot: SnapshotMeta, term: number): boolean {
  if (!isCount(snapshot.index) || !isCount(snapshot.term) || snapshot.term > term) return false;
  if (!isCount(snapshot.configIndex) || snapshot.configIndex > snapshot.index) return false;
  return configurationFault(snapshot.configuration) === undefined;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
