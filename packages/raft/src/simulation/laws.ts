// The laws of Raft (paper figure 3) as checks over what replicas show after each step:
//  1 election safety: one leader a term
//  2 leader completeness: a leader's log holds every entry committed in earlier terms
//  3 state machine safety: an index is applied once, as the same entry everywhere
//  4 a commit index never goes back, nor does a durable term, and a durable vote stays for its term
//  5 log matching: same index and term, same entry and same predecessor
//  6 persist, then apply: what a replica applied is on its own disk
//  7 linearizable reads: a read covers all that was applied anywhere when it began
//  8 what a message promises is on its sender's disk: a granted vote, acknowledged entries, which stay
//    there for the term; and what is called stable is on the disk
//  9 the index that made a configuration names one configuration: orders are fenced by it
// What a leader may build on is in leader-laws.ts, what takes how long in clock-laws.ts.

import type {Configuration} from '../configuration.ts';
import type {AppliedEntry, LabDisk, LabReplica} from '../lab/index.ts';
import {textOf} from '../lab/replica.ts';
import type {Message, TimeoutNow} from '../message.ts';
import type {Status} from '../status.ts';
import {
  callFault,
  electionFault,
  leaderFault,
  outputFault,
  readFault,
  retirementFault,
} from './leader-laws.ts';
import {Ledger} from './ledger.ts';
import type {Read} from './requests.ts';

/** As far as it is stored; entries of an earlier write than the log of now are not looked at. */
function hasUnappliedChange(
  {entries}: LabDisk,
  {appliedIndex, commitIndex, stableIndex}: Status,
): boolean {
  const upto = Math.min(commitIndex, stableIndex);
  return entries.some(
    ({index, type}) => type === 'config' && index > appliedIndex && index <= upto,
  );
}

class LawBroken extends Error {}

interface Seen {
  term: number;
  commit: number;
  vote: number;
}

export class Laws {
  highestApplied = 0;
  leadersSeen = 0;
  appliedSeen = 0;
  readsSeen = 0;
  /** By index, the term of what any replica held as committed, and the term in which it was. */
  readonly #committed = new Map<number, {readonly term: number; readonly inTerm: number}>();
  readonly #leaders = new Map<number, number>();
  /** The one history: by index, what was applied. */
  readonly #history = new Map<number, AppliedEntry>();
  /** By "index/term", the entry and the term before it. */
  readonly #entries = new Map<string, string>();
  /** What each disk looked like when its log was last compared. */
  readonly #shapes = new Map<number, string>();
  readonly #seen = new Map<number, Seen>();
  readonly #configurations = new Map<number, Configuration>();
  readonly #ledger = new Ledger();
  readonly #replicas: ReadonlyMap<number, LabReplica>;
  /** As each process was at the last look. */
  readonly #last = new Map<number, Status>();
  /** Each replica since its last output, under each configuration in force. */
  readonly #looks = new Map<number, Status[]>();
  /** Each log's end when its last output was taken. */
  readonly #taken = new Map<number, number>();

  /** By replica and session, what was committed when the replica last ticked. */
  readonly #ticked = new Map<number, ReadonlyMap<number, number>>();
  readonly #commitWaits: boolean;

  constructor(replicas: ReadonlyMap<number, LabReplica>, commitWaits: boolean) {
    this.#replicas = replicas;
    this.#commitWaits = commitWaits;
  }

  /** The replica as it was at the last look; none since its process began. */
  last(id: number): Status | undefined {
    return this.#last.get(id);
  }

  check(replica: LabReplica, status: Status): void {
    const {id, term, role, commitIndex, vote} = status;
    const seen = this.#seen.get(id) ?? {term: 0, commit: 0, vote: 0};
    if (term < seen.term) this.#fail(`term of ${id} went back from ${seen.term} to ${term}`);
    if (commitIndex < seen.commit) this.#fail(`commit of ${id} went back to ${commitIndex}`);
    if (term === seen.term && seen.vote !== 0 && vote !== seen.vote) {
      this.#fail(`${id} changed its vote in term ${term}`);
    }
    this.#checkPromises(replica, status);
    const last = this.#last.get(id);
    const led = last?.role === 'leader' && last.term === term ? last : undefined;
    if (role === 'leader') this.#checkLeader(replica, status, led);
    else if (led !== undefined) this.#require(retirementFault(led, status, this.#ledger));
    this.#checkCommitted(replica, status, seen.commit);
    if (last?.configuration !== status.configuration) this.#checkConfiguration(status);
    this.#checkApplied(replica);
    this.#checkEntries(replica);
    this.#seen.set(id, {term, commit: commitIndex, vote});
    this.#last.set(id, status);
    this.#look(status);
  }

