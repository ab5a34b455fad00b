// Applies what is committed, group after group in a circle, a bounded piece each, so that a hot group
// does not starve the others. A configuration entry stops its batch until the core has said which
// configuration it made: the state machine must remember exactly that.

import type {Clock, ReplicaId} from '@flotilla/base';
import type {Configuration, Entry} from '@flotilla/raft';
import type {HostCounts} from './host-counts.ts';
import type {HostedGroup} from './hosted-group.ts';
import type {EntryOrders} from './options.ts';
import {isWedged} from './wedged.ts';

/** Entries of one group before the next has its turn: some 100 us of small ones. */
const ENTRIES_PER_VISIT = 256;
/** Of one turn, for all groups: beats and acknowledgements must not wait longer. */
const TURN_MS_MAX = 5;

/** Why a replica stopped before an entry that it could apply, perhaps. */
class HeldEntry extends Error {
  override readonly name = 'HeldEntry';

  constructor() {
    super('an order to skip it is open');
  }
}

export interface ApplierHooks {
  applied(group: HostedGroup): void;
  /** @param failedIndex the entry that could not be applied; absent: something else went wrong. */
  broken(group: HostedGroup, error: unknown, failedIndex: number | undefined): void;
  entryOrders(group: HostedGroup): EntryOrders | undefined;
}

export class Applier {
  readonly #clock: Clock;
  readonly #counts: HostCounts;
  readonly #hooks: ApplierHooks;
  #queue: HostedGroup[] = [];
  readonly #queued = new Set<HostedGroup>();
  /** Groups whose state machine applies or takes no more now; asked again each tick. */
  readonly blocked = new Set<HostedGroup>();

  constructor(clock: Clock, counts: HostCounts, hooks: ApplierHooks) {
    this.#clock = clock;
    this.#counts = counts;
    this.#hooks = hooks;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  add(group: HostedGroup): void {
    if (this.#queued.has(group)) return;
    this.#queued.add(group);
    this.#queue.push(group);
  }

  /** Those whose state machine may take more again. */
  retryBlocked(): readonly HostedGroup[] {
    const nowMs = this.#clock.monotonicMs();
    const ready = [...this.blocked].filter((group) => isFree(group, nowMs));
    for (const group of ready) {
      this.blocked.delete(group);
      group.blocked = undefined;
      this.add(group);
    }
    return ready;
  }

  /** Its state machine was asked, and applies nothing more now, or takes nothing. */
  block(group: HostedGroup): void {
    const {machine, blocked} = group;
    const isRefusing = mayApply(group);
    this.blocked.add(group);
    if (blocked !== undefined && (isRefusing || !blocked.isRefusing)) return;
    const sinceMs = this.#clock.monotonicMs();
    const flushedIndex = machine.durablePoint().index;
    const untried = {isTold: false, offered: new Set<ReplicaId>(), offerDueMs: sinceMs};
    group.blocked = {isRefusing, sinceMs, flushedIndex, ...untried};
  }

  isWedged(group: HostedGroup): boolean {
    return isWedged(group, this.#clock.monotonicMs());
  }

  run(): void {
    const endMs = this.#clock.monotonicMs() + TURN_MS_MAX;
    // At least one visit, whatever the clock says.
    do {
      const group = this.#queue.shift();
      if (group === undefined) return;
      this.#queued.delete(group);
      this.#visit(group);
    } while (this.#clock.monotonicMs() < endMs);
  }

  /** The core told which configuration the waiting entry made; undefined: none. */
  configured(group: HostedGroup, configuration: Configuration | undefined): void {
    const entry = group.configEntry;
    if (entry === undefined) return;
    group.configEntry = undefined;
    const {index, term} = entry;
    if (configuration === undefined) group.machine.applyNothing(index, term);
    else group.machine.applyConfiguration(index, term, configuration);
    group.appliedIndex = index;
    const proposal = group.waits.applied(index, undefined);
    if (proposal !== undefined) {
      const nowMs = this.#clock.monotonicMs();
      this.#counts.proposalApplied(proposal, nowMs, nowMs);
    }
    group.machine.afterApply();
    this.#endBatch(group);
    if (group.applying !== undefined) this.add(group);
  }

  #visit(group: HostedGroup): void {
    if (group.isGone || group.isInstalling || group.configEntry !== undefined) return;
    if (group.applying === undefined) return;
    try {
      this.#applySome(group);
    } catch (error) {
      const entry = group.applying?.entries[group.applying.at - 1];
      const isEntry = entry !== undefined && entry.index > group.appliedIndex;
      this.#hooks.broken(group, error, isEntry ? entry.index : undefined);
      return;
    }
    const isBlocked = group.blocked?.isRefusing === false;
    if (group.applying !== undefined && group.configEntry === undefined && !isBlocked)
      this.add(group);
  }

  #applySome(group: HostedGroup): void {
    const {machine} = group;
    const applying = group.applying!;
    const before = group.appliedIndex;
    const orders = this.#hooks.entryOrders(group);
    for (let visited = 0; visited < ENTRIES_PER_VISIT; visited++) {
      const entry = applying.entries[applying.at];
      if (entry === undefined) break;
      // An election must not have thousands of them read what nobody uses, nor wait for room.
      const hasEffect = entry.type === 'normal' && orders?.skipped.includes(entry.index) !== true;
      if (hasEffect && !machine.canApply(entry.payload)) {
        this.block(group);
        break;
      }
      applying.at += 1;
      if (entry.type === 'config') {
        group.configEntry = entry;
        group.raft.step({type: 'applied', index: entry.index});
        break;
      }
      if (!hasEffect) {
        machine.applyNothing(entry.index, entry.term);
      } else {
        if (orders?.held.includes(entry.index) === true) throw new HeldEntry();
        this.#apply(group, entry);
      }
      group.appliedIndex = entry.index;
    }
    if (group.configEntry === undefined && group.appliedIndex > before) {
      group.raft.step({type: 'applied', index: group.appliedIndex});
      machine.afterApply();
    }
    if (group.configEntry === undefined) this.#endBatch(group);
    this.#hooks.applied(group);
  }

  #apply({machine, waits}: HostedGroup, {index, term, payload}: Entry): void {
    const beganMs = this.#clock.monotonicMs();
    const {value} = machine.apply(index, term, payload);
    const endedMs = this.#clock.monotonicMs();
    this.#counts.apply.observeMs(endedMs - beganMs);
    const proposal = waits.applied(index, value);
    if (proposal !== undefined) this.#counts.proposalApplied(proposal, beganMs, endedMs);
  }

  #endBatch(group: HostedGroup): void {
    if (group.applying !== undefined && group.applying.at >= group.applying.entries.length)
      group.applying = undefined;
  }
}

/** What comes next, or whatever may. */
function mayApply({machine, applying}: HostedGroup): boolean {
  return machine.canApply(applying?.entries[applying.at]?.payload);
}

/** Its state machine goes on, or it need not. Where a flush has ended more will: the wait begins anew. */
function isFree(group: HostedGroup, nowMs: number): boolean {
  const {isGone, isLeader, machine, blocked} = group;
  if (isGone || blocked === undefined) return true;
  if (!blocked.isRefusing) return mayApply(group);
  const flushedIndex = machine.durablePoint().index;
  if (flushedIndex > blocked.flushedIndex) {
    blocked.flushedIndex = flushedIndex;
    blocked.sinceMs = nowMs;
  }
  return !isLeader || machine.canTake();
}
