// What was said: votes told, entries acknowledged, rounds answered, commit indexes passed on. Nobody
// may count on anything that is not here. A session of replication is told apart by leader and term,
// since each process counts its sessions from 1 and leads no term twice.

import type {Message} from '../message.ts';

interface Session {
  /** Highest index that the member acknowledged. */
  acknowledged: number;
  /** Highest commit index that the member told of. */
  memberCommit: number;
  /** Highest round that the member answered. */
  answeredRound: number;
  /** Highest commit index that the leader sent with an append. */
  sentCommit: number;
}

export class Ledger {
  readonly #sessions = new Map<string, Session>();
  /** By term: whom each voter gave its vote. */
  readonly #votes = new Map<number, Map<number, number>>();
  /** By "leader/term", the last round that left. */
  readonly #rounds = new Map<string, number>();
  /** By "member/term", the highest index acknowledged to that term's leader. */
  readonly #acknowledged = new Map<string, number>();

  sent(message: Message): void {
    const {type, from, to, term} = message;
    if (type === 'voteReply' && message.granted) this.voted(from, term, to);
    else if (type === 'appendReply') this.#replied(message);
    else if (type === 'heartbeat') this.#rounds.set(`${from}/${term}`, message.round);
    else if (type === 'heartbeatReply') {
      const session = this.session(to, term, message.session);
      session.answeredRound = Math.max(session.answeredRound, message.round);
      session.memberCommit = Math.max(session.memberCommit, message.commitIndex);
    } else if (type === 'append') {
      const session = this.session(from, term, message.session);
      session.sentCommit = Math.max(session.sentCommit, message.commitIndex);
    }
  }

  #replied(message: Extract<Message, {type: 'appendReply'}>): void {
    const {from, to, term, index, rejected, commitIndex} = message;
    const session = this.session(to, term, message.session);
    session.memberCommit = Math.max(session.memberCommit, commitIndex);
    if (rejected) return;
    session.acknowledged = Math.max(session.acknowledged, index);
    const key = `${from}/${term}`;
    this.#acknowledged.set(key, Math.max(this.#acknowledged.get(key) ?? 0, index));
  }

  voted(voter: number, term: number, candidate: number): void {
    const votes = this.#votes.get(term) ?? new Map<number, number>();
    votes.set(voter, candidate);
    this.#votes.set(term, votes);
  }

  voteOf(voter: number, term: number): number | undefined {
    return this.#votes.get(term)?.get(voter);
  }

  lastRound(leader: number, term: number): number {
    return this.#rounds.get(`${leader}/${term}`) ?? 0;
  }

  acknowledgedIn(term: number, member: number): number {
    return this.#acknowledged.get(`${member}/${term}`) ?? 0;
  }

  session(leader: number, term: number, session: number): Session {
    const key = `${leader}/${term}/${session}`;
    let found = this.#sessions.get(key);
    if (found === undefined) {
      found = {acknowledged: 0, memberCommit: 0, answeredRound: 0, sentCommit: 0};
      this.#sessions.set(key, found);
    }
    return found;
  }
}
