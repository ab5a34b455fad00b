// Reports between a node and the reconciler hold only what changed: both keep the last one by a
// session and a number. Whoever lost the thread (a restart, a new leader, a lost answer) gets all.

import {META_SET, type ReplicaId} from '@flotilla/base';
import type {ReplicaReport} from '@flotilla/catalog';
import * as z from 'zod';
import type {ReportBook, ReportNews} from './report-book.ts';
import {nodeId, replicaId, replicaReport} from './schemas.ts';
import {WriteMeter} from './write-meter.ts';

export const reportRequest = z.object({
  /** Random, of the asking reconciler's run. */
  session: z.string(),
  /** The last report it took in; 0: none. */
  acknowledged: z.int(),
});
export type ReportRequest = z.infer<typeof reportRequest>;

export const reportAnswer = z.object({
  sequence: z.int(),
  /** It stands alone: what it does not name is not there. */
  full: z.boolean(),
  wallMs: z.number(),
  diskFree: z.number(),
  diskTotalBytes: z.number().optional(),
  /** Other nodes that this one hears; absent where an older build answers. */
  heard: z.array(nodeId).optional(),
  changed: z.array(replicaReport),
  removed: z.array(replicaId),
});

interface Difference extends ReportNews {
  readonly sequence: number;
  readonly full: boolean;
}

/** The node's side: one asker at a time, the last one. */
export class ReportSender {
  #session = '';
  #sequence = 0;

  answer({session, acknowledged}: ReportRequest, book: ReportBook): Difference {
    const isResumed = session === this.#session && acknowledged === this.#sequence;
    this.#session = session;
    this.#sequence++;
    const news = isResumed ? book.tellNews() : book.tellAll();
    return {sequence: this.#sequence, full: !isResumed, ...news};
  }
}

function isLead(report: ReplicaReport | undefined): boolean {
  return report?.role === 'leader' && report.set !== META_SET;
}

/**
 * The reconciler's side, for one node. What comes in is put aside until `settle`, so that a plan is made from
 * what was reported before it was proven that its maker leads, and each report costs what it changes.
 */
export class ReportReceiver {
  #sequence = 0;
  /** Counts answers that told something new. */
  news = 0;
  /** Replicas that lead by their node's word, without the meta group's. */
  leads = 0;
  readonly writes = new WriteMeter();
  #replicas = new Map<ReplicaId, ReplicaReport>();
  /** A whole report that came in: another map, in place of the one before. */
  #whole: Map<ReplicaId, ReplicaReport> | undefined;
  /** What came in since, or since the last `settle`; undefined: it is gone. */
  readonly #changes = new Map<ReplicaId, ReplicaReport | undefined>();
  #isSettled = false;

  get acknowledged(): number {
    return this.#sequence;
  }

  /** Something was settled: before that nothing is known of the node. */
  get isKnown(): boolean {
    return this.#isSettled;
  }

  /** As they were at the last `settle`. */
  get replicas(): ReadonlyMap<ReplicaId, ReplicaReport> {
    return this.#replicas;
  }

  take(answer: Difference, nowMs: number): void {
    this.#sequence = answer.sequence;
    this.writes.turn(nowMs);
    if (!answer.full && answer.changed.length === 0 && answer.removed.length === 0) return;
    this.news += 1;
    for (const report of answer.changed) this.writes.count(this.#latest(report.replica), report);
    if (answer.full) {
      this.#whole = new Map(answer.changed.map((report) => [report.replica, report]));
      this.#changes.clear();
      return;
    }
    for (const report of answer.changed) this.#changes.set(report.replica, report);
    for (const replica of answer.removed) this.#changes.set(replica, undefined);
  }

  /** @param changed told of each report that is new or gone, unless all are others: then the map is another. */
  settle(changed: (report: ReplicaReport) => void = () => {}): void {
    if (this.#sequence > 0) this.#isSettled = true;
    if (this.#whole !== undefined) {
      this.#replicas = this.#whole;
      this.#whole = undefined;
      this.leads = 0;
      for (const report of this.#replicas.values()) this.leads += Number(isLead(report));
    }
    for (const [replica, report] of this.#changes) {
      const before = this.#replicas.get(replica);
      this.leads += Number(isLead(report)) - Number(isLead(before));
      if (report !== undefined) this.#replicas.set(replica, report);
      else this.#replicas.delete(replica);
      const known = report ?? before;
      if (known !== undefined) changed(known);
    }
    this.#changes.clear();
  }

  #latest(replica: ReplicaId): ReplicaReport | undefined {
    if (this.#changes.has(replica)) return this.#changes.get(replica);
    return (this.#whole ?? this.#replicas).get(replica);
  }
}
