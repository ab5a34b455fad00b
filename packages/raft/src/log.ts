// One replica's log. Terms of the whole log stay in memory as runs (a run per term, not per entry);
// payloads stay until evicted. Laws: snapshotIndex <= appliedIndex, applied <= commit <= lastIndex
// once a pending snapshot is installed; committed entries are never truncated; `stableIndex` is the
// highest index at which the durable log equals this one.
// Writes are numbered; a truncation lowers what older writes in flight will have made stable, so a
// late confirmation of an overwritten entry confirms nothing (the ABA of asynchronous writes).

import {assert} from '@flotilla/base';
import type {Entry, SnapshotMeta} from './entry.ts';
import {entryBytes} from './entry.ts';

/** The log as stored: the entries may begin later than the runs, if older payloads are not loaded. */
export interface LogState {
  readonly snapshotIndex: number;
  readonly snapshotTerm: number;
  /** Consecutive and up to the last index; must cover all that is not applied. */
  readonly entries: readonly Entry[];
  /** First index and term of each run of entries after the snapshot; left out: read off `entries`. */
  readonly terms?: readonly TermRun[] | undefined;
  /** Needed only if no payload is loaded although the log has entries. */
  readonly lastIndex?: number | undefined;
}

export interface TermRun {
  readonly index: number;
  readonly term: number;
}

interface PendingWrite {
  readonly seq: number;
  /** What is stable once it is durable. Lowered by later truncations. */
  uptoIndex: number;
}

/** What a write has to store. */
export interface Unwritten {
  readonly entries: readonly Entry[];
  readonly truncateFrom: number | undefined;
}

export class RaftLog {
  snapshotIndex: number;
  snapshotTerm: number;
  commitIndex: number;
  appliedIndex: number;
  /** Handed to the host for applying, up to here. */
  applyingIndex: number;
  stableIndex: number;
  #entries: Entry[];
  #lastIndex: number;
  #runs: TermRun[];
  /** Handed to the host for writing, up to here. */
  #writtenIndex: number;
  #truncateFrom: number | undefined = undefined;
  #pendingWrites: PendingWrite[] = [];

  constructor(state: LogState, commitIndex: number, appliedIndex: number) {
    this.snapshotIndex = state.snapshotIndex;
    this.snapshotTerm = state.snapshotTerm;
    this.#entries = [...state.entries];
    this.#lastIndex = state.entries.at(-1)?.index ?? state.lastIndex ?? state.snapshotIndex;
    this.#runs = state.terms === undefined ? runsOf(state.entries) : [...state.terms];
    this.appliedIndex = appliedIndex;
    this.applyingIndex = this.appliedIndex;
    this.commitIndex = Math.max(commitIndex, appliedIndex);
    this.stableIndex = this.lastIndex;
    this.#writtenIndex = this.lastIndex;
    this.#assertLoaded(state);
  }

  #assertLoaded(state: LogState): void {
    const {entries} = state;
    const last = this.lastIndex;
    assert(
      this.appliedIndex >= this.snapshotIndex,
      () => `applied ${this.appliedIndex} is compacted`,
    );
    assert(
      this.commitIndex <= last,
      () => `commit ${this.commitIndex} is past the log's end ${last}`,
    );
    for (let i = 1; i < entries.length; i++) {
      const index = entries[i]!.index;
      assert(index === entries[i - 1]!.index + 1, () => `gap in the stored log at ${index}`);
    }
    for (let i = 1; i < this.#runs.length; i++) {
      const {index, term} = this.#runs[i]!;
      assert(term > this.#runs[i - 1]!.term, () => `term goes back in the stored log at ${index}`);
    }
    const need = this.appliedIndex + 1;
    assert(need > last || this.cachedFrom <= need, () => `entry ${need} to apply is not loaded`);
    const first = this.#runs[0]?.index ?? last + 1;
    assert(first === this.snapshotIndex + 1, () => `stored log begins at ${first}`);
  }

