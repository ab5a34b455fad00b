// Which nodes may be given something: one rule for replicas, one for leads. Everything that places asks
// here, so that a drained, full or doubtful node gets nothing by any way.

import type {NodeId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {Node} from '../model.ts';
import {distrustedClocks} from './clocks.ts';
import {isResting, leadsNothing} from './pauses.ts';
import type {Reports} from './reports.ts';

/** Below this part of its disk free a node takes no new replicas. */
export const REPLICA_DISK_FREE_MIN = 0.15;
/** Below it a node takes no writes, and gives away what it leads. */
const LEAD_DISK_FREE_MIN = 0.05;
/** From it on it gets leads again that only even out: they do not come back with the first byte that is freed. */
const EVEN_DISK_FREE_MIN = 0.06;

/** Nodes that may hold more replicas. Without a report (before the first) a node counts as fit. */
export function fitNodes(catalog: Catalog, reports: Reports): Node[] {
  const distrusted = distrustedClocks(reports);
  return [...catalog.nodes()].filter(({id, state}) => {
    const report = reports.get(id);
    if (state !== 'active' || distrusted.has(id)) return false;
    return report === undefined || report.diskFree >= REPLICA_DISK_FREE_MIN;
  });
}

/** Those of them that answer and are not about to be stopped. */
export function liveNodes(catalog: Catalog, reports: Reports, nowMs: number): Node[] {
  return fitNodes(catalog, reports).filter(
    (node) => reports.get(node.id)?.live === true && !isResting(node, nowMs),
  );
}

/** Only a live node leads, and none in maintenance. */
export function takesLeads(id: NodeId, catalog: Catalog, reports: Reports, nowMs: number): boolean {
  const report = reports.get(id);
  if (report?.live !== true || leadsNothing(catalog.node(id), nowMs)) return false;
  return report.diskFree >= LEAD_DISK_FREE_MIN;
}

/** Its leads are as many as the others'. */
export function sharesLeads(
  id: NodeId,
  catalog: Catalog,
  reports: Reports,
  nowMs: number,
): boolean {
  if (!takesLeads(id, catalog, reports, nowMs)) return false;
  return reports.get(id)!.diskFree >= EVEN_DISK_FREE_MIN;
}

/** It refuses writes for want of space. */
export function isFull(id: NodeId, reports: Reports): boolean {
  return (reports.get(id)?.diskFree ?? 1) < LEAD_DISK_FREE_MIN;
}
