// Operations: at most one unfinished per replica set, and one drain per node. Each update names the
// step that it goes on from, so that two runners cannot both advance one.

import {
  META_SET,
  type NodeId,
  type OperationId,
  type ReplicaId,
  type ReplicaSetId,
} from '@flotilla/base';
import {type Catalog, isFinished, isForgettable} from '../catalog.ts';
import {EVACUATIONS_COUNTED_SINCE} from '../cluster-version.ts';
import type {
  CommandResult,
  CreateOperation,
  ExpireOperations,
  UpdateOperation,
} from '../commands.ts';
import type {Operation, OperationKind, ReplicaSet} from '../model.ts';
import {type Draft, type Handler, NOTHING, refuse, succeed} from './draft.ts';

/** Where each kind begins. */
const FIRST_STEP: Readonly<Record<OperationKind, string>> = {
  'add-replica': 'create',
  'remove-replica': 'change',
  'move-replica': 'create',
  'transfer-leader': 'transfer',
  'drain-node': 'evacuate',
  'decommission-node': 'evacuate',
  rebalance: 'run',
  repair: 'create',
  compact: 'run',
  checksum: 'hash',
  'destroy-replica-set': 'replace',
};

/** Who starts what nobody asked for. */
const RECONCILER = 'reconciler';

/** What a person reads of one; the steps of a move are seven. */
const HISTORY_MAX = 50;

export const createOperation: Handler<CreateOperation> = (draft, command) => {
  const fault = subjectFault(draft.catalog, command) ?? busyFault(draft.catalog, command);
  if (fault !== undefined) return fault;
  const {type: _, atMs, pin, ...subject} = command;
  const id = draft.nextId<OperationId>('operation');
  // Without another node a repair takes the replica out, and the set is healed like any that lacks one.
  const inPlace = command.kind === 'repair' && command.targetNode === undefined;
  const step = inPlace ? FIRST_STEP['remove-replica'] : FIRST_STEP[command.kind];
  draft.put('operation', id, {
    ...subject,
    // Kept: the placement forgets a replica's node when it forgets the replica.
    sourceNode: command.sourceNode ?? nodeOf(draft.catalog, command.replicaSet, command.source),
    targetNode: command.targetNode ?? nodeOf(draft.catalog, command.replicaSet, command.target),
    id,
    state: 'running',
    step,
    history: [{step, atMs}],
    replicasTotal: evacuatedFrom(draft.catalog, command),
    createdAtMs: atMs,
  });
  const set =
    command.replicaSet === undefined ? undefined : draft.catalog.replicaSet(command.replicaSet);
  if (pin === true && set !== undefined) draft.put('replica-set', set.id, {...set, pinned: true});
  return succeed({operation: id});
};

export const updateOperation: Handler<UpdateOperation> = (draft, command) => {
  const operation = draft.catalog.operation(command.operation);
  if (operation === undefined) return refuse('NOT_FOUND', `no operation ${command.operation}`);
  if (isFinished(operation)) {
    return refuse('CONFLICT', `operation ${operation.id} is ${operation.state} already`);
  }
  if (operation.step !== command.expectedStep) {
    return refuse('CONFLICT', `operation ${operation.id} is at step ${operation.step}`);
  }
  if (operation.state === 'cancelling' && command.state === 'running') {
    return refuse('CONFLICT', `operation ${operation.id} is being cancelled`);
  }
  const changed = updated(operation, command);
  if (isFinished(changed)) finish(draft, changed, command.atMs);
  else draft.put('operation', operation.id, changed);
  return succeed(NOTHING);
};

export const expireOperations: Handler<ExpireOperations> = (draft, command) => {
  for (const operation of draft.catalog.operations()) {
    if (isForgettable(operation, draft.catalog, command.finishedBeforeMs))
      draft.remove('operation', operation.id);
  }
  return succeed(NOTHING);
};

function updated(operation: Operation, command: UpdateOperation): Operation {
  const step = command.step ?? operation.step;
  const state = command.state ?? operation.state;
  const moved = step !== operation.step || state !== operation.state;
  const isOvercome = command.error === null;
  const history = moved
    ? [...operation.history, {step: state === 'running' ? step : state, atMs: command.atMs}]
    : operation.history;
  return {
    ...operation,
    step,
    state,
    source: command.source ?? operation.source,
    target: command.target ?? operation.target,
    targetNode: command.targetNode ?? operation.targetNode,
    error: isOvercome ? undefined : (command.error ?? operation.error),
    cancelledBy: cancellerOf(operation, command),
    waiting: waitingOf(operation, command, moved),
    errorCode: isOvercome ? undefined : (command.errorCode ?? operation.errorCode),
    result: command.result ?? operation.result,
    differing: command.differing ?? operation.differing,
    transfer: command.transfer ?? operation.transfer,
    movesPlanned: command.movesPlanned ?? operation.movesPlanned,
    history: history.slice(-HISTORY_MAX),
  };
}

function cancellerOf(operation: Operation, {state, by}: UpdateOperation): string | undefined {
  return state === 'cancelling' ? (by ?? operation.cancelledBy) : operation.cancelledBy;
}

function waitingOf(
  operation: Operation,
  {waitingFor, error, atMs}: UpdateOperation,
  moved: boolean,
): Operation['waiting'] {
  if (waitingFor !== undefined) return {for: waitingFor, atMs};
  return moved || error === null ? undefined : operation.waiting;
}

