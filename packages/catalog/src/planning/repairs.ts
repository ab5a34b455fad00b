// The replacement of replicas that are lost: those of nodes that are silent for long, and damaged ones. A
// cluster of which many nodes are silent at once is cut rather than dead, and making all their replicas
// anew would bury what is left under copies: then nothing is made for the silent.
// Where no other node can take it a replica is made anew where it is. A node holds one replica of a set at a
// time, so it goes before its successor is there; one that votes and holds the whole log, and only differs in
// its rows, goes only while all other voters are there and hold all (docs/decisions/0009).

import {LIMITS, type NodeId, type ReplicaId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {Operation, RepairCause, ReplicaPlacement} from '../model.ts';
import type {Action} from './action.ts';
import {cancelledRepair, cancelledWork} from './cancelled.ts';
import {type MoveBudget, move} from './evacuation.ts';
import {liveNodes} from './fitness.ts';
import type {GroupView} from './group-view.ts';
import type {Decision} from './member-operation.ts';
import {silenceFromMs} from './pauses.ts';
import type {PlanSettings} from './plan-settings.ts';
import {majorityFault, type OperationFault} from './preconditions.ts';
import type {Reports} from './reports.ts';
import type {SetLists} from './set-lists.ts';
import {Targets} from './targets.ts';

/** With more of the nodes silent nothing is made anew for them. */
const DEAD_SHARE_MAX = 1 / 3;

/** Replicas on nodes that are gone for long, and damaged ones, get a successor. */
export function planRepairs(
  lists: SetLists,
  context: Pick<PlanSettings, 'repairAfterMs'> & {
    readonly nowMs: number;
    readonly budget: MoveBudget;
  },
): Action[] {
  const {catalog, reports} = lists;
  const {nowMs, budget} = context;
  const actions: Action[] = [];
  if (budget.left <= 0) return actions;
  const lost = lostNodes(catalog, reports, context);
  const differing = lists.operations.differing();
  const facts = {catalog, reports, nowMs, differing};
  const cancelled = cancelledWork(catalog, nowMs);
  const targets = new Targets(catalog, reports, nowMs);
  for (const group of lists.suspects(lost, differing)) {
    const {set} = group;
    if (set.state !== 'open' || catalog.operationOf(set.id)) continue;
    for (const placed of set.replicas) {
      const cause = causeOf(placed, facts, lost);
      if (cause === undefined) continue;
      if (group.leader === undefined) break;
      const report = reports.get(placed.node);
      const {replica: source} = placed;
      if (cancelledRepair(cancelled, {source, cause, report}) !== undefined) continue;
      const isSole = cause !== 'silent' && isSoleVoter(source, group);
      // All that there is: nobody can be given it whole, and as long as nothing is changed it answers.
      if (isSole && group.readyLearner === undefined) continue;
      const target = isSole ? undefined : targets.successor(set, placed.node).node;
      // A dead node's replica keeps its seat until another can be had.
      const isStaying = (): boolean =>
        cause === 'silent' || inPlaceFault(group, source, facts) !== undefined;
      if (target === undefined && isStaying()) continue;
      actions.push(
        move('repair', set, placed, {target, startedBy: 'reconciler', atMs: nowMs, cause}),
      );
      budget.left--;
      break;
    }
    if (budget.left <= 0) break;
  }
  return actions;
}

export interface RepairFacts {
  readonly catalog: Catalog;
  readonly reports: Reports;
  readonly nowMs: number;
  /** As checksums found. */
  readonly differing: ReadonlySet<ReplicaId>;
}

/** Why the replica must be made anew; undefined of one that need not. */
function causeOf(
  {replica, node}: ReplicaPlacement,
  {reports, differing}: RepairFacts,
  lost: ReadonlySet<NodeId>,
): RepairCause | undefined {
  if (reports.get(node)?.replicas.get(replica)?.damaged === true) return 'damaged';
  if (differing.has(replica)) return 'differs';
  return lost.has(node) ? 'silent' : undefined;
}

/**
 * Why the replica cannot be taken away now to be made anew where it is. Its node must be able to take it
 * again. One that is damaged takes part in nothing, so its set loses nothing with it; one that differs still
 * holds each write, and votes.
 */
export function inPlaceFault(
  group: GroupView,
  source: ReplicaId,
  {catalog, reports, nowMs, differing}: RepairFacts,
): OperationFault | undefined {
  const placed = group.placement(source);
  if (placed === undefined || group.leader === undefined) return undefined;
  // Its heir takes its vote in the change that takes it out.
  if (isSoleVoter(source, group))
    return group.readyLearner === undefined ? staying(source, 'no other') : undefined;
  if (!liveNodes(catalog, reports, nowMs).some(({id}) => id === placed.node)) {
    const message = `node ${placed.node} takes no new replicas now, so replica ${source} stays`;
    return {code: 'NO_PLACE', message};
  }
  // It counts among the voters all the same: without it the others must have a majority.
  if (group.isDamaged(source)) return majorityFault(group, {without: source, added: 0});
  const others = group.set.replicas.filter(
    ({replica}) => replica !== source && group.isVoter(replica),
  );
  const doubtful = others.find(
    (other) => group.isDamaged(other.replica) || !group.isCaughtUp(other.replica),
  );
  if (doubtful !== undefined)
    return staying(source, `not surely replica ${doubtful.replica} on node ${doubtful.node}`);
  // Two that differ are made anew one after the other, of one that does not.
  const isRightLeft = others.some(({replica}) => !differing.has(replica));
  return isRightLeft ? undefined : staying(source, 'none whose rows are known to be right');
}

/**
 * What differs must not send its rows on, and what is damaged cannot: the lead goes to another, where there is one,
 * and nobody is sent anything before.
 */
export function planRightLead(
  group: GroupView,
  differing: ReadonlySet<ReplicaId>,
): Decision | undefined {
  const {leader, leaderNode: node, set} = group;
  if (leader === undefined || node === undefined || group.joint) return undefined;
  const isRight = (replica: ReplicaId) => !differing.has(replica) && !group.isDamaged(replica);
  if (isRight(leader.replica)) return undefined;
  const to = group.heirs().find(({replica}) => isRight(replica));
  if (to !== undefined)
    return {type: 'act', action: {type: 'transfer-leader', node, set: set.id, to: to.replica}};
  const late = set.replicas.find(
    (placed) =>
      placed.replica !== leader.replica &&
      group.isVoter(placed.replica) &&
      group.isLive(placed.node) &&
      isRight(placed.replica),
  );
  return late && {type: 'wait', for: `replica ${late.replica} to catch up`};
}

/**
 * Why the copy that an operation makes holds wrong rows: a replica that differs was elected again while it was
 * made, which nobody can keep it from, and sent its own.
 */
export function wrongCopyFault(
  {target}: Operation,
  group: GroupView,
  differing: ReadonlySet<ReplicaId>,
): string | undefined {
  const placed = target && group.placement(target);
  const from = placed && group.report(placed)?.receivedFrom;
  if (from === undefined || !differing.has(from)) return undefined;
  return `replica ${target} got its rows from replica ${from}, which differs from the others`;
}

function staying(source: ReplicaId, who: string): OperationFault {
  const message = `replica ${source} stays until others hold all that is committed: ${who} does now`;
  return {code: 'MAJORITY_AT_RISK', message};
}

function isSoleVoter(replica: ReplicaId, group: GroupView): boolean {
  return group.leader?.replica === replica && group.voters.length === 1;
}

function lostNodes(
  catalog: Catalog,
  reports: Reports,
  context: Pick<PlanSettings, 'repairAfterMs'> & {readonly nowMs: number},
): ReadonlySet<NodeId> {
  const {nowMs, repairAfterMs = LIMITS.repair_after_ms.value} = context;
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
