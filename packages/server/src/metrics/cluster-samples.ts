// What the leader of the meta group alone can tell of the whole cluster, from the catalog and the nodes'
// reports: counts of replica sets, by the rules of the verdict of `flotilla status`, and whether the clocks
// agree well enough for expiry. Some milliseconds for 10,000 sets, at a scrape alone. The verdict asks each
// replica how it elects; a report does not say, so here the catalog's word counts.

import {type Catalog, GroupView, isClockTrusted, type Reports} from '@flotilla/catalog';
import {byLabel, type Sample} from './sample.ts';

/** Nothing in the first seconds of a leader: of a node that it has not asked yet it knows nothing. */
export function clusterSamples(catalog: Catalog, reports: Reports): Sample[] {
  const nodes = [...catalog.nodes()].filter(({state}) => state !== 'decommissioned');
  if (nodes.some(({id}) => !reports.has(id))) return [];
  const isTrusted = isClockTrusted(reports, nodes.length);
  return [
    ...byLabel('flotilla_replica_sets', 'state', Object.entries(setCounts(catalog, reports))),
    {metric: 'flotilla_clock_trusted', value: isTrusted ? 1 : 0},
  ];
}

function setCounts(catalog: Catalog, reports: Reports): Record<string, number> {
  const counts = {led: 0, no_leader: 0, awaits_order: 0, lacks_replica: 0};
  for (const set of catalog.replicaSets()) {
    if (set.state === 'dropping') continue;
    const group = new GroupView(set, reports);
    if (group.leader !== undefined) counts.led += 1;
    else if (catalog.failoverOf(set.id) === 'manual') counts.awaits_order += 1;
    else counts.no_leader += 1;
    if (set.replicas.some((placed) => !isThere(group, placed))) counts.lacks_replica += 1;
  }
  return counts;
}

/** It answers, has the replica, and that did not stop itself. */
function isThere(group: GroupView, placed: GroupView['set']['replicas'][number]): boolean {
  if (!group.isLive(placed.node)) return false;
  const report = group.report(placed);
  return report !== undefined && report.role !== 'stopped';
}
