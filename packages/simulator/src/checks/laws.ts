// The laws that must hold at every event, checked against what cores say (their outputs) and what
// machines apply, each in time that does not grow with the run:
//   election safety          one leader a term
//   leader completeness      a new leader holds the last entry committed before its term
//   log matching             (index, term) names one entry with one predecessor
//   state machine safety     an index is applied as one entry, everywhere and for ever
//   monotony                 terms and commits of a process never go back; a vote stays for its term
//   leader append-only       an entry is made by who leads its term, who takes back nothing of its log
//   durability               what a replica acknowledged, and whom it voted for, outlives its crash; what
//                            is committed nobody takes back who acknowledged it
//   quorum                   what a leader commits is acknowledged by a majority of its configuration
//   one configuration        an index makes one configuration, and neighbours share a majority
//   no zombies               a destroyed replica id never opens again, nor on two nodes
//   at most once             a routed write has its effect at one index only
//   equal states             same set, same index, same state
//   manual failover          no election without an order, @see failover-law.ts
// @see Ongaro, thesis, figure 3.2; raft-notes section 4

import type {NodeId} from '@flotilla/base';
import type {ObservedGroup} from '@flotilla/multiraft';
import {
  BOOTSTRAP_INDEX,
  type Configuration,
  type Entry,
  type Message,
  type Output,
} from '@flotilla/raft';
import {hashBytes, type WriteCommand} from '../workload/command.ts';
import type {Applied} from '../workload/register-machine.ts';
import {FailoverLaw} from './failover-law.ts';

export interface Violation {
  readonly law: string;
  readonly set: number;
  readonly message: string;
  readonly ms: number;
}

/** One life of one replica, as its core's outputs show it. */
interface Life {
  readonly node: NodeId;
  term: number;
  vote: number;
  commit: number;
  isLeader: boolean;
  /** Its disk was an old one, and nobody had told it. */
  readonly isImage: boolean;
  /** It came back from an old image without what it promised: it may live, and say nothing. */
  isAmnesiac: boolean;
}

/** What a replica promised to others: it must be there after any crash. */
interface Promised {
  /** Highest index it acknowledged and was not told to give up since. */
  ackIndex: number;
  term: number;
  votedTerm: number;
  votedFor: number;
}

interface SetHistory {
  readonly leaders: Map<number, number>;
  /** By index: what was committed there, and in which term at the latest. */
  readonly committed: Map<number, {term: number; hash: number; inTerm: number}>;
  lastCommitted: number;
  /** By `index/term` of any log. */
  readonly entries: Map<number, Map<number, {prevTerm: number; hash: number}>>;
  readonly digests: Map<number, number>;
  readonly configurations: Map<number, Configuration>;
  readonly effects: Map<string, number>;
  /** By replica and term of the leader: up to where it said that it holds that leader's log. */
  readonly acks: Map<number, Map<number, number>>;
}

/** What needs no knowledge of the time before: acknowledgements of then are unknown to laws that begin anew. */
export const MEMORYLESS_LAWS: readonly string[] = [
  'election safety',
  'log matching',
  'state machine safety',
  'monotony',
  'no zombies',
  'at most once',
  'equal states',
];

/** A destroyed or damaged replica's promises end here. */
export class Laws {
  readonly violations: Violation[] = [];
  readonly failover = new FailoverLaw((set, message) =>
    this.#fail('manual failover', set, message),
  );
  committedCount = 0;
  elections = 0;
  /** What every set's members were last known to hold, by replica: for the quorum law. */
  readonly #sets = new Map<number, SetHistory>();
  readonly #lives = new Map<number, Life>();
  readonly #promised = new Map<number, Promised>();
  readonly #destroyed = new Set<number>();
  readonly #homes = new Map<number, NodeId>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** @param isImage its disk is an old one: nobody told it yet. */
  opened(node: NodeId, group: ObservedGroup, isImage: boolean): void {
    const {set, replica, raft} = group;
    this.failover.opened(group, isImage);
    const faults = this.#openingFaults(node, group);
    if (!isImage) for (const [law, message] of faults) this.#fail(law, set, message);
    const {term, vote, commitIndex: commit} = raft.status();
    const isAmnesiac = isImage && faults.length > 0;
    this.#lives.set(replica, {node, term, vote, commit, isLeader: false, isImage, isAmnesiac});
  }

