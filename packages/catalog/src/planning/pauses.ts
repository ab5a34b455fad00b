// What people have told the cluster to leave alone for now. All of it ends by itself: it is asked with
// the time, and nothing has to be taken back.

import type {Catalog} from '../catalog.ts';
import type {
  AutomationKind,
  AutomationPause,
  ClusterIdentity,
  Maintenance,
  Node,
} from '../model.ts';

/** Those that are in force. */
export function pausesOf(cluster: ClusterIdentity | undefined, nowMs: number): AutomationPause[] {
  return (cluster?.pauses ?? []).filter(({untilMs}) => untilMs === undefined || untilMs > nowMs);
}

/** Whether the cluster may begin such work by itself. */
export function isAutomatic(catalog: Catalog, kind: AutomationKind, nowMs: number): boolean {
  const {cluster} = catalog;
  if (cluster?.automation !== 'running') return false;
  return !pausesOf(cluster, nowMs).some((pause) => pause.kind === kind);
}

/** Undefined where there is none, and where it is over. */
export function maintenanceOf(
  {maintenance}: Pick<Node, 'maintenance'>,
  nowMs: number,
): Maintenance | undefined {
  return maintenance !== undefined && maintenance.untilMs > nowMs ? maintenance : undefined;
}

/** It is stopped now, or soon: a replica that came to it would stand still. */
export function isResting(node: Pick<Node, 'maintenance'>, nowMs: number): boolean {
  return maintenanceOf(node, nowMs)?.scope === 'all';
}

/** No lead belongs there now. */
export function leadsNothing(node: Node | undefined, nowMs: number): boolean {
  return node === undefined || node.state !== 'active' || maintenanceOf(node, nowMs) !== undefined;
}

/** Before the end of its maintenance nobody expects an answer of it, so its silence counts from there. */
export function silenceFromMs(node: Node | undefined, silentSinceMs: number): number {
  const {maintenance} = node ?? {};
  return maintenance?.scope === 'all'
    ? Math.max(silentSinceMs, maintenance.untilMs)
    : silentSinceMs;
}
