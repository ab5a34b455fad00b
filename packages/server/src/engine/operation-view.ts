// An operation as /admin/v1 and SHOW OPERATIONS show it: its record with its times as text, and how far
// it is, by what the nodes that receive its snapshots say now.

import type {NodeId} from '@flotilla/base';
import {type Catalog, isFinished, type Operation, operationProgress} from '@flotilla/catalog';
import type {ClusterView} from './cluster-view.ts';
import type {Cell, TextColumn} from './text-rows.ts';

type Progress = ReturnType<typeof operationProgress>;

/** What only the reconciler needs of a record, or what is told otherwise. */
type Untold =
  | 'allowFewerVoters'
  | 'createdAtMs'
  | 'history'
  | 'replicasTotal'
  | 'transfer'
  | 'waiting';

export interface OperationView
  extends Omit<Operation, Untold>,
    Omit<Progress, 'endedAtMs' | 'estimatedEndMs'> {
  readonly startedAt: string;
  readonly estimatedEnd?: string | undefined;
  readonly endedAt?: string | undefined;
  /** Of its present step, once that has taken long. */
  readonly waitingFor?: string | undefined;
  readonly history: readonly {readonly step: string; readonly at: string}[];
}

/** In the order of their ids. Asks the nodes that receive something, and no others. */
export async function viewOperations(
  operations: Iterable<Operation>,
  deps: {readonly catalog: Catalog; readonly view: ClusterView; readonly nowMs: number},
): Promise<OperationView[]> {
  const {catalog, view, nowMs} = deps;
  const all = [...operations].sort((a, b) => a.id - b.id);
  const received = await view.received(all.flatMap(receiverOf));
  return all.map((operation) => {
    const of = operation.target === undefined ? undefined : received.get(operation.target);
    return describe(operation, operationProgress(operation, catalog, {received: of, nowMs}));
  });
}

/** The node that tells how much of the snapshot it has. */
function receiverOf(operation: Operation): NodeId[] {
  const {target, targetNode, step} = operation;
  const isReceiving = target !== undefined && step === 'catch-up' && !isFinished(operation);
  return isReceiving && targetNode !== undefined ? [targetNode] : [];
}

function describe(operation: Operation, progress: Progress): OperationView {
  const {allowFewerVoters, createdAtMs, history, replicasTotal, transfer, waiting, ...record} =
    operation;
  const {endedAtMs, estimatedEndMs, ...reached} = progress;
  return {
    ...record,
    ...reached,
    startedAt: timeText(createdAtMs)!,
    estimatedEnd: timeText(estimatedEndMs),
    endedAt: timeText(endedAtMs),
    waitingFor: isFinished(operation) ? undefined : waiting?.for,
    history: history.map(({step, atMs}) => ({step, at: timeText(atMs)!})),
  };
}

function timeText(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

/** One row of SHOW OPERATIONS. */
export function operationRow(one: OperationView): Cell[] {
  return [
    ...[one.id, one.kind, one.state, one.step, one.percent, one.replicaSet],
    ...[one.sourceNode, one.targetNode, one.bytes, one.bytesTotal, one.bytesPerSecond],
    ...[one.startedBy, one.startedAt, one.estimatedEnd, one.endedAt],
    ...[one.errorCode, one.error ?? one.result],
  ];
}

export const OPERATION_COLUMNS: readonly TextColumn[] = [
  {name: 'operation_id', type: 'integer'},
  {name: 'kind', type: 'string'},
  {name: 'state', type: 'string'},
  {name: 'step', type: 'string'},
  {name: 'percent', type: 'integer'},
  {name: 'replica_id', type: 'integer'},
  {name: 'source_node', type: 'integer'},
  {name: 'target_node', type: 'integer'},
  {name: 'bytes', type: 'integer'},
  {name: 'bytes_total', type: 'integer'},
  {name: 'bytes_per_second', type: 'integer'},
  {name: 'started_by', type: 'string'},
  {name: 'start_time', type: 'string'},
  {name: 'estimated_end', type: 'string'},
  {name: 'end_time', type: 'string'},
  {name: 'error_code', type: 'string'},
  {name: 'error', type: 'string'},
];