  #openingFaults(node: NodeId, {replica, raft}: ObservedGroup): [law: string, message: string][] {
    const faults: [string, string][] = [];
    if (this.#destroyed.has(replica))
      faults.push(['no zombies', `replica ${replica} lives again on node ${node}`]);
    const home = this.#homes.get(replica) ?? node;
    this.#homes.set(replica, home);
    if (home !== node)
      faults.push(['no zombies', `replica ${replica} lives on nodes ${home} and ${node}`]);
    const promised = this.#promised.get(replica);
    if (promised === undefined) return faults;
    const {term, vote, lastIndex} = raft.status();
    const {ackIndex, votedTerm, votedFor} = promised;
    const forgot = (what: string): number =>
      faults.push(['durability', `replica ${replica} forgot ${what}`]);
    if (term < promised.term) forgot(`term ${promised.term}, has ${term}`);
    if (term === votedTerm && vote !== votedFor) forgot(`its vote for ${votedFor} in ${term}`);
    if (lastIndex < ackIndex) forgot(`${lastIndex + 1}..${ackIndex}`);
    return faults;
  }

  destroyed(replica: number): void {
    this.#destroyed.add(replica);
    this.#promised.delete(replica);
  }

  took(group: ObservedGroup, output: Output): void {
    const {set, replica} = group;
    const life = this.#lives.get(replica);
    if (life === undefined) return;
    this.failover.took(group, output);
    if (output.role !== undefined) life.isLeader = output.role.role === 'leader';
    if (output.write !== undefined) this.#write(group, life, output.write);
    if (output.role?.role === 'leader') this.#leads(group, output.role.term);
    for (const {index, configuration} of output.configurations)
      this.#configured(set, replica, index, configuration);
    if (output.apply !== undefined) this.#commits(group, output.apply.entries);
  }

  sent({set, replica}: ObservedGroup, message: Message): void {
    this.failover.sent(message);
    if (message.type !== 'voteReply' && message.type !== 'appendReply') return;
    if (this.#lives.get(replica)?.isAmnesiac === true)
      this.#fail('durability', set, `${replica} of an old image sends a ${message.type}`);
    const promised = this.#promise(replica);
    promised.term = Math.max(promised.term, message.term);
    if (message.type === 'voteReply') {
      if (!message.granted) return;
      promised.votedTerm = message.term;
      promised.votedFor = message.to;
    } else if (!message.rejected) {
      promised.ackIndex = Math.max(promised.ackIndex, message.index);
      this.#holds(set, replica, message.term, message.index);
    }
  }

  applied(
    set: number,
    replica: number,
    point: {index: number; digest: number},
    write?: {command: WriteCommand; result: Applied},
  ): void {
    const history = this.#history(set);
    const known = history.digests.get(point.index);
    if (known === undefined) history.digests.set(point.index, point.digest);
    else if (known !== point.digest)
      this.#fail('equal states', set, `replica ${replica} differs at index ${point.index}`);
    if (write?.result.status !== 'applied') return;
    const {incarnation, sequence, key} = write.command;
    const names = [`write ${incarnation}/${sequence}`, ...(key === 0 ? [] : [`key ${key}`])];
    for (const name of names) {
      const before = history.effects.get(name) ?? point.index;
      history.effects.set(name, before);
      if (before !== point.index)
        this.#fail('at most once', set, `${name} took effect at ${before} and ${point.index}`);
    }
  }

  #write({set, replica}: ObservedGroup, life: Life, write: NonNullable<Output['write']>): void {
    const {term, vote, commit, entries, snapshot} = write;
    if (term < life.term)
      this.#fail('monotony', set, `term of ${replica} went from ${life.term} to ${term}`);
    if (term === life.term && life.vote !== 0 && vote !== life.vote)
      this.#fail('monotony', set, `${replica} changed its vote in term ${term}`);
    if (commit < life.commit)
      this.#fail('monotony', set, `commit of ${replica} went from ${life.commit} to ${commit}`);
    life.term = term;
    life.vote = vote;
    life.commit = commit;
    const last = entries.at(-1);
    this.#givesUp(set, replica, life, write);
    if (snapshot !== undefined) this.#checkCommitted(set, replica, snapshot);
    if (life.isLeader && last !== undefined) this.#holds(set, replica, term, last.index);
    let prevTerm: number | undefined;
    for (const entry of entries) {
      this.#match(set, replica, entry, prevTerm);
      prevTerm = entry.term;
    }
  }