/** A checksum of the cluster's own that found nothing is no history: there is one of each set every few days. */
function finish(draft: Draft, operation: Operation, atMs: number): void {
  const {id, kind, state, startedBy, differing} = operation;
  const isRoutine = kind === 'checksum' && state === 'done' && startedBy === RECONCILER;
  if (isRoutine && differing === undefined) draft.remove('operation', id);
  else draft.put('operation', id, operation);
  const set = kind === 'checksum' ? draft.catalog.replicaSet(operation.replicaSet!) : undefined;
  if (set !== undefined && state !== 'cancelled')
    draft.put('replica-set', set.id, {...set, checksumAtMs: atMs});
}

function evacuatedFrom(catalog: Catalog, command: CreateOperation): number | undefined {
  const {kind, sourceNode} = command;
  // A member of the build before makes a record without it.
  if (catalog.clusterVersion < EVACUATIONS_COUNTED_SINCE) return undefined;
  const evacuates = kind === 'drain-node' || kind === 'decommission-node';
  return evacuates ? catalog.replicaCount(sourceNode!) : undefined;
}

function subjectFault(
  catalog: Catalog,
  command: CreateOperation,
): CommandResult<never> | undefined {
  for (const id of [command.sourceNode, command.targetNode]) {
    if (id !== undefined && catalog.node(id) === undefined)
      return refuse('NOT_FOUND', `no node ${id}`);
  }
  const target = command.targetNode === undefined ? undefined : catalog.node(command.targetNode);
  if (target !== undefined && target.state !== 'active') {
    return refuse('CONFLICT', `node ${target.id} is ${target.state}`);
  }
  const missing = missingSubject(command);
  if (missing !== undefined) {
    return refuse('INVALID_ARGUMENT', `operation ${command.kind} needs a ${missing}`);
  }
  if (command.replicaSet === undefined) return undefined;
  const set = catalog.replicaSet(command.replicaSet);
  if (set === undefined || set.state === 'dropping') {
    return refuse('NOT_FOUND', `no replica set ${command.replicaSet}`);
  }
  const undestroyable =
    command.kind === 'destroy-replica-set' ? destroyFault(catalog, set) : undefined;
  if (undestroyable !== undefined) return refuse('CONFLICT', undestroyable);
  for (const replica of [command.source, command.target]) {
    if (replica !== undefined && !set.replicas.some((placed) => placed.replica === replica)) {
      return refuse('NOT_FOUND', `no replica ${replica} in replica set ${set.id}`);
    }
  }
  if (command.target === undefined && set.replicas.some(({node}) => node === command.targetNode)) {
    return refuse(
      'CONFLICT',
      `node ${command.targetNode} holds a replica of replica set ${set.id} already`,
    );
  }
  return undefined;
}

/** Why the set must not be destroyed. */
function destroyFault(catalog: Catalog, {id, state, database}: ReplicaSet): string | undefined {
  if (id === META_SET) return 'the meta group is never destroyed';
  if (catalog.database(database)?.dropped !== undefined)
    return `the database of replica set ${id} is dropped: all of it goes with the purge`;
  // Replicas of it that are still to be made could elect a leader after the others have gone.
  return state === 'open' ? undefined : `replica set ${id} is not open yet`;
}

function nodeOf(
  catalog: Catalog,
  set: ReplicaSetId | undefined,
  replica: ReplicaId | undefined,
): NodeId | undefined {
  if (set === undefined || replica === undefined) return undefined;
  return catalog.replicaSet(set)?.replicas.find((placed) => placed.replica === replica)?.node;
}

function missingSubject(command: CreateOperation): string | undefined {
  switch (command.kind) {
    case 'drain-node':
    case 'decommission-node':
      return command.sourceNode === undefined ? 'node' : undefined;
    case 'rebalance':
      return undefined;
    case 'compact':
    case 'checksum':
    case 'destroy-replica-set':
      return command.replicaSet === undefined ? 'replica set' : undefined;
    case 'add-replica':
      if (command.replicaSet === undefined) return 'replica set';
      return command.targetNode === undefined ? 'target node' : undefined;
    case 'transfer-leader':
      if (command.replicaSet === undefined) return 'replica set';
      return command.target === undefined ? 'target replica' : undefined;
    case 'move-replica':
      if (command.replicaSet === undefined) return 'replica set';
      if (command.source === undefined) return 'source replica';
      return command.targetNode === undefined ? 'target node' : undefined;
    case 'repair':
    case 'remove-replica':
      if (command.replicaSet === undefined) return 'replica set';
      return command.source === undefined ? 'source replica' : undefined;
    default:
      return command.kind satisfies never;
  }
}

/** One operation at a time per replica set, one drain per node, one rebalance. */
function busyFault(catalog: Catalog, command: CreateOperation): CommandResult<never> | undefined {
  const busy =
    command.replicaSet === undefined
      ? [...catalog.unfinishedOperations()].find(
          (other) => other.replicaSet === undefined && other.sourceNode === command.sourceNode,
        )
      : catalog.operationOf(command.replicaSet);
  if (busy === undefined) return undefined;
  const {id: operation, kind, state} = busy;
  const wait = `wait for its end (flotilla operation watch ${operation})`;
  const message =
    state === 'cancelling'
      ? `operation ${operation} (${kind}) is being cancelled there: ${wait}`
      : `operation ${operation} (${kind}) is running there: ${wait}, or cancel it (flotilla operation cancel ${operation})`;
  return refuse('CONFLICT', message, {operation});
}
