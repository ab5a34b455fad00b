// What the cluster began by itself and a person cancelled: it is not begun again at once, or nobody could
// stop it. It rests for a day, shorter where its cause has changed, and until somebody orders the same
// (`operation retry`). What failed rests for an hour: each try copies a whole replica, and what made one fail
// is mostly there still. The records of the operations are all that is kept for it, so it holds whoever plans.

import type {NodeId, OperationId, ReplicaId, ReplicaSetId} from '@flotilla/base';
import {type Catalog, endedAtMs, isFinished} from '../catalog.ts';
import type {Operation, OperationKind, RepairCause} from '../model.ts';
import {CLOCK_TRUSTED_MS} from './clocks.ts';
import type {NodeReport} from './reports.ts';

/** Long enough that a person sees in the day's light what is not done, short enough to be forgotten without harm. */
export const CANCELLED_REST_MS = 24 * 3_600_000;

/** So that a node that loses what it is given gets a few replicas an hour to lose; shorter than a person would wait. */
export const FAILED_REST_MS = 3_600_000;

export interface CancelledWork {
  readonly operation: Operation;
  readonly untilMs: number;
}

/** All of it that the cluster would begin again otherwise. Checksums have turns of their own. */
export function cancelledWork(catalog: Catalog, nowMs: number): CancelledWork[] {
  const found: CancelledWork[] = [];
  for (const operation of catalog.cancelledOperations()) {
    const {id, kind} = operation;
    if (kind === 'checksum') continue;
    if (!rests(operation, CANCELLED_REST_MS, nowMs)) continue;
    if (catalog.isRetried(id) || !isOfCluster(beginnerOf(operation, catalog))) continue;
    const untilMs = endedAtMs(operation) + CANCELLED_REST_MS;
    if (!isOver(operation, catalog)) found.push({operation, untilMs});
  }
  return found;
}

function rests(operation: Operation, restMs: number, nowMs: number): boolean {
  const atMs = endedAtMs(operation);
  // A time to come was written by a clock that was wrong.
  return nowMs < atMs + restMs && atMs <= nowMs + CLOCK_TRUSTED_MS;
}

export interface FailedCopies {
  /** Targets that did not keep what they were given, or did not answer. */
  readonly nodes: ReadonlySet<NodeId>;
  /** Whose members could not be changed, wherever the copy was. */
  readonly sets: ReadonlySet<ReplicaSetId>;
}

/** What of late failed of the cluster's own copies: evening out waits with these, and the rest goes on. */
export function failedCopies(catalog: Catalog, nowMs: number): FailedCopies {
  const nodes = new Set<NodeId>();
  const sets = new Set<ReplicaSetId>();
  for (const {replicaSet, targetNode, errorCode} of restingCopies(catalog, nowMs)) {
    if (errorCode === 'MAJORITY_AT_RISK') sets.add(replicaSet!);
    else nodes.add(targetNode!);
  }
  return {nodes, sets};
}

/** Without what a person tried again, and what is of no matter any more. */
export function* restingCopies(catalog: Catalog, nowMs: number): Generator<Operation> {
  for (const operation of catalog.failedCopies()) {
    const {id, replicaSet} = operation;
    if (!rests(operation, FAILED_REST_MS, nowMs) || isOver(operation, catalog)) continue;
    if (catalog.isRetried(id) || !isOfCluster(beginnerOf(operation, catalog))) continue;
    // It had to end with its set.
    if (catalog.replicaSet(replicaSet!)?.state !== 'dropping') yield operation;
  }
}

/** Who began it first: whoever tries again what the cluster began does the cluster's work. */
export function beginnerOf(operation: Operation, catalog: Catalog): string {
  const {id, retryOf, startedBy} = operation;
  // Ids ascend: what claims to try itself again, or a later one, does not.
  const first = retryOf === undefined || retryOf >= id ? undefined : catalog.operation(retryOf);
  return first === undefined ? startedBy : beginnerOf(first, catalog);
}

/** Nobody asked for it by itself: it follows from the state of things, or is part of a larger operation. */
export function isOfCluster(startedBy: string): boolean {
  return (
    startedBy === 'reconciler' || startedBy === 'rebalance' || startedBy.startsWith('operation ')
  );
}

/** What it was about is no more, or is another matter now. */
function isOver(operation: Operation, catalog: Catalog): boolean {
  const {source, startedBy} = operation;
  if (operation.kind === 'rebalance') {
    const atMs = endedAtMs(operation);
    return [...catalog.nodes()].some(({joinedAtMs}) => joinedAtMs > atMs);
  }
  if (source !== undefined && catalog.replicaSetOf(source) === undefined) return true;
  const part = /^operation (\d+)$/.exec(startedBy)?.[1];
  const whole = part === undefined ? undefined : catalog.operation(Number(part) as OperationId);
  return whole !== undefined && isFinished(whole);
}

/**
 * Whether the repair for that cause was cancelled. Of a node that was heard since, and fell silent anew, it
 * is another cause; whether it was heard before the planner began nobody knows.
 */
export function cancelledRepair(
  cancelled: readonly CancelledWork[],
  wanted: {
    readonly source: ReplicaId;
    readonly cause: RepairCause;
    readonly report: NodeReport | undefined;
  },
): CancelledWork | undefined {
  const {source, cause, report} = wanted;
  return cancelled.find(({operation}) => {
    if (operation.kind !== 'repair' || operation.source !== source) return false;
    if ((operation.cause ?? cause) !== cause) return false;
    const isAnew =
      report?.isUnheard !== true && (report?.silentSinceMs ?? 0) > endedAtMs(operation);
    return cause !== 'silent' || !isAnew;
  });
}

/** By set: what was of that kind and begun for that reason. */
export function cancelledSets(
  cancelled: readonly CancelledWork[],
  {kinds, startedBy}: {readonly kinds: readonly OperationKind[]; readonly startedBy: string},
  catalog: Catalog,
): ReadonlyMap<ReplicaSetId, CancelledWork> {
  const found = new Map<ReplicaSetId, CancelledWork>();
  for (const work of cancelled) {
    const {kind, replicaSet} = work.operation;
    if (replicaSet === undefined || !kinds.includes(kind)) continue;
    if (beginnerOf(work.operation, catalog) === startedBy) found.set(replicaSet, work);
  }
  return found;
}
