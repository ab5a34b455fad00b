// Which log entries may go. Never one above the state machine's durable index. Up to there: as soon as
// every member is known to hold them; else only when the group or the store is over its byte budget,
// the largest holder first. A member that answers, and only is slow, or is just being sent a snapshot,
// has some budgets' worth of patience: else it would need the next snapshot when it has this one. A
// follower knows of the others only that a group is caught up once its leader sleeps too, but for members
// whose nodes are gone: it may be the one to lead when they come back. Over the budget the newest half of it
// stays, for who was away for a moment.
// A quiet group may pin an old segment by a few bytes: over budget it is flushed, so that it lets go, and so it is,
// a few at a time, where hardly anything of a store's log is needed. Where that fails for a reason that passes it
// is tried again, ever more seldom and a bounded number of times.
// Looked at are the groups in which something happened since; now and then all, since a flush is not told.

import {isDiskFull, isPassing, LIMITS, type Log, type ReplicaSetId} from '@flotilla/base';
import type {ProgressStatus} from '@flotilla/raft';
import type {GroupLog} from '../log/group-log.ts';
import {UNNEEDED_SHARE} from '../log/segment-log.ts';
import type {Driver} from './driver.ts';
import type {HostedGroup} from './hosted-group.ts';
import type {NodeStates} from './node-states.ts';
import type {HostLimits} from './options.ts';
import {retryDelayMs} from './retry-delay.ts';
import type {Store} from './store.ts';

/** Times a group's budget, for members that answer. */
const PATIENCE = 4;
/** Fewer are not worth an item in the log, unless the group falls asleep. */
const ENTRIES_MIN = 64;
/** With less of a store's log needed, whoever needs some of it lets go. */
const NEEDED_SHARE = 1 / 8;
/** Flushes at once for its sake. */
const UNPINNED_AT_ONCE = 8;
/** Each so many runs all groups are looked at: for those that sleep and were flushed. */
const ALL_EVERY_RUNS = 10;
const FLUSH_FAILURES_MAX = LIMITS.flush_failures_max.value;

/** Of flushes that failed one after another for a reason that passes. */
interface FlushFailures {
  readonly count: number;
  /** Not before. */
  readonly retryAtMs: number;
}

interface Holder {
  readonly group: HostedGroup;
  readonly place: GroupLog;
}

export class Retention {
  readonly #driver: Driver;
  readonly #limits: HostLimits;
  readonly #changes: () => Iterable<ReplicaSetId>;
  readonly #nodes: Pick<NodeStates, 'isAtRest'>;
  readonly #log: Log | undefined;
  readonly #flushing = new Set<HostedGroup>();
  readonly #failures = new WeakMap<HostedGroup, FlushFailures>();
  #runs = 0;
  #nowMs = 0;

  /** @param changes which sets changed since it was last called */
  constructor(
    driver: Driver,
    {limits, log}: {readonly limits: HostLimits; readonly log?: Log | undefined},
    nodes: Pick<NodeStates, 'isAtRest'>,
    changes: () => Iterable<ReplicaSetId>,
  ) {
    this.#driver = driver;
    this.#limits = limits;
    this.#changes = changes;
    this.#nodes = nodes;
    this.#log = log;
  }

  run(stores: readonly Store[], nowMs: number): void {
    this.#nowMs = nowMs;
    const changed = [...this.#changes()];
    const isForAll = this.#runs % ALL_EVERY_RUNS === 0;
    this.#runs += 1;
    for (const store of stores) {
      if (store.failure !== undefined) continue;
      const isOver = store.log.totalBytes > this.#limits.storeLogBytesMax;
      const holders = this.#letGo(
        isForAll || isOver ? store.log.groups() : placesOf(store, changed),
      );
      if (isOver) this.#shrink(store, holders);
      else if (isForAll) this.#lighten(store, holders);
    }
    this.#evict(changed);
  }

