// Each replica set as the counts of sets see it: from the catalog and what the nodes last reported.

import {type Catalog, GroupView, type ReplicaSet, type Reports} from '@flotilla/catalog';

/** One replica set, as all counts of sets see it. */
export interface SetCondition {
  readonly set: ReplicaSet;
  readonly lead: 'led' | 'no_leader' | 'awaits_order';
  /** A replica is missing, stopped, or on a node that does not answer. */
  readonly isLacking: boolean;
  /** By how much the replica that answers and has applied least is behind the leader's log. */
  readonly lagEntries: number;
  /** Of the parts of all its replicas. */
  readonly diskBytes: number;
}

/** Those that are being dropped count no more. */
export function setConditions(catalog: Catalog, reports: Reports): SetCondition[] {
  const conditions: SetCondition[] = [];
  for (const set of catalog.replicaSets()) {
    if (set.state === 'dropping') continue;
    const group = new GroupView(set, reports);
    const isManual = catalog.failoverOf(set.id) === 'manual';
    const lead = group.leader !== undefined ? 'led' : isManual ? 'awaits_order' : 'no_leader';
    let isLacking = false;
    let lagEntries = 0;
    let diskBytes = 0;
    for (const placed of set.replicas) {
      const report = group.report(placed);
      const isThere = group.isLive(placed.node) && report !== undefined;
      if (!isThere || report.role === 'stopped') isLacking = true;
      diskBytes += report?.diskBytes ?? 0;
      if (isThere && group.leader !== undefined)
        lagEntries = Math.max(lagEntries, group.leader.lastIndex - report.appliedIndex);
    }
    conditions.push({set, lead, isLacking, lagEntries, diskBytes});
  }
  return conditions;
}

type SetCounts = Record<SetCondition['lead'] | 'lacks_replica', number>;

export function countsOf(sets: Iterable<SetCondition>): SetCounts {
  const counts = {led: 0, no_leader: 0, awaits_order: 0, lacks_replica: 0};
  for (const {lead, isLacking} of sets) {
    counts[lead] += 1;
    if (isLacking) counts.lacks_replica += 1;
  }
  return counts;
}
