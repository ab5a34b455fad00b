// An operation as /admin/v1 and SHOW OPERATIONS show it: its record with its times as text, and how far it is, by
// what the nodes say now that have a part in it. Beside the records, the creations of buckets, which have none.

import {DbError, type NodeId, type OperationId} from '@flotilla/base';
import {
  type Catalog,
  isFinished,
  type Operation,
  operationProgress,
  type ProgressFacts,
  type ReplicaSet,
} from '@flotilla/catalog';
import {
  bucketOfId,
  type CreationView,
  creationsAmong,
  describeCreation,
  slowCreations,
  unopenedOf,
  unopenedSets,
} from './bucket-creations.ts';
import type {ClusterView} from './cluster-view.ts';
import {LAG_MAX} from './replica-notes.ts';
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

export interface OperationViewDeps {
  readonly catalog: Catalog;
  readonly view: ClusterView;
  readonly nowMs: number;
}

/** All there are: those on record in the order of their ids, then creations of buckets, if they run or took long. */
export async function viewAll(deps: OperationViewDeps): Promise<(OperationView | CreationView)[]> {
  const {catalog, view, nowMs} = deps;
  const unopened = unopenedSets(catalog);
  const [recorded, sets] = await Promise.all([
    viewOperations(catalog.operations(), deps),
    unopened.length === 0 ? [] : view.replicaSets(unopened),
  ]);
  return [...recorded, ...slowCreations(catalog, nowMs), ...creationsAmong(catalog, sets)];
}

/** By the id of a record, or of the creation of a bucket (`bucket-7`). */
export async function viewOne(
  id: unknown,
  deps: OperationViewDeps,
): Promise<OperationView | CreationView> {
  const {catalog, view} = deps;
  const named = bucketOfId(id);
  const bucket = named && catalog.bucket(named);
  if (bucket !== undefined) {
    const [unopened] = unopenedOf(catalog, bucket);
    const first = unopened && (await view.replicaSet(unopened));
    // It may have opened, or gone, while its nodes were asked.
    return describeCreation(catalog, catalog.bucket(bucket.id) ?? bucket, first);
  }
  const operation = catalog.operation(id as OperationId);
  if (operation === undefined) throw new DbError('NOT_FOUND', `no operation ${String(id)}`);
  return (await viewOperations([operation], deps))[0]!;
}

/** In the order of their ids. Asks the nodes that have a part in one, and no others. */
async function viewOperations(
  operations: Iterable<Operation>,
  {catalog, view, nowMs}: OperationViewDeps,
): Promise<OperationView[]> {
  const all = [...operations].sort((a, b) => a.id - b.id);
  const open = all.filter((operation) => !isFinished(operation));
  const receivers = open.flatMap(receiverOf);
  const workers = open.flatMap((operation) => workersOf(operation, catalog));
  const led = open.flatMap((operation) => setOfTransfer(operation, catalog) ?? []);
  const [received, work, sets] = await Promise.all([
    view.received(receivers),
    workers.length === 0 ? undefined : view.work(workers),
    led.length === 0 ? [] : view.replicaSets(led),
  ]);
  const heirs = new Map(sets.flatMap(({replicas}) => replicas.map((one) => [one.replica, one])));
  return all.map((operation) => {
    const {kind, target} = operation;
    const heir = kind === 'transfer-leader' ? heirs.get(target!) : undefined;
    const facts: ProgressFacts = {
      received: target === undefined ? undefined : received.get(target),
      work,
      heir: heir && {isCaughtUp: (heir.lag ?? Infinity) <= LAG_MAX, isLeader: heir.leader},
      nowMs,
    };
    return describe(operation, operationProgress(operation, catalog, facts));
  });
}

/** Of one that has just begun: there is nobody to ask yet. */
export function viewBegun(
  operation: Operation,
  {catalog, nowMs}: Pick<OperationViewDeps, 'catalog' | 'nowMs'>,
): OperationView {
  return describe(operation, operationProgress(operation, catalog, {nowMs}));
}

/** The node that tells how much of the snapshot it has. */
function receiverOf({target, targetNode, step}: Operation): NodeId[] {
  const isReceiving = target !== undefined && step === 'catch-up';
  return isReceiving && targetNode !== undefined ? [targetNode] : [];
}

/** The nodes whose replicas do something for it. */
function workersOf({kind, replicaSet}: Operation, catalog: Catalog): NodeId[] {
  if (kind !== 'compact' && kind !== 'checksum') return [];
  return (catalog.replicaSet(replicaSet!)?.replicas ?? []).map(({node}) => node);
}

function setOfTransfer({kind, replicaSet}: Operation, catalog: Catalog): ReplicaSet | undefined {
  return kind === 'transfer-leader' ? catalog.replicaSet(replicaSet!) : undefined;
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
export function operationRow(one: OperationView | CreationView): Cell[] {
  if (one.kind === 'create-bucket') return creationRow(one);
  return [
    ...[one.id, one.kind, one.state, one.step, one.percent, one.replicaSet],
    ...[one.sourceNode, one.targetNode, one.bytes, one.bytesTotal, one.bytesPerSecond],
    ...[one.startedBy, one.startedAt, one.estimatedEnd, one.endedAt],
    ...[one.errorCode, one.error ?? one.result, one.waitingFor, undefined],
  ];
}

/** Its id is no number: `bucket_id` says which it is. */
function creationRow(one: CreationView): Cell[] {
  const {kind, state, step, percent, startedAt, endedAt, waitingFor, bucket} = one;
  const none = undefined;
  return [
    ...[none, kind, state, step, percent, none],
    ...[none, none, none, none, none],
    ...[none, startedAt, none, endedAt],
    ...[none, none, waitingFor, bucket.id],
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
  {name: 'waiting_for', type: 'string'},
  {name: 'bucket_id', type: 'integer'},
];
