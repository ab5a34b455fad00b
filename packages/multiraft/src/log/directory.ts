// The directory of a store: which replicas live in it, and the tombstones of those that did. It is
// the log's own state machine: recovery and the running log pass every item through `apply`.
// Law: what stands behind a replica's tombstone is void, whoever wrote it: the replica never lives again.
// Law: no log holds what `apply` would refuse; `admit` looks before anything is written.

import {assert, FatalError, META_SET, type ReplicaId, type ReplicaSetId} from '@flotilla/base';
import {GroupLog} from './group-log.ts';
import type {EntryBlock, LogItem, ReplicaKey} from './log-item.ts';

/** Told numbers above `after` and up to `until`. */
export interface Gap {
  readonly after: number;
  readonly until: number;
}

/** Of as many lives: what was told before and lost goes unnoticed if nobody who knows was met since. */
const GAPS_MAX = 64;

/** As many records as it leaves take longer than any disk lasts. */
const OFFSET_MAX = 2 ** 52;

export class LogDirectory {
  readonly groups = new Map<ReplicaSetId, GroupLog>();
  /** The highest replica id of the set that was destroyed here: it and all below never live again. */
  readonly tombstones = new Map<ReplicaSetId, ReplicaId>();
  /** Records are told as so much further on than they are. */
  recordOffset = 0;
  /** Numbers that lives of this store left out; whoever was told one was told of a record that is lost. */
  gaps: readonly Gap[] = [];
  /** It came back without what it had told: replicas may have lived here that nothing here tells of. */
  hasLoss = false;
  /** Destroyed replicas whose state machine may still hold data: of a set more than one where disks failed. */
  readonly #unburied = new Map<ReplicaSetId, Set<ReplicaId>>();

  /**
   * Of items that are about to be written, in that order, those that may be: without the void ones.
   * Asserts that the others are of replicas that live here by then.
   */
  admit(items: readonly LogItem[]): LogItem[] {
    const buried = new Map<ReplicaSetId, ReplicaId>();
    const made = new Map<ReplicaSetId, ReplicaId>();
    return items.filter((item) => {
      if (isOfStore(item)) return true;
      const {type, set, replica} = item;
      const isBuried = this.#isBuried(item) || replica <= (buried.get(set) ?? 0);
      if (type === 'tombstone') {
        if (!isBuried) buried.set(set, replica);
        return true;
      }
      if (isBuried) return false;
      if (type === 'create' || type === 'group') made.set(set, replica);
      const living = made.get(set) ?? this.groups.get(set)?.replica;
      assert(living === replica, () => `${type} of replica ${replica} of set ${set}, not here`);
      return true;
    });
  }

  /** Throws FatalError for items that no log of ours can hold in this order. */
  apply(item: LogItem, block: EntryBlock | undefined, segment: number): void {
    if (item.type !== 'tombstone' && !isOfStore(item) && this.#isBuried(item)) return;
    switch (item.type) {
      case 'create':
        this.groups.set(item.set, new GroupLog(item.set, item.replica, item.founding));
        return;
      case 'tombstone':
        this.#bury(item);
        return;
      case 'group':
        this.#restore(item);
        return;
      case 'write':
        this.#group(item).write(item, block, segment);
        return;
      case 'failover':
        this.#group(item).manual = item.manual;
        return;
      case 'compact':
        this.#group(item).compact(item.firstIndex, item.prevTerm);
        return;
      case 'configured':
        this.#group(item).configured(item.index);
        return;
      case 'damaged':
        this.#group(item).damage();
        return;
      case 'renumbered':
        this.#number(item.offset);
        this.gaps = [];
        return;
      case 'gap': {
        const {after, until} = item;
        if (until < after) throw new FatalError(`corrupt log: a gap from ${after} to ${until}`);
        this.#number(this.recordOffset + until - after);
        this.gaps = [...this.gaps, {after, until}].slice(-GAPS_MAX);
        return;
      }
      case 'loss':
        this.hasLoss = !item.isSettled;
        return;
    }
  }

  /** Everything, as the items of a checkpoint. */
  toItems(): LogItem[] {
    const items: LogItem[] = [];
    const skipped = this.gaps.reduce((sum, {after, until}) => sum + until - after, 0);
    if (this.recordOffset > 0) items.push(renumbered(this.recordOffset - skipped));
    for (const one of this.gaps) items.push(gap(one));
    if (this.hasLoss) items.push(loss({isSettled: false}));
    for (const [set, replica] of this.tombstones) {
      const dataGone = this.#unburied.get(set)?.has(replica) !== true;
      items.push({type: 'tombstone', set, replica, dataGone});
    }
    for (const [set, replica] of this.unburied())
      if (replica !== this.tombstones.get(set))
        items.push({type: 'tombstone', set, replica, dataGone: false});
    for (const group of this.groups.values()) items.push(group.toItem());
    return items;
  }

  *unburied(): Generator<readonly [ReplicaSetId, ReplicaId]> {
    for (const [set, replicas] of this.#unburied)
      for (const replica of replicas) yield [set, replica];
  }

  /** Records are told as numbers that are exact, and what is added to one is seen. */
  #number(offset: number): void {
    if (offset > OFFSET_MAX)
      throw new FatalError(`corrupt log: records are numbered from ${offset} on`);
    this.recordOffset = offset;
  }

  #isBuried({set, replica}: ReplicaKey): boolean {
    return replica <= (this.tombstones.get(set) ?? 0);
  }

  #bury({set, replica, dataGone}: Extract<LogItem, {type: 'tombstone'}>): void {
    const before = this.tombstones.get(set);
    if (before === undefined || before < replica) this.tombstones.set(set, replica);
    const unburied = this.#unburied.get(set) ?? new Set();
    if (dataGone) unburied.delete(replica);
    else unburied.add(replica);
    if (unburied.size > 0) this.#unburied.set(set, unburied);
    else this.#unburied.delete(set);
    const group = this.groups.get(set);
    if (group !== undefined && group.replica <= replica) this.groups.delete(set);
  }

  /** In the oldest segment's checkpoint it makes the group; in later ones it tells what was compacted. */
  #restore(item: Extract<LogItem, {type: 'group'}>): void {
    const group = this.groups.get(item.set);
    if (group === undefined) {
      this.groups.set(item.set, GroupLog.restore(item));
      return;
    }
    if (group.replica !== item.replica || group.lastIndex !== item.lastIndex)
      throw new FatalError(
        `corrupt log: checkpoint of set ${item.set} differs from the records before it`,
      );
    group.compact(item.firstIndex, item.prevTerm);
  }

  #group(key: ReplicaKey): GroupLog {
    const group = this.groups.get(key.set);
    if (group === undefined || group.replica !== key.replica)
      throw new FatalError(
        `corrupt log: record of replica ${key.replica} of set ${key.set}, which does not live here`,
      );
    return group;
  }
}

const STORE = {set: META_SET, replica: 0 as ReplicaId};

export function renumbered(offset: number): LogItem {
  return {type: 'renumbered', ...STORE, offset};
}

export function gap({after, until}: Gap): LogItem {
  return {type: 'gap', ...STORE, after, until};
}

export function loss({isSettled}: {readonly isSettled: boolean}): LogItem {
  return {type: 'loss', ...STORE, isSettled};
}

function isOfStore({type}: LogItem): boolean {
  return type === 'renumbered' || type === 'gap' || type === 'loss';
}
