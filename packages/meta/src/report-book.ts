// What the replicas of a node report: all of it, and what became other since it was told last, so that a
// report costs what changed, not what is there.

import type {ReplicaId} from '@flotilla/base';
import type {ReplicaReport} from '@flotilla/catalog';

export interface ReportNews {
  readonly changed: readonly ReplicaReport[];
  readonly removed: readonly ReplicaId[];
}

/** Told to one reader: what was told to one is news to no other. */
export class ReportBook {
  readonly #reports = new Map<ReplicaId, ReplicaReport>();
  /** Of those that were put or removed since: what was told of them last; undefined: nothing. */
  readonly #touched = new Map<ReplicaId, ReplicaReport | undefined>();

  put(report: ReplicaReport): void {
    const {replica} = report;
    if (this.#reports.get(replica) === report) return;
    this.#touch(replica);
    this.#reports.set(replica, report);
  }

  remove(replica: ReplicaId): void {
    if (!this.#reports.has(replica)) return;
    this.#touch(replica);
    this.#reports.delete(replica);
  }

  all(): Iterable<ReplicaReport> {
    return this.#reports.values();
  }

  tellAll(): ReportNews {
    this.#touched.clear();
    return {changed: [...this.#reports.values()], removed: []};
  }

  /** Since the last call of either. */
  tellNews(): ReportNews {
    const changed: ReplicaReport[] = [];
    const removed: ReplicaId[] = [];
    for (const [replica, told] of this.#touched) {
      const now = this.#reports.get(replica);
      if (now !== undefined && !isSame(told, now)) changed.push(now);
      if (now === undefined && told !== undefined) removed.push(replica);
    }
    this.#touched.clear();
    return {changed, removed};
  }

  #touch(replica: ReplicaId): void {
    if (!this.#touched.has(replica)) this.#touched.set(replica, this.#reports.get(replica));
  }
}

/** What became other and then again what it was is no news. */
function isSame(told: ReplicaReport | undefined, now: ReplicaReport): boolean {
  return told === now || (told && JSON.stringify(told)) === JSON.stringify(now);
}
