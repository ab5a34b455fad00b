// One replica's place in the store's log, in memory: its durable state beside entries, and where the
// entries lie. Compact: one run per (group, record), not one object per entry; idle groups hold none.
// Laws: runs are consecutive and end at lastIndex; all of firstIndex..lastIndex is located once
// recovery has passed; terms begins at firstIndex.

import {FatalError, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import type {SnapshotMeta, TermRun} from '@flotilla/raft';
import type {DurablePoint} from '../state-machine.ts';
import {LogDamage} from './log-damage.ts';
import type {EntryBlock, GroupItem, WriteItem} from './log-item.ts';

/** Entries of one record. After a truncation `count` is below what the block holds. */
export interface Run {
  readonly firstIndex: number;
  count: number;
  readonly segment: number;
  readonly offset: number;
  readonly bytes: number;
  readonly crc: number;
}

/** Configurations remembered by index, so that fencing by index survives a restart. */
const CONFIG_INDEXES_KEPT = 8;

export class GroupLog {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
  readonly founding: DurablePoint | undefined;
  term: number;
  vote = 0;
  commit: number;
  firstIndex: number;
  prevTerm: number;
  lastIndex: number;
  manual = false;
  /** It is never opened again; its entries are needed by nobody. */
  damaged = false;
  snapshot: SnapshotMeta | undefined;
  /** Of changes that took effect, as far as the log was told; from a checkpoint also of entries. Ascending. */
  configIndexes: number[];
  /** Of configuration entries in the log, committed or not. Ascending. */
  #configEntries: number[] = [];
  terms: TermRun[] = [];
  runs: Run[] = [];
  retainedBytes = 0;
  /** Entries below lie in segments that are gone; at most firstIndex when recovery ends. */
  locatedFrom: number;

  constructor(set: ReplicaSetId, replica: ReplicaId, founding: DurablePoint | undefined) {
    this.set = set;
    this.replica = replica;
    this.founding = founding;
    this.term = founding?.term ?? 0;
    this.commit = founding?.index ?? 0;
    this.prevTerm = founding?.term ?? 0;
    this.lastIndex = founding?.index ?? 0;
    this.firstIndex = this.lastIndex + 1;
    this.locatedFrom = this.firstIndex;
    this.configIndexes = founding === undefined ? [] : [founding.index];
  }

  /** From the checkpoint that the oldest segment begins with: older entries are not located. */
  static restore(item: GroupItem): GroupLog {
    const group = new GroupLog(item.set, item.replica, item.founding);
    group.term = item.term;
    group.vote = item.vote;
    group.commit = item.commit;
    group.firstIndex = item.firstIndex;
    group.prevTerm = item.prevTerm;
    group.lastIndex = item.lastIndex;
    group.manual = item.manual;
    group.damaged = item.damaged;
    group.snapshot = item.snapshot;
    group.configIndexes = [...item.configIndexes];
    group.locatedFrom = item.lastIndex + 1;
    return group;
  }

  toItem(): GroupItem {
    const {set, replica, founding, term, vote, commit, firstIndex, prevTerm, lastIndex} = this;
    const {manual, damaged, snapshot, configIndexes} = this;
    return {
      type: 'group',
      set,
      replica,
      founding,
      term,
      vote,
      commit,
      firstIndex,
      prevTerm,
      lastIndex,
      manual,
      damaged,
      snapshot,
      // The entries may lie in segments that are gone when this is read.
      configIndexes: [...new Set([...configIndexes, ...this.#configEntries])].sort((a, b) => a - b),
    };
  }

  write(item: WriteItem, block: EntryBlock | undefined, segment: number): void {
    // What was on its way when the damage was seen.
    if (this.damaged) return;
    this.term = item.term;
    this.vote = item.vote;
    // A configuration that took effect may have told of more than the core had written by then.
    this.commit = Math.max(this.commit, item.commit);
    if (item.snapshot !== undefined) this.#restart(item.snapshot);
    if (item.truncateFrom !== undefined) this.#truncate(item.truncateFrom);
    if (block !== undefined) this.#append(block, segment);
  }

  damage(): void {
    this.damaged = true;
    this.runs = [];
    this.retainedBytes = 0;
  }

  /** Of entries beyond `index`, and of those beside them in their records. */
  bytesAbove(index: number): number {
    let bytes = 0;
    for (let at = this.runs.length - 1; at >= 0 && lastOf(this.runs[at]!) > index; at--)
      bytes += this.runs[at]!.bytes;
    return bytes;
  }

  /** The last index that has to go for the newest so many bytes to be left, and what shares a record with them. */
  lastBefore(bytes: number): number {
    let left = 0;
    for (let at = this.runs.length - 1; at >= 0; at--) {
      if (left >= bytes) return lastOf(this.runs[at]!);
      left += this.runs[at]!.bytes;
    }
    return this.firstIndex - 1;
  }

  compact(firstIndex: number, prevTerm: number): void {
    if (firstIndex <= this.firstIndex) return;
    if (firstIndex > this.lastIndex + 1)
      throw new FatalError(
        `corrupt log: set ${this.set} is compacted to ${firstIndex}, past its end ${this.lastIndex}`,
      );
    let gone = 0;
    while (gone < this.runs.length && lastOf(this.runs[gone]!) < firstIndex) {
      this.retainedBytes -= this.runs[gone]!.bytes;
      gone += 1;
    }
    this.runs.splice(0, gone);
    this.#compactTerms(firstIndex);
    // What is cut off was applied.
    while (this.#configEntries.length > 0 && this.#configEntries[0]! < firstIndex)
      this.configured(this.#configEntries.shift()!);
    this.firstIndex = firstIndex;
    this.prevTerm = prevTerm;
  }

  /**
   * The entry took effect, so it is committed. That must outlive the process: whoever the change removed
   * may be destroyed by now, and its vote is needed by whoever still counts it as a member.
   */
  configured(index: number): void {
    this.commit = Math.max(this.commit, index);
    if (index <= (this.configIndexes.at(-1) ?? -1)) return;
    this.configIndexes.push(index);
    if (this.configIndexes.length > CONFIG_INDEXES_KEPT) this.configIndexes.shift();
  }

  /**
   * Of the entry that made the configuration in force at `index`, which is applied. The log itself is
   * asked too: the item that tells of the change may be on its way while the state machine, or a
   * snapshot of it, is already beyond.
   */
  configIndexAt(index: number): number {
    const told = this.configIndexes.findLast((one) => one <= index);
    const logged = this.#configEntries.findLast((one) => one <= index);
    if (told === undefined || logged === undefined) return told ?? logged ?? index;
    return Math.max(told, logged);
  }

  /** Of configuration entries in the log beyond `index`. */
  configEntriesAbove(index: number): number[] {
    return this.#configEntries.filter((one) => one > index);
  }

  /** undefined outside firstIndex - 1 .. lastIndex. */
  termAt(index: number): number | undefined {
    if (index === this.firstIndex - 1) return this.prevTerm;
    if (index < this.firstIndex || index > this.lastIndex) return undefined;
    return this.terms.findLast((run) => run.index <= index)?.term;
  }

  /** The run that holds `index`, by position; -1 if none does. */
  runAt(index: number): number {
    let low = 0;
    let high = this.runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (lastOf(this.runs[middle]!) < index) low = middle + 1;
      else high = middle;
    }
    const run = this.runs[low];
    return run !== undefined && run.firstIndex <= index ? low : -1;
  }

  /** The oldest segment that holds an entry which is still needed. */
  get oldestSegment(): number | undefined {
    return this.runs[0]?.segment;
  }

  assertLocated(path: string): void {
    if (this.damaged) return;
    if (this.locatedFrom > this.firstIndex && this.lastIndex >= this.firstIndex)
      throw new LogDamage(
        `corrupt log: entries ${this.firstIndex} to ${this.locatedFrom - 1} of replica ${this.replica} of set ${this.set} are missing; file=${path}`,
      );
  }

  #restart(snapshot: SnapshotMeta): void {
    this.snapshot = snapshot;
    this.runs = [];
    this.terms = [];
    this.retainedBytes = 0;
    this.firstIndex = snapshot.index + 1;
    this.prevTerm = snapshot.term;
    this.lastIndex = snapshot.index;
    this.locatedFrom = this.firstIndex;
    this.configIndexes = [snapshot.configIndex];
    this.#configEntries = [];
  }

  #truncate(from: number): void {
    while (this.runs.length > 0 && this.runs.at(-1)!.firstIndex >= from)
      this.retainedBytes -= this.runs.pop()!.bytes;
    const last = this.runs.at(-1);
    if (last !== undefined) last.count = Math.min(last.count, from - last.firstIndex);
    while (this.terms.length > 0 && this.terms.at(-1)!.index >= from) this.terms.pop();
    this.#configEntries = this.#configEntries.filter((index) => index < from);
    this.configIndexes = this.configIndexes.filter((index) => index < from);
    this.lastIndex = Math.min(this.lastIndex, from - 1);
    this.locatedFrom = Math.min(this.locatedFrom, from);
  }

  #append(block: EntryBlock, segment: number): void {
    const {firstIndex, count, offset, bytes, crc} = block;
    if (firstIndex !== this.lastIndex + 1)
      throw new FatalError(
        `corrupt log: entry ${firstIndex} of set ${this.set} follows ${this.lastIndex}`,
      );
    this.runs.push({firstIndex, count, segment, offset, bytes, crc});
    this.retainedBytes += bytes;
    for (const run of block.terms) if (this.terms.at(-1)?.term !== run.term) this.terms.push(run);
    this.#configEntries.push(...block.configs);
    this.lastIndex = firstIndex + count - 1;
  }

  #compactTerms(firstIndex: number): void {
    const at = this.terms.findLastIndex((run) => run.index <= firstIndex);
    if (at < 0) return;
    const first = {index: firstIndex, term: this.terms[at]!.term};
    const rest = this.terms.slice(at + 1);
    this.terms = firstIndex > this.lastIndex ? [] : [first, ...rest];
  }
}

function lastOf(run: Run): number {
  return run.firstIndex + run.count - 1;
}
