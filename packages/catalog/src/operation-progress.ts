// How far an operation is and when it will have ended, as a person is shown it: from its record, from what the
// nodes say of their part in it now, and from the records of the moves that it began. A guess, from which nothing
// is decided.

import type {NodeId, ReplicaId, ReplicaWorkProgress} from '@flotilla/base';
import {type Catalog, endedAtMs, isFinished} from './catalog.ts';
import {MOVES_PLANNED_SINCE} from './cluster-version.ts';
import type {Operation, Transfer} from './model.ts';
import {REBALANCER} from './planning/rebalance.ts';

interface OperationProgress {
  /** 0 to 100, and 100 of what is done alone; absent where nothing tells. */
  readonly percent?: number | undefined;
  /** Of a copy, or of the files that a compaction and a checksum read. */
  readonly bytes?: number | undefined;
  readonly bytesTotal?: number | undefined;
  readonly bytesPerSecond?: number | undefined;
  /** Of a drain: replicas that are still on the node. */
  readonly replicasLeft?: number | undefined;
  /** Of a compaction and a checksum, of those that can be asked: replicas that have done their part. */
  readonly replicasDone?: number | undefined;
  /** Of a rebalance. */
  readonly movesDone?: number | undefined;
  readonly estimatedEndMs?: number | undefined;
  readonly endedAtMs?: number | undefined;
}

/** What nodes say now; what is absent was not asked for, or nobody answered. */
export interface ProgressFacts {
  /** What the node of its target has received. */
  readonly received?: Transfer | undefined;
  /** By the nodes that answered: what each of their replicas does for an operation, or did last. */
  readonly work?: ReadonlyMap<NodeId, ReadonlyMap<ReplicaId, ReplicaWorkProgress>> | undefined;
  /** Of the replica that is to lead. */
  readonly heir?: {readonly isCaughtUp: boolean; readonly isLeader: boolean} | undefined;
  readonly nowMs: number;
}

/** By step, in percent, where each begins; of a move the copy takes nearly all of its time. */
const STEP_PERCENT: Readonly<Record<string, number>> = {
  create: 0,
  learner: 2,
  'catch-up': 5,
  swap: 90,
  change: 20,
  confirm: 95,
  'destroy-source': 97,
  hash: 10,
  compare: 50,
  replace: 0,
  destroy: 30,
  open: 60,
  transfer: 0,
};
const COPY_PERCENT = 85;
/** Of a checksum, while the replicas read their rows. */
const READING_PERCENT = 45;
/** What is left is to save that it has ended. */
const UNFINISHED_PERCENT_MAX = 99;

export function operationProgress(
  operation: Operation,
  catalog: Catalog,
  facts: ProgressFacts,
): OperationProgress {
  const {kind, state} = operation;
  if (isFinished(operation)) {
    const percent = state === 'done' ? 100 : undefined;
    return {...operation.transfer, percent, endedAtMs: endedAtMs(operation)};
  }
  switch (kind) {
    case 'drain-node':
    case 'decommission-node':
      return evacuationProgress(operation, catalog, facts.nowMs);
    case 'rebalance':
      return rebalanceProgress(operation, catalog, facts.nowMs);
    case 'compact':
    case 'checksum':
      return workProgress(operation, catalog, facts);
    case 'transfer-leader':
      return {percent: handoverPercent(facts)};
    default:
      return memberProgress(operation, facts);
  }
}

function memberProgress(operation: Operation, {received, nowMs}: ProgressFacts): OperationProgress {
  const {kind, step, targetNode} = operation;
  const transfer = operation.transfer ?? received;
  // What is made anew where it was is taken away first: nothing of it is copied yet.
  const isLeaving = kind === 'repair' && targetNode === undefined;
  const percent = isLeaving ? 0 : STEP_PERCENT[step];
  if (step !== 'catch-up' || transfer === undefined || transfer.bytesTotal === 0) {
    return {...transfer, percent};
  }
  const {bytes, bytesTotal, bytesPerSecond} = transfer;
  const copied = Math.floor((COPY_PERCENT * bytes) / bytesTotal);
  const leftMs = bytesPerSecond > 0 ? (1_000 * (bytesTotal - bytes)) / bytesPerSecond : undefined;
  const estimatedEndMs = leftMs === undefined ? undefined : Math.round(nowMs + leftMs);
  return {...transfer, percent: percent! + copied, estimatedEndMs};
}

function evacuationProgress(
  {sourceNode, replicasTotal, createdAtMs}: Operation,
  catalog: Catalog,
  nowMs: number,
): OperationProgress {
  const replicasLeft = catalog.replicaCount(sourceNode!);
  if (replicasTotal === undefined) return {replicasLeft};
  // What was given to the node meanwhile goes as well.
  const gone = Math.max(0, replicasTotal - replicasLeft);
  const total = Math.max(replicasTotal, replicasLeft);
  return {...share(gone, total, {createdAtMs, nowMs}), replicasLeft};
}

