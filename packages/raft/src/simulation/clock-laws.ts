// Laws of time, each by the ticks that one process has seen:
// 20 with check-quorum a leader without a quorum's answers steps down in two election timeouts, and one
//    that a quorum answered in the last does not
// 21 a voter that hears of no leader stands within two election timeouts: only a leader's word and a
//    granted vote begin its wait anew
// 22 with check-quorum no campaign but the leader's own is heard while a leader is in contact
// 23 a transfer is given up after an election timeout

import {isVoter} from '../configuration.ts';
import type {Message} from '../message.ts';
import type {Status} from '../status.ts';
import {agrees} from './majority.ts';

const FROM_LEADER = new Set<Message['type']>(['append', 'heartbeat', 'snapshot']);

/** One process. */
export class ClockLaws {
  ticks = 0;
  readonly #electionTicks: number;
  readonly #checkQuorum: boolean;
  /** When its wait for a leader began: at the latest, and at the earliest. */
  #quietSince = 0;
  #contactAt = 0;
  /** By session of replication, when its member was last heard. */
  readonly #heard = new Map<number, number>();
  #transferSince = 0;
  /** Of the present configuration. */
  #membersSince = 0;
  #before: Status;

  constructor(
    {electionTicks, checkQuorum}: {electionTicks: number; checkQuorum: boolean},
    status: Status,
  ) {
    this.#electionTicks = electionTicks;
    this.#checkQuorum = checkQuorum;
    this.#before = status;
  }

  /** After each step of the process, of whatever kind. */
  stepped(now: Status): void {
    const before = this.#before;
    this.#before = now;
    if (now.role !== before.role || now.term !== before.term) {
      this.#quietSince = this.ticks;
      this.#contactAt = this.ticks;
      this.#heard.clear();
    }
    if (now.configIndex !== before.configIndex) this.#membersSince = this.ticks;
    if (now.transferTo !== before.transferTo) this.#transferSince = this.ticks;
    for (const {session} of now.progress.values())
      if (!this.#heard.has(session)) this.#heard.set(session, this.ticks);
  }

  /** The host says that the member's node is there, which counts as an answer. */
  reported(id: number): void {
    const session = this.#before.progress.get(id)?.session;
    if (session !== undefined) this.#heard.set(session, this.ticks);
  }

  received(message: Message, now: Status): string | undefined {
    const before = this.#before;
    const isBound =
      before.leader !== 0 &&
      (before.role === 'leader' || this.ticks - this.#contactAt < this.#electionTicks);
    this.stepped(now);
    if (message.term === now.term) this.#heardOf(message, now);
    const isCampaign = message.type === 'vote' && !message.transfer;
    if (this.#checkQuorum && isBound && isCampaign && now.term !== before.term)
      return `${now.id} hears ${message.from} stand although it follows ${before.leader}`;
    return undefined;
  }

  #heardOf(message: Message, {leader, vote, progress}: Status): void {
    const {type, from} = message;
    if (type === 'vote' && vote === from) this.#quietSince = this.ticks;
    if (leader === from && FROM_LEADER.has(type)) {
      this.#quietSince = this.ticks;
      this.#contactAt = this.ticks;
    }
    if (type !== 'appendReply' && type !== 'heartbeatReply') return;
    if (progress.get(from)?.session === message.session) {
      this.#heard.set(message.session, this.ticks);
    }
  }

  ticked(now: Status): string | undefined {
    const before = this.#before;
    this.ticks++;
    const isDeposed = before.role === 'leader' && now.role !== 'leader' && now.term === before.term;
    if (isDeposed && this.#isAnswered(before))
      return `${now.id} steps down although a quorum answers it`;
    this.stepped(now);
    return now.role === 'leader' ? this.#leaderFault(now) : this.#followerFault(now);
  }

  #isAnswered({id, configuration, progress}: Status): boolean {
    return agrees(configuration, (voter) => {
      const member = progress.get(voter);
      if (voter === id || member === undefined) return voter === id;
      return member.reachable && this.#quietTicks(member.session) <= this.#electionTicks;
    });
  }

  #quietTicks(session: number): number {
    return this.ticks - this.#heard.get(session)!;
  }

  #leaderFault({id, configuration, progress, transferTo}: Status): string | undefined {
    const patience = this.#electionTicks;
    if (transferTo !== 0 && this.ticks - this.#transferSince >= patience)
      return `${id} does not give up its transfer to ${transferTo}`;
    if (!this.#checkQuorum || !isVoter(configuration, id)) return undefined;
    // Whom it did not count before may have been silent for long: the next check finds out.
    if (this.ticks - this.#membersSince < patience) return undefined;
    const isHeard = (voter: number) => {
      const session = progress.get(voter)?.session;
      return session !== undefined && this.#quietTicks(session) < 2 * patience;
    };
    if (agrees(configuration, (voter) => voter === id || isHeard(voter))) return undefined;
    return `${id} leads on without a quorum`;
  }

  #followerFault(now: Status): string | undefined {
    const mayStand =
      now.role === 'follower' &&
      isVoter(now.configuration, now.id) &&
      now.pendingSnapshotIndex === 0 &&
      now.appliedIndex === now.commitIndex &&
      now.failover === 'automatic';
    if (!mayStand || this.ticks - this.#quietSince < 2 * this.#electionTicks) return undefined;
    return `${now.id} hears of no leader and does not stand`;
  }
}
