// The replacement of replicas that are lost: those of nodes that are silent for long, and damaged ones. A
// cluster of which many nodes are silent at once is cut rather than dead, and making all their replicas
// anew would bury what is left under copies: then nothing is made for the silent.

import type {NodeId, ReplicaId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {Operation} from '../model.ts';
import type {Action} from './action.ts';
import {type MoveBudget, move, setsWithMeta} from './evacuation.ts';
import {GroupView} from './group-view.ts';
import {silenceFromMs} from './pauses.ts';
import {differingReplicas} from './replica-work.ts';
import type {Reports} from './reports.ts';
import {Targets} from './targets.ts';

/** A node that was silent for so long is not coming back soon: its replicas are made anew elsewhere. */
export const REPAIR_AFTER_MS = 10 * 60_000;
/** With more of the nodes silent nothing is made anew for them. */
const DEAD_SHARE_MAX = 1 / 3;

/** Replicas on nodes that are gone for long, and damaged ones, get a successor. */
export function planRepairs(
  catalog: Catalog,
  reports: Reports,
  context: {
    readonly nowMs: number;
    readonly budget: MoveBudget;
    readonly repairAfterMs?: number | undefined;
  },
): Action[] {
  const lost = lostNodes(catalog, reports, context);
  const differing = differingReplicas(catalog);
  const targets = new Targets(catalog, reports, context.nowMs);
  const actions: Action[] = [];
  for (const set of setsWithMeta(catalog)) {
    if (context.budget.left <= 0) break;
    if (set.state !== 'open' || catalog.operationOf(set.id)) continue;
    for (const placed of set.replicas) {
      const report = reports.get(placed.node)?.replicas.get(placed.replica);
      const damaged = report?.damaged === true || differing.has(placed.replica);
      if (!damaged && !lost.has(placed.node)) continue;
      const group = new GroupView(set, reports);
      if (group.leader === undefined) break;
      const isSole = damaged && isSoleVoter(placed.replica, group);
      // All that there is: nobody can be given it whole, and as long as nothing is changed it answers.
      if (isSole && !hasHeir(group)) continue;
      const [target] = isSole ? [] : targets.pick(set, 1, placed.node);
      // In place only where the node lives: a dead one's replica keeps its seat till then.
      const isInPlace = damaged && reports.get(placed.node)?.live === true;
      if (target === undefined && !isInPlace) continue;
      actions.push(move('repair', set, placed, target, 'reconciler', context.nowMs));
      context.budget.left--;
      break;
    }
  }
  return actions;
}

function isSoleVoter(replica: ReplicaId, group: GroupView): boolean {
  return group.leader?.replica === replica && group.voters.length === 1;
}

/** A learner that holds all, so that it can vote in the place of the only voter. */
function hasHeir(group: GroupView): boolean {
  return group.set.replicas.some(
    ({replica, node}) =>
      group.isLearner(replica) && group.isLive(node) && group.isCaughtUp(replica),
  );
}

function lostNodes(
  catalog: Catalog,
  reports: Reports,
  context: {readonly nowMs: number; readonly repairAfterMs?: number | undefined},
): ReadonlySet<NodeId> {
  const {nowMs, repairAfterMs = REPAIR_AFTER_MS} = context;
  const lost = new Set<NodeId>();
  for (const report of reports.values()) {
    const node = catalog.node(report.node);
    const silentMs = nowMs - silenceFromMs(node, report.silentSinceMs ?? nowMs);
    if (!report.live && silentMs >= repairAfterMs) lost.add(report.node);
  }
  const isSilent = (node: NodeId) => reports.get(node)?.live === false;
  return lost.size > 0 && repairHalt(catalog, isSilent) !== undefined ? new Set() : lost;
}

/** What keeps the replicas of silent nodes from being made anew; undefined where nothing does. */
export interface RepairHalt {
  readonly silent: readonly NodeId[];
  /** That hold replicas or could. */
  readonly nodes: number;
}

/** Nodes that went for good and hold nothing any more count neither way. */
export function repairHalt(
  catalog: Catalog,
  isSilent: (node: NodeId) => boolean,
): RepairHalt | undefined {
  const counted = [...catalog.nodes()].filter(
    ({id, state}) => state !== 'decommissioned' && (!isSilent(id) || catalog.replicaCount(id) > 0),
  );
  const silent = counted.map(({id}) => id).filter(isSilent);
  if (silent.length <= counted.length * DEAD_SHARE_MAX) return undefined;
  return {silent, nodes: counted.length};
}

/** What was to be made anew is here again, whole. */
export function isReturned(operation: Operation, group: GroupView): boolean {
  const placed = operation.source === undefined ? undefined : group.placement(operation.source);
  if (placed === undefined || !group.isLive(placed.node)) return false;
  const report = group.report(placed);
  return report !== undefined && report.role !== 'stopped' && report.damaged !== true;
}