  /** What another leader takes back was no promise to the group, unless it is committed. */
  #givesUp(
    set: number,
    replica: number,
    life: Life,
    {term, truncateFrom, snapshot}: NonNullable<Output['write']>,
  ): void {
    if (truncateFrom !== undefined && life.isLeader)
      this.#fail('leader append-only', set, `${replica} leads ${term}, takes back ${truncateFrom}`);
    if (truncateFrom !== undefined && !life.isImage) this.#checkKept(set, replica, truncateFrom);
    const promised = this.#promised.get(replica);
    if (promised === undefined) return;
    if (truncateFrom !== undefined)
      promised.ackIndex = Math.min(promised.ackIndex, truncateFrom - 1);
    if (snapshot !== undefined) promised.ackIndex = Math.min(promised.ackIndex, snapshot.index);
  }

  /** Who told a leader that had it, one of the term of its commit or a later one, that it has it too. */
  #checkKept(set: number, replica: number, index: number): void {
    const {committed, acks} = this.#history(set);
    const entry = committed.get(index);
    if (entry === undefined) return;
    for (const [at, upto] of acks.get(replica) ?? [])
      if (at >= entry.inTerm && upto >= index)
        this.#fail('durability', set, `${replica} takes back ${index}/${entry.term}, committed`);
  }

  /** Whoever holds an entry first has made it. */
  #checkAuthor(set: number, replica: number, {index, term}: Entry): void {
    const leader = this.#history(set).leaders.get(term) ?? replica;
    if (leader !== replica)
      this.#fail(
        'leader append-only',
        set,
        `${replica} has ${index}/${term} before ${leader}, who leads ${term}`,
      );
  }

  #match(set: number, replica: number, entry: Entry, prevTerm: number | undefined): void {
    const {entries} = this.#history(set);
    let terms = entries.get(entry.index);
    if (terms === undefined) {
      terms = new Map();
      entries.set(entry.index, terms);
    }
    const hash = hashOf(entry);
    const known = terms.get(entry.term);
    if (known === undefined) {
      this.#checkAuthor(set, replica, entry);
      terms.set(entry.term, {prevTerm: prevTerm ?? -1, hash});
      return;
    }
    if (known.hash !== hash)
      this.#fail('log matching', set, `${replica} has another ${entry.index}/${entry.term}`);
    if (prevTerm === undefined) return;
    if (known.prevTerm === -1) known.prevTerm = prevTerm;
    else if (known.prevTerm !== prevTerm)
      this.#fail(
        'log matching',
        set,
        `before ${entry.index}/${entry.term}, ${replica} has term ${prevTerm}, others ${known.prevTerm}`,
      );
  }

  #leads({set, replica, raft}: ObservedGroup, term: number): void {
    const {leaders, committed, lastCommitted} = this.#history(set);
    const before = leaders.get(term);
    if (before === replica) return;
    if (before !== undefined)
      this.#fail('election safety', set, `${before} and ${replica} lead term ${term}`);
    leaders.set(term, replica);
    this.elections += 1;
    for (let index = lastCommitted; index > 0 && index > lastCommitted - 8; index--) {
      const entry = committed.get(index);
      // Who is elected late, in a term before the one of the commit, leads nobody.
      if (entry === undefined || entry.inTerm >= term) continue;
      const there = raft.termAt(index);
      const isCut = there === undefined && index < raft.status().firstIndex;
      if (!isCut && there !== entry.term)
        this.#fail(
          'leader completeness',
          set,
          `${replica} leads term ${term} without ${index}/${entry.term} (has ${there})`,
        );
    }
  }

  #commits({set, replica, raft}: ObservedGroup, entries: readonly Entry[]): void {
    const history = this.#history(set);
    let configuration: Configuration | undefined;
    const {term: inTerm} = raft.status();
    for (const entry of entries) {
      const {index, term} = entry;
      const known = history.committed.get(index);
      if (known === undefined) {
        history.committed.set(index, {term, hash: hashOf(entry), inTerm});
        history.lastCommitted = Math.max(history.lastCommitted, index);
        this.committedCount += 1;
        configuration ??= raft.status().configuration;
        this.#checkQuorum(set, replica, entry, configuration);
      } else if (known.term !== term || known.hash !== hashOf(entry))
        this.#fail(
          'state machine safety',
          set,
          `${replica} commits ${index}/${term}, elsewhere ${index}/${known.term}`,
        );
    }
  }

  #checkCommitted(
    set: number,
    replica: number,
    {index, term}: {index: number; term: number},
  ): void {
    const known = this.#history(set).committed.get(index);
    if (known !== undefined && known.term !== term)
      this.#fail(
        'state machine safety',
        set,
        `${replica} installs ${index}/${term}, not ${known.term}`,
      );
  }

  /** Whoever applies first: by then a majority must have said that it holds the entry. */
  #checkQuorum(set: number, replica: number, {index, term}: Entry, now: Configuration): void {
    if (index <= BOOTSTRAP_INDEX) return;
    const {acks, configurations} = this.#history(set);
    // The replica itself: a core applies nothing that is not durable at home.
    const holders = new Set<number>([replica]);
    for (const [id, terms] of acks)
      for (const [at, upto] of terms) if (at >= term && upto >= index) holders.add(id);
    if (isMajority(now, holders)) return;
    // Its first applier may know a later configuration by now than its leader committed it under, who may
    // not have applied the last one before it; no leader has two that it has not applied.
    const before = [...configurations.keys()].filter((at) => at <= index).sort((a, b) => b - a);
    for (const at of before.slice(0, 2)) if (isMajority(configurations.get(at)!, holders)) return;
    this.#fail(
      'quorum',
      set,
      `${replica} applies ${index}/${term}, held by ${[...holders].join(', ')} of ${JSON.stringify(now)}`,
    );
  }

  #configured(set: number, replica: number, index: number, configuration: Configuration): void {
    const {configurations} = this.#history(set);
    const known = configurations.get(index);
    if (known !== undefined) {
      if (JSON.stringify(known) !== JSON.stringify(configuration))
        this.#fail('one configuration', set, `${replica} has another one at ${index}`);
      return;
    }
    configurations.set(index, configuration);
    const before = [...configurations.keys()].filter((at) => at < index);
    const previous = configurations.get(Math.max(...before));
    if (previous !== undefined && !areNeighbours(previous, configuration))
      this.#fail(
        'one configuration',
        set,
        `${JSON.stringify(previous)} is followed at ${index} by ${JSON.stringify(configuration)}`,
      );
  }

  /** The replica's log agrees with that of the leader of `term` up to there. */
  #holds(set: number, replica: number, term: number, index: number): void {
    const {acks} = this.#history(set);
    let terms = acks.get(replica);
    if (terms === undefined) {
      terms = new Map();
      acks.set(replica, terms);
    }
    terms.set(term, Math.max(index, terms.get(term) ?? 0));
  }

  #promise(replica: number): Promised {
    let promised = this.#promised.get(replica);
    if (promised === undefined) {
      promised = {ackIndex: 0, term: 0, votedTerm: 0, votedFor: 0};
      this.#promised.set(replica, promised);
    }
    return promised;
  }

  #history(set: number): SetHistory {
    let history = this.#sets.get(set);
    if (history === undefined) {
      history = {
        leaders: new Map(),
        committed: new Map(),
        lastCommitted: 0,
        entries: new Map(),
        digests: new Map(),
        configurations: new Map(),
        effects: new Map(),
        acks: new Map(),
      };
      this.#sets.set(set, history);
    }
    return history;
  }

  #fail(law: string, set: number, message: string): void {
    this.violations.push({law, set, message, ms: this.#nowMs()});
  }

  /** Broken by what is not a core's output: told from elsewhere, and maybe later than it happened. */
  fail(law: string, set: number, message: string, ms = this.#nowMs()): void {
    this.violations.push({law, set, message, ms});
  }
}

function hashOf({payload, type}: Entry): number {
  return hashBytes(payload) ^ type.length;
}

/** One voter's difference, or a joint configuration entered or left. */
function areNeighbours(before: Configuration, after: Configuration): boolean {
  const same = (a: readonly number[], b: readonly number[]): boolean => a.join() === b.join();
  // A change that had become impossible when its turn came.
  if (JSON.stringify(before) === JSON.stringify(after)) return true;
  if (after.votersOutgoing.length > 0)
    return before.votersOutgoing.length === 0 && same(after.votersOutgoing, before.voters);
  if (before.votersOutgoing.length > 0) return same(before.voters, after.voters);
  const added = after.voters.filter((id) => !before.voters.includes(id)).length;
  const removed = before.voters.filter((id) => !after.voters.includes(id)).length;
  return added + removed <= 1;
}

/** Counted here anew: the product's own count is what is checked. */
function isMajority(
  {voters, votersOutgoing}: Configuration,
  holders: ReadonlySet<number>,
): boolean {
  return [voters, votersOutgoing].every(
    (half) => half.length === 0 || 2 * half.filter((id) => holders.has(id)).length > half.length,
  );
}