  #look(status: Status): void {
    const looks = this.#looks.get(status.id) ?? [];
    this.#looks.set(status.id, looks);
    if (looks.at(-1)?.configIndex !== status.configIndex) looks.push(status);
  }

  #checkPromises({disk, group}: LabReplica, status: Status): void {
    const {id, role, leader, stableIndex, firstIndex, pendingSnapshotIndex} = status;
    const {term, vote} = disk.hardState;
    if (vote !== 0) this.#ledger.voted(id, term, vote);
    if (disk.lastIndex < this.#ledger.acknowledgedIn(term, id))
      this.#fail(`${id} lost of its log what it acknowledged in term ${term}`);
    if (stableIndex >= firstIndex) {
      const stored = disk.entries[stableIndex - disk.snapshotIndex - 1];
      if (stored?.term !== group.termAt(stableIndex))
        this.#fail(`${id} calls ${stableIndex} stable, and its disk holds another entry`);
    }
    if (role === 'follower' || role === 'leader') return;
    if (leader !== 0) this.#fail(`${id} stands for election and follows ${leader}`);
    if (pendingSnapshotIndex > 0) this.#fail(`${id} stands while its state is being replaced`);
    if (this.#last.get(id)?.role === 'follower' && hasUnappliedChange(disk, status))
      this.#fail(`${id} stands over a committed change of members that it has not applied`);
  }

  #checkLeader(replica: LabReplica, status: Status, led: Status | undefined): void {
    const {id, term, firstIndex} = status;
    const before = this.#leaders.get(term);
    if (before !== undefined && before !== id) this.#fail(`${before} and ${id} lead term ${term}`);
    this.#leaders.set(term, id);
    this.#require(leaderFault(status, led, this.#ledger, this.#replicas));
    if (led !== undefined) return;
    this.leadersSeen++;
    this.#require(electionFault(status, this.#ledger));
    for (const [index, committed] of this.#committed) {
      // Who is elected late, in a term before the one of the commit, leads nobody.
      if (committed.inTerm >= term || index < firstIndex) continue;
      if (replica.group.termAt(index) !== committed.term) {
        this.#fail(`leader ${id} of term ${term} lacks committed entry ${index}/${committed.term}`);
      }
    }
  }

  #checkCommitted({group}: LabReplica, status: Status, afterIndex: number): void {
    const {id, commitIndex, firstIndex} = status;
    for (let index = Math.max(afterIndex + 1, firstIndex); index <= commitIndex; index++) {
      const term = group.termAt(index)!;
      const known = this.#committed.get(index);
      if (known === undefined) this.#committed.set(index, {term, inTerm: status.term});
      else if (known.term !== term)
        this.#fail(`${id} committed ${index}/${term}, elsewhere term ${known.term}`);
    }
  }

  #checkConfiguration({id, configIndex, configuration}: Status): void {
    const known = this.#configurations.get(configIndex) ?? configuration;
    this.#configurations.set(configIndex, known);
    if (known === configuration) return;
    if (JSON.stringify(known) !== JSON.stringify(configuration))
      this.#fail(`${id} holds other members as made at ${configIndex}`);
  }

  #checkApplied(replica: LabReplica): void {
    for (const entry of replica.events.applied) {
      if (entry.index > replica.disk.lastIndex) {
        this.#fail(`${replica.id} applied ${entry.index} before it was durable`);
      }
      const known = this.#history.get(entry.index);
      if (known === undefined) {
        this.appliedSeen++;
        this.#history.set(entry.index, entry);
        this.highestApplied = Math.max(this.highestApplied, entry.index);
      } else if (known.term !== entry.term || known.data !== entry.data) {
        this.#fail(`${replica.id} applied another entry at ${entry.index}`);
      }
    }
    const recent = replica.applied.slice(-1 - replica.events.applied.length);
    recent.forEach((entry, at) => {
      const before = recent[at - 1];
      if (before !== undefined && entry.index !== before.index + 1) {
        this.#fail(`${replica.id} applied ${before.index} then ${entry.index}`);
      }
    });
  }

  #checkEntries({id, disk}: LabReplica): void {
    const {lastIndex, snapshotIndex} = disk;
    const shape = `${snapshotIndex} ${lastIndex} ${disk.entries.at(-1)?.term}`;
    if (this.#shapes.get(id) === shape) return;
    this.#shapes.set(id, shape);
    let previousTerm = disk.snapshotTerm;
    for (const entry of disk.entries) {
      const key = `${entry.index}/${entry.term}`;
      const value = `${previousTerm} ${entry.type} ${textOf(entry)}`;
      const known = this.#entries.get(key) ?? value;
      if (known !== value)
        this.#fail(`log of ${id} differs at ${key}: ${value}, elsewhere ${known}`);
      this.#entries.set(key, known);
      previousTerm = entry.term;
    }
  }

  /** Checked as the message leaves: a crash right after it must not take the promise back. */
  sent(message: Message, {disk, group}: LabReplica): void {
    this.#ledger.sent(message);
    if (message.type === 'timeoutNow') this.#checkCall(message, group.status());
    this.#checkStored(message, disk);
  }

  #checkCall(message: TimeoutNow, sender: Status): void {
    const hasGrown = this.#taken.get(sender.id) !== sender.lastIndex;
    if (!hasGrown) this.#require(callFault(message, sender));
  }

  #checkStored(message: Message, {hardState, lastIndex}: LabDisk): void {
    const {type, from, to, term} = message;
    if (type === 'voteReply' && message.granted) {
      const isStored = hardState.term > term || (hardState.term === term && hardState.vote === to);
      if (!isStored)
        this.#fail(`${from} told its vote for ${to} in term ${term} and has not stored it`);
    }
    // By the time it leaves, a later leader may have had the entries overwritten, as it may afterwards.
    const isOverwritten = hardState.term > term;
    if (
      type === 'appendReply' &&
      !message.rejected &&
      !isOverwritten &&
      message.index > lastIndex
    ) {
      this.#fail(`${from} acknowledged ${message.index} and has stored up to ${lastIndex}`);
    }
  }

  /** What is in memory is gone; what is durable stays, and nothing below it is taken back. */
  restarted(id: number, disk: LabDisk): void {
    this.#ticked.delete(id);
    const seen = this.#seen.get(id);
    if (seen === undefined) return;
    const {term, vote, commit} = disk.hardState;
    const applied = disk.checkpoint.index;
    this.#seen.set(id, {term, vote, commit: Math.max(commit, applied)});
    this.#last.delete(id);
    this.#taken.delete(id);
    this.#looks.delete(id);
  }

  /** Right after the output of a replica was taken. */
  outputTaken(replica: LabReplica): void {
    const status = replica.group.status();
    const {id, lastIndex} = status;
    this.#taken.set(id, lastIndex);
    this.#looks.set(id, [status]);
    const mustKnow = this.#commitWaits
      ? this.#commitDue(replica, status)
      : () => status.commitIndex;
    this.#require(outputFault(status, replica.idle, this.#ledger, mustKnow));
  }

  /** The replica's next step is a tick, at which commits that waited are told to whoever can be. */
  ticks({group}: LabReplica): void {
    const {id, commitIndex, progress} = group.status();
    const told = new Map<number, number>();
    for (const {session, state, reachable} of progress.values())
      if (state === 'replicate' && reachable) told.set(session, commitIndex);
    this.#ticked.set(id, told);
  }

  /** Where the telling of commits may wait. */
  #commitDue({id, disk}: LabReplica, {commitIndex}: Status): (session: number) => number {
    const atOnce = disk.entries.findLast(
      ({index, type}) => index <= commitIndex && type !== 'normal',
    );
    const ticked = this.#ticked.get(id);
    return (session) => Math.max(ticked?.get(session) ?? 0, atOnce?.index ?? 0);
  }

  lastRound({id, term}: Status): number {
    return this.#ledger.lastRound(id, term);
  }

  /** The payloads of all that was applied anywhere. */
  appliedData(): Set<string> {
    return new Set([...this.#history.values()].map(({data}) => data));
  }

  readServed(replica: LabReplica, index: number, read: Read): void {
    this.readsSeen++;
    const {id} = replica;
    const {atLeast, leading} = read;
    if (index < atLeast) this.#fail(`read at ${id} got ${index}, applied before was ${atLeast}`);
    const status = replica.group.status();
    const last = this.#last.get(id);
    if (leading === undefined || last === undefined) return;
    if ([status, last].some(({role, term}) => role !== 'leader' || term !== leading.term)) return;
    if (index >= status.firstIndex && replica.group.termAt(index) !== leading.term)
      this.#fail(`leader ${id} serves a read at ${index}, before its first commit`);
    if (!replica.options.leaseReads)
      this.#require(
        readFault([...(this.#looks.get(id) ?? []), status], leading.round, this.#ledger),
      );
  }

  #require(fault: string | undefined): void {
    if (fault !== undefined) this.#fail(fault);
  }

  #fail(message: string): never {
    throw new LawBroken(message);
  }
}