  get firstIndex(): number {
    return this.snapshotIndex + 1;
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  get lastTerm(): number {
    return this.#runs.at(-1)?.term ?? this.snapshotTerm;
  }

  /** First index whose payload is in memory; lastIndex + 1 if none is. */
  get cachedFrom(): number {
    return this.#lastIndex - this.#entries.length + 1;
  }

  /** undefined outside snapshotIndex..lastIndex. */
  termAt(index: number): number | undefined {
    if (index < this.snapshotIndex || index > this.lastIndex) return undefined;
    const run = this.#runAt(index);
    return run === -1 ? this.snapshotTerm : this.#runs[run]!.term;
  }

  matches(index: number, term: number): boolean {
    return this.termAt(index) === term;
  }

  /** Whether a candidate's log is at least as complete as this one: by term first, then by length. */
  isUpToDate(lastIndex: number, lastTerm: number): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);
  }

  /**
   * The highest index <= `index` whose term is <= `term`: nothing in between can agree with a log
   * that has `term` at `index`. Below the snapshot nothing is known: snapshotIndex with term 0, unless
   * its own term qualifies.
   */
  findConflictByTerm(index: number, term: number): {index: number; term: number} {
    let at = Math.min(index, this.lastIndex);
    while (at > this.snapshotIndex) {
      const run = this.#runs[this.#runAt(at)]!;
      if (run.term <= term) return {index: at, term: run.term};
      at = run.index - 1;
    }
    if (at < this.snapshotIndex) return {index: at, term: 0};
    return {index: at, term: this.snapshotTerm <= term ? this.snapshotTerm : 0};
  }

  /** Requires the payload in memory. */
  entryAt(index: number): Entry {
    const entry = this.#entries[index - this.cachedFrom];
    assert(entry !== undefined, () => `entry ${index} is not in memory`);
    return entry;
  }

  /** Entries from..upto (inclusive), at least one and at most `bytesMax`. Requires them in memory. */
  slice(from: number, upto: number, bytesMax: number): Entry[] {
    const start = from - this.cachedFrom;
    assert(start >= 0, () => `entry ${from} is not in memory`);
    const end = Math.min(upto, this.lastIndex) - this.cachedFrom + 1;
    let bytes = 0;
    let at = start;
    for (; at < end; at++) {
      bytes += entryBytes(this.#entries[at]!);
      if (bytes > bytesMax && at > start) break;
    }
    return this.#entries.slice(start, at);
  }

  /** Requires entries that follow the last index. */
  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      assert(
        entry.index === this.lastIndex + 1,
        () => `append of ${entry.index} after ${this.lastIndex}`,
      );
      assert(entry.term >= this.lastTerm, () => `term goes back at ${entry.index}`);
      if (entry.term !== this.lastTerm || this.#runs.length === 0) {
        this.#runs.push({index: entry.index, term: entry.term});
      }
      this.#entries.push(entry);
      this.#lastIndex = entry.index;
    }
  }

  /** The first of consecutive entries that differs from or extends this log; undefined if none does. */
  firstNew(entries: readonly Entry[]): number | undefined {
    return entries.find((entry) => !this.matches(entry.index, entry.term))?.index;
  }

  /** Discards everything from `index` on. */
  truncate(index: number): void {
    assert(index > this.commitIndex, () => `truncation of committed entry ${index}`);
    assert(index <= this.#lastIndex, () => `truncation at ${index} past ${this.#lastIndex}`);
    // Uncommitted payloads are never evicted, so what goes is in memory.
    this.#entries.length = Math.max(0, index - this.cachedFrom);
    this.#lastIndex = index - 1;
    while (this.#runs.length > 0 && this.#runs.at(-1)!.index >= index) this.#runs.pop();
    this.stableIndex = Math.min(this.stableIndex, index - 1);
    for (const write of this.#pendingWrites) write.uptoIndex = Math.min(write.uptoIndex, index - 1);
    if (index > this.#writtenIndex) return;
    this.#truncateFrom = Math.min(this.#truncateFrom ?? index, index);
    this.#writtenIndex = index - 1;
  }

  commitTo(index: number): boolean {
    if (index <= this.commitIndex) return false;
    assert(
      index <= this.lastIndex,
      () => `commit ${index} is past the log's end ${this.lastIndex}`,
    );
    this.commitIndex = index;
    return true;
  }

  appliedTo(index: number): void {
    assert(index <= this.applyingIndex, () => `applied ${index}, handed out ${this.applyingIndex}`);
    this.appliedIndex = Math.max(this.appliedIndex, index);
  }

  /** Committed, durable and not yet handed out, while no earlier batch is out. */
  hasApplicable(): boolean {
    const upto = Math.min(this.commitIndex, this.stableIndex);
    return this.applyingIndex === this.appliedIndex && upto > this.applyingIndex;
  }

  takeApplicable(bytesMax: number): Entry[] {
    const upto = Math.min(this.commitIndex, this.stableIndex);
    const entries = this.slice(this.applyingIndex + 1, upto, bytesMax);
    this.applyingIndex = entries.at(-1)!.index;
    return entries;
  }

  hasUnwritten(): boolean {
    return this.#truncateFrom !== undefined || this.#writtenIndex < this.lastIndex;
  }

  takeUnwritten(seq: number): Unwritten {
    const from = this.#writtenIndex + 1;
    const entries = from > this.lastIndex ? [] : this.slice(from, this.lastIndex, Infinity);
    const truncateFrom = this.#truncateFrom;
    this.#truncateFrom = undefined;
    this.#writtenIndex = this.lastIndex;
    this.#pendingWrites.push({seq, uptoIndex: this.lastIndex});
    return {entries, truncateFrom};
  }

  persisted(seq: number): void {
    while (this.#pendingWrites.length > 0 && this.#pendingWrites[0]!.seq <= seq) {
      this.stableIndex = Math.max(this.stableIndex, this.#pendingWrites.shift()!.uptoIndex);
    }
  }

  /** Replaces the log by a snapshot. Nothing of it is stable until the write that names it is. */
  restore(snapshot: SnapshotMeta): void {
    assert(snapshot.index > this.commitIndex, () => `snapshot ${snapshot.index} goes back`);
    this.#entries = [];
    this.#lastIndex = snapshot.index;
    this.#runs = [];
    this.snapshotIndex = snapshot.index;
    this.snapshotTerm = snapshot.term;
    this.commitIndex = snapshot.index;
    this.stableIndex = 0;
    for (const write of this.#pendingWrites) write.uptoIndex = 0;
    this.#truncateFrom = undefined;
    this.#writtenIndex = snapshot.index;
  }

  /** The state machine now is the snapshot. */
  snapshotInstalled(): void {
    this.appliedIndex = this.snapshotIndex;
    this.applyingIndex = this.snapshotIndex;
  }

  compact(firstIndex: number): void {
    const boundary = firstIndex - 1;
    if (boundary <= this.snapshotIndex) return;
    assert(boundary <= this.appliedIndex, () => `compaction past applied ${this.appliedIndex}`);
    assert(boundary <= this.stableIndex, () => `compaction past stable ${this.stableIndex}`);
    const term = this.termAt(boundary)!;
    const kept = this.#runs.filter((run) => run.index > boundary);
    const lastIndex = this.lastIndex;
    if (lastIndex > boundary && kept[0]?.index !== firstIndex) {
      kept.unshift({index: firstIndex, term: this.termAt(firstIndex)!});
    }
    this.#runs = kept;
    this.#entries.splice(0, Math.max(0, firstIndex - this.cachedFrom));
    this.snapshotIndex = boundary;
    this.snapshotTerm = term;
  }

  /** Drops payloads up to `index` from memory, as far as they are applied and stored. */
  evict(index: number): void {
    const upto = Math.min(index, this.appliedIndex, this.stableIndex);
    if (upto >= this.cachedFrom) this.#entries.splice(0, upto - this.cachedFrom + 1);
  }

  #runAt(index: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#runs[middle]!.index <= index) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

function runsOf(entries: readonly Entry[]): TermRun[] {
  const runs: TermRun[] = [];
  for (const {index, term} of entries) {
    if (runs.at(-1)?.term !== term) runs.push({index, term});
  }
  return runs;
}