/** Of the moves that it planned; the leads before them take as long as a round trip each. */
function rebalanceProgress(
  {movesPlanned, createdAtMs}: Operation,
  catalog: Catalog,
  nowMs: number,
): OperationProgress {
  // There is none planned where the cluster is of an older version, or before they are all found.
  if (movesPlanned === undefined)
    return catalog.clusterVersion >= MOVES_PLANNED_SINCE ? {percent: 0} : {};
  let movesDone = 0;
  for (const {kind, state, startedBy, createdAtMs: begunMs} of catalog.operations()) {
    if (kind !== 'move-replica' || startedBy !== REBALANCER || begunMs < createdAtMs) continue;
    if (state === 'done') movesDone += 1;
  }
  return {...share(movesDone, movesPlanned, {createdAtMs, nowMs}), movesDone};
}

/** As fast as it went until now. */
function share(
  done: number,
  total: number,
  {createdAtMs, nowMs}: {readonly createdAtMs: number; readonly nowMs: number},
): OperationProgress {
  const percent = percentOf(done, total);
  if (done === 0 || done >= total) return {percent};
  const leftMs = ((nowMs - createdAtMs) / done) * (total - done);
  return {percent, estimatedEndMs: Math.round(nowMs + leftMs)};
}

/** A replica that is away is left out, as the operation leaves it out. */
function workProgress(
  operation: Operation,
  catalog: Catalog,
  {work, nowMs}: ProgressFacts,
): OperationProgress {
  const {id, kind, step, replicaSet, source} = operation;
  const begun = kind === 'checksum' ? STEP_PERCENT[step] : 0;
  const placed = catalog.replicaSet(replicaSet!)?.replicas ?? [];
  const works = placed
    .filter(({replica, node}) => (source ?? replica) === replica && work?.has(node) === true)
    .map(({replica, node}) => work!.get(node)!.get(replica))
    .map((one) => (one?.operation === id ? one : undefined));
  if (works.length === 0) return {percent: kind === 'checksum' ? begun : undefined};
  if (kind === 'checksum' && step !== 'compare') return {percent: begun};
  const replicasDone = works.filter((one) => one?.state === 'done').length;
  const read = works.reduce((sum, one) => sum + shareRead(one), 0);
  const progress = {replicasDone, ...bytesRead(works, {sinceMs: endedAtMs(operation), nowMs})};
  if (kind === 'compact') return {percent: percentOf(read, works.length), ...progress};
  return {percent: begun! + Math.floor((READING_PERCENT * read) / works.length), ...progress};
}

/** Of one replica, 0 to 1; one that a build before this tells of has done all or nothing. */
function shareRead(one: ReplicaWorkProgress | undefined): number {
  if (one?.state === 'done') return 1;
  const {bytes = 0, bytesTotal = 0} = one ?? {};
  return bytesTotal === 0 ? 0 : bytes / bytesTotal;
}

/**
 * Of all replicas. They hold the same rows: one that has not begun is taken for as large as the others are on the
 * average.
 */
function bytesRead(
  works: readonly (ReplicaWorkProgress | undefined)[],
  {sinceMs, nowMs}: {readonly sinceMs: number; readonly nowMs: number},
): Pick<OperationProgress, 'bytes' | 'bytesTotal' | 'bytesPerSecond' | 'estimatedEndMs'> {
  const told = works.filter((one) => one?.bytesTotal !== undefined);
  if (told.length === 0) return {};
  const toldBytes = told.reduce((sum, one) => sum + one!.bytesTotal!, 0);
  const ahead = works.filter((one) => one?.bytesTotal === undefined && one?.state !== 'done');
  const bytesTotal = Math.round(toldBytes * (1 + ahead.length / told.length));
  const bytes = told.reduce((sum, one) => sum + Math.round(shareRead(one) * one!.bytesTotal!), 0);
  const elapsedMs = nowMs - sinceMs;
  if (bytes === 0 || elapsedMs <= 0) return {bytes, bytesTotal};
  const bytesPerSecond = Math.round((1_000 * bytes) / elapsedMs);
  const estimatedEndMs = Math.round(nowMs + (elapsedMs * (bytesTotal - bytes)) / bytes);
  return {bytes, bytesTotal, bytesPerSecond, estimatedEndMs};
}

/** Three steps: it has caught up, it leads, and that is saved. */
function handoverPercent({heir}: ProgressFacts): number {
  if (heir === undefined) return STEP_PERCENT['transfer']!;
  if (heir.isLeader) return 66;
  return heir.isCaughtUp ? 33 : 0;
}

function percentOf(done: number, total: number): number {
  if (total === 0) return UNFINISHED_PERCENT_MAX;
  return Math.min(UNFINISHED_PERCENT_MAX, Math.floor((100 * done) / total));
}
