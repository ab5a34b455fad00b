// What the leader of the meta group alone can tell of the whole cluster, from the catalog and the nodes'
// reports: counts of replica sets, by the rules of the verdict of `flotilla status`, nodes, operations,
// what people paused, and whether the clocks agree well enough for expiry. Some milliseconds for 10,000
// sets, at a scrape alone. The verdict asks each replica how it elects; a report does not say, so here the
// catalog's word counts.

import {
  type Catalog,
  isClockTrusted,
  isFinished,
  maintenanceOf,
  type Node,
  pausesOf,
  type Reports,
  repairHalt,
} from '@flotilla/catalog';
import {databaseSamples} from './database-samples.ts';
import {byLabel, type Sample} from './sample.ts';
import {countsOf, setConditions} from './set-conditions.ts';

/** Nothing in the first seconds of a leader: of a node that it has not asked yet it knows nothing. */
export function clusterSamples(catalog: Catalog, reports: Reports, nowMs: number): Sample[] {
  const nodes = [...catalog.nodes()].filter(({state}) => state !== 'decommissioned');
  if (nodes.some(({id}) => !reports.has(id))) return [];
  const isTrusted = isClockTrusted(reports, nodes.length);
  const sets = setConditions(catalog, reports);
  const halt = repairHalt(catalog, (node) => reports.get(node)?.live === false);
  const paused = pausesOf(catalog.cluster, nowMs).map(({kind}) => kind);
  const isPaused = (['repair', 'rebalance'] as const).map(
    (kind) => [kind, paused.includes(kind) ? 1 : 0] as const,
  );
  return [
    ...byLabel('flotilla_replica_sets', 'state', Object.entries(countsOf(sets))),
    ...databaseSamples(catalog, sets),
    {metric: 'flotilla_clock_trusted', value: isTrusted ? 1 : 0},
    ...byLabel('flotilla_nodes', 'state', Object.entries(nodeCounts(nodes, reports, nowMs))),
    ...byLabel('flotilla_operations', 'state', Object.entries(operationCounts(catalog))),
    ...byLabel('flotilla_automation_paused', 'what', isPaused),
    {metric: 'flotilla_repair_halted', value: halt === undefined ? 0 : 1},
  ];
}

/** A node counts as live or silent, and beside that as what people made of it. */
function nodeCounts(
  nodes: readonly Node[],
  reports: Reports,
  nowMs: number,
): Record<string, number> {
  const counts = {live: 0, silent: 0, maintenance: 0, leaving: 0};
  for (const node of nodes) {
    counts[reports.get(node.id)?.live === true ? 'live' : 'silent'] += 1;
    if (maintenanceOf(node, nowMs) !== undefined) counts.maintenance += 1;
    if (node.state !== 'active') counts.leaving += 1;
  }
  return counts;
}

function operationCounts(catalog: Catalog): Record<string, number> {
  const counts = {running: 0, waiting: 0, failed: 0};
  for (const operation of catalog.operations()) {
    if (operation.state === 'failed') counts.failed += 1;
    if (isFinished(operation)) continue;
    const isWaiting = operation.waiting !== undefined || operation.error !== undefined;
    counts[isWaiting ? 'waiting' : 'running'] += 1;
  }
  return counts;
}
