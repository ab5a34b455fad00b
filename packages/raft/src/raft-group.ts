// One replica of one group, as its host sees it: inputs in, one output struct out. Pure: no clock,
// chance (but the Random port), disk, network or promise. A thrown BugError means that this replica is
// broken; its host stops this group alone.

import type {Entry} from './entry.ts';
import {isIdle} from './idleness.ts';
import type {Input} from './input.ts';
import type {GroupOptions} from './options.ts';
import type {Apply, Output, RoleChange} from './output.ts';
import {takeAfterWrite, takeWrite} from './persistence.ts';
import {loseProposals} from './proposals.ts';
import {hasReadsToStart, stampRounds, startReads} from './read-index.ts';
import {flushAppends} from './replication.ts';
import {createState, emptyGathered, type GroupState, hasGathered, isWriteDue} from './state.ts';
import {type Status, statusOf} from './status.ts';
import {stepInput} from './step.ts';

export class RaftGroup {
  readonly #state: GroupState;
  #toldRole: RoleChange;
  #toldIdle = false;

  constructor(options: GroupOptions) {
    this.#state = createState(options);
    this.#toldRole = this.#roleNow();
  }

  /** Never throws for what a client, another node or a disk can cause. */
  step(input: Input): void {
    stepInput(this.#state, input);
  }

  /**
   * Everything to be done since the last take(). Take after each turn, not after each step. Only lease
   * reads need `clockTicks`: the monotonic clock now, in ticks and fractions of them, which unlike the
   * ticks leaves nothing out; read after the last step. Without it reads go by rounds.
   */
  take(clockTicks?: number): Output {
    const state = this.#state;
    // Before the write is gathered: reads and appends change nothing durable, but are part of it all.
    startReads(state, clockTicks);
    stampRounds(state, clockTicks);
    flushAppends(state);
    loseProposals(state);
    const write = takeWrite(state);
    const {send} = state.gathered;
    const afterWrite = takeAfterWrite(state, send);
    const {reads, dropped, proposed, configurations} = state.gathered;
    const {needEntries, wantSnapshot, transfers} = state.gathered;
    state.gathered = emptyGathered();
    const apply = this.#takeApply();
    const role = this.#takeRole();
    const idle = isIdle(state);
    this.#toldIdle = idle;
    return {
      role,
      send,
      write,
      afterWrite,
      apply,
      reads,
      dropped,
      proposed,
      configurations,
      needEntries,
      wantSnapshot,
      transfers,
      idle,
    };
  }

  /** Whether take() has anything to say. */
  hasOutput(): boolean {
    const state = this.#state;
    if (state.flushDue || isWriteDue(state) || hasReadsToStart(state)) return true;
    if (hasGathered(state.gathered)) return true;
    return this.#isApplyDue() || this.#isRoleNew() || this.#toldIdle !== isIdle(state);
  }

  status(): Status {
    return statusOf(this.#state);
  }

  /** The term at an index of the log, or at its beginning; undefined elsewhere. For making snapshots. */
  termAt(index: number): number | undefined {
    return this.#state.log.termAt(index);
  }

  /** The end of the log, as far as its payloads are in memory. For looking at it. */
  entriesInMemory(): readonly Entry[] {
    const {log} = this.#state;
    if (log.cachedFrom > log.lastIndex) return [];
    return log.slice(log.cachedFrom, log.lastIndex, Number.POSITIVE_INFINITY);
  }

  #isApplyDue(): boolean {
    return this.#state.pendingSnapshot === undefined && this.#state.log.hasApplicable();
  }

  #takeApply(): Apply | undefined {
    if (!this.#isApplyDue()) return undefined;
    const {log, limits} = this.#state;
    const entries = log.takeApplicable(limits.appliedBytesPerOutput);
    return {lo: entries[0]!.index, hi: entries.at(-1)!.index, entries};
  }

  #roleNow(): RoleChange {
    const {role, leader, term} = this.#state;
    return {role, leader, term};
  }

  #isRoleNew(): boolean {
    const {role, leader, term} = this.#state;
    const told = this.#toldRole;
    return role !== told.role || leader !== told.leader || term !== told.term;
  }

  #takeRole(): RoleChange | undefined {
    if (!this.#isRoleNew()) return undefined;
    this.#toldRole = this.#roleNow();
    return this.#toldRole;
  }
}
