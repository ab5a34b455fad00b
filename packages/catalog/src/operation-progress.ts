// How far an operation is and when it will have ended, as a person is shown it: from its record, from
// what the target's node has received so far, and from how many replicas a drain has left. A guess, from
// which nothing is decided.

import {type Catalog, isFinished} from './catalog.ts';
import type {Operation, Transfer} from './model.ts';

interface OperationProgress {
  /** 0 to 100; absent where nothing tells. */
  readonly percent?: number | undefined;
  readonly bytes?: number | undefined;
  readonly bytesTotal?: number | undefined;
  readonly bytesPerSecond?: number | undefined;
  /** Of a drain: replicas that are still on the node. */
  readonly replicasLeft?: number | undefined;
  readonly estimatedEndMs?: number | undefined;
  readonly endedAtMs?: number | undefined;
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
};
const COPY_PERCENT = 85;

/** @param received what the node of its target says now; absent where it says nothing */
export function operationProgress(
  operation: Operation,
  catalog: Catalog,
  {received, nowMs}: {readonly received?: Transfer | undefined; readonly nowMs: number},
): OperationProgress {
  const {kind, state, step, history} = operation;
  const transfer = operation.transfer ?? received;
  const carried = transfer === undefined ? {} : transfer;
  if (isFinished(operation)) {
    const endedAtMs = history.at(-1)?.atMs ?? operation.createdAtMs;
    return {...carried, percent: state === 'done' ? 100 : undefined, endedAtMs};
  }
  if (kind === 'drain-node' || kind === 'decommission-node') {
    return evacuationProgress(operation, catalog, nowMs);
  }
  // What is made anew where it was is taken away first: nothing of it is copied yet.
  const isLeaving = kind === 'repair' && operation.targetNode === undefined;
  const percent = isLeaving ? 0 : STEP_PERCENT[step];
  if (step !== 'catch-up' || transfer === undefined || transfer.bytesTotal === 0) {
    return {...carried, percent};
  }
  const {bytes, bytesTotal, bytesPerSecond} = transfer;
  const copied = Math.floor((COPY_PERCENT * bytes) / bytesTotal);
  const leftMs = bytesPerSecond > 0 ? (1_000 * (bytesTotal - bytes)) / bytesPerSecond : undefined;
  const estimatedEndMs = leftMs === undefined ? undefined : Math.round(nowMs + leftMs);
  return {...carried, percent: percent! + copied, estimatedEndMs};
}

/** As fast as it went until now. */
function evacuationProgress(
  {sourceNode, replicasTotal = 0, createdAtMs}: Operation,
  catalog: Catalog,
  nowMs: number,
): OperationProgress {
  const replicasLeft = catalog.replicaCount(sourceNode!);
  const gone = replicasTotal - replicasLeft;
  if (gone <= 0) return {percent: replicasTotal === 0 ? undefined : 0, replicasLeft};
  const estimatedEndMs = Math.round(nowMs + ((nowMs - createdAtMs) / gone) * replicasLeft);
  return {percent: Math.floor((100 * gone) / replicasTotal), replicasLeft, estimatedEndMs};
}