  /** Returns whoever has entries in the log. */
  #letGo(places: Iterable<GroupLog>): Holder[] {
    const holders: Holder[] = [];
    for (const place of places) {
      const group = this.#driver.groups.get(place.set);
      if (group === undefined || group.isGone || group.isInstalling) continue;
      if (place.replica !== group.replica || place.runs.length === 0) continue;
      // What it may let go is told by its machine first: to ask the core takes far longer.
      if (group.machine.durablePoint().index >= place.firstIndex)
        this.#compact(group, place, {upto: this.#upto(group, place), atLeast: ENTRIES_MIN});
      holders.push({group, place});
    }
    return holders;
  }

  /** A log over its budget: the largest holders go first. */
  #shrink(store: Store, holders: Holder[]): void {
    let excess = store.log.totalBytes - this.#limits.storeLogBytesMax;
    holders.sort((a, b) => b.place.retainedBytes - a.place.retainedBytes);
    for (const {group, place} of holders) {
      if (excess <= 0) break;
      excess -= place.retainedBytes;
      this.#compact(group, place, {upto: Infinity, atLeast: 1});
    }
    this.#unpin(store, holders, Infinity);
  }

  /** A log of which hardly anything is needed: it goes as a whole once nothing is. */
  #lighten(store: Store, holders: readonly Holder[]): void {
    const {totalBytes} = store.log;
    if (totalBytes < this.#limits.segmentBytes * UNNEEDED_SHARE) return;
    const needed = holders.reduce((sum, {place}) => sum + place.retainedBytes, 0);
    if (needed > totalBytes * NEEDED_SHARE) return;
    for (const {group, place} of holders)
      this.#compact(group, place, {upto: this.#upto(group, place), atLeast: 1});
    this.#unpin(store, holders, UNPINNED_AT_ONCE);
  }

  #upto(group: HostedGroup, place: GroupLog): number {
    const {groupLogBytesMax} = this.#limits;
    const {retainedBytes} = place;
    // Who waits for what the disk does not give is sent a snapshot in its stead.
    if (group.unreadableIndex >= place.firstIndex) return Infinity;
    if (retainedBytes <= groupLogBytesMax) return this.#heldBy(group, () => true);
    const isPatient = group.isLeader && retainedBytes <= PATIENCE * groupLogBytesMax;
    // Not whether it answered lately: what waits for a snapshot has little to say.
    const held = isPatient ? this.#heldBy(group, ({reachable}) => reachable) : Infinity;
    return Math.min(held, place.lastBefore(groupLogBytesMax / 2));
  }

  /** The highest index that each of those members is known to hold, or will by its snapshot. */
  #heldBy(group: HostedGroup, counts: (member: ProgressStatus) => boolean): number {
    if (!group.isLeader) return this.#nodes.isAtRest(group) ? group.appliedIndex : 0;
    let held = Infinity;
    for (const member of group.raft.status().progress.values()) {
      const {matchIndex, state, pendingSnapshotIndex} = member;
      if (counts(member))
        held = Math.min(held, state === 'snapshot' ? pendingSnapshotIndex : matchIndex);
    }
    return held;
  }

  /** @param atLeast so many entries, where it is awake and within its budget */
  #compact(
    group: HostedGroup,
    place: GroupLog,
    {upto, atLeast}: {readonly upto: number; readonly atLeast: number},
  ): void {
    const last = Math.min(upto, group.machine.durablePoint().index, group.appliedIndex);
    const count = last + 1 - place.firstIndex;
    const isOver = place.retainedBytes > this.#limits.groupLogBytesMax || upto === Infinity;
    if (count <= 0 || (count < atLeast && !group.isAsleep && !isOver)) return;
    const prevTerm = place.termAt(last);
    if (prevTerm === undefined) return;
    const {set, replica, store} = group;
    this.#driver.step(group, {type: 'compacted', firstIndex: last + 1});
    store.add({type: 'compact', set, replica, firstIndex: last + 1, prevTerm});
  }

  /** Flushes who holds the oldest segment. */
  #unpin(store: Store, holders: readonly Holder[], atOnce: number): void {
    for (const {group, place} of holders) {
      if (this.#flushing.size >= atOnce) return;
      if (place.oldestSegment !== store.log.oldestSegment || this.#flushing.has(group)) continue;
      if (group.machine.durablePoint().index >= group.appliedIndex) continue;
      if (this.#nowMs < (this.#failures.get(group)?.retryAtMs ?? 0)) continue;
      this.#flushing.add(group);
      group.machine.flush().then(
        () => {
          this.#flushing.delete(group);
          this.#failures.delete(group);
        },
        (error: unknown) => {
          this.#flushing.delete(group);
          this.#flushFailed(group, error);
        },
      );
    }
  }

  /** The segment stays meanwhile. */
  #flushFailed(group: HostedGroup, error: unknown): void {
    // Once there is room the next look lets go of it.
    if (isDiskFull(error)) return;
    const count = (this.#failures.get(group)?.count ?? 0) + 1;
    if (!isPassing(error) || count >= FLUSH_FAILURES_MAX) {
      this.#driver.stopGroup(group, `flush failed: ${String(error)}`);
      return;
    }
    this.#failures.set(group, {count, retryAtMs: this.#nowMs + retryDelayMs(count - 1)});
    const {set, replica} = group;
    this.#log?.warn(
      {set, replica, count, err: error},
      'cannot flush replica now, and tries it again',
    );
  }

  /** Entries in memory beyond the budget, and all of sleeping groups: followers behind read from disk. */
  #evict(changed: readonly ReplicaSetId[]): void {
    let bytes = 0;
    // One that sleeps and did not change since has none: it was the last time.
    const groups = changed
      .map((set) => this.#driver.groups.get(set))
      .filter((group) => group !== undefined && group.cachedBytes > 0) as HostedGroup[];
    for (const group of groups) bytes += group.cachedBytes;
    groups.sort((a, b) => b.cachedBytes - a.cachedBytes);
    for (const group of groups) {
      // What it has to apply yet stays, and would not be counted any more.
      const isAtRest = group.isAsleep && group.applying === undefined;
      if (!isAtRest && bytes <= this.#limits.cacheBytesMax) continue;
      bytes -= group.cachedBytes;
      group.cachedBytes = 0;
      this.#driver.step(group, {type: 'evict', uptoIndex: group.appliedIndex});
    }
  }
}

function* placesOf(store: Store, sets: readonly ReplicaSetId[]): Generator<GroupLog> {
  for (const set of sets) {
    const place = store.log.group(set);
    if (place !== undefined) yield place;
  }
}
