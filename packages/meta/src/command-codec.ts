// Commands as they stand in the meta group's log: versioned JSON. What comes from another node is
// checked by schema before it is proposed, so that apply may trust what it finds in the log.

import {DbError, FatalError, shape} from '@flotilla/base';
import {CLUSTER_VERSION, COMMAND_TYPES, COMMAND_VERSION, type Command} from '@flotilla/catalog';
import * as z from 'zod';
import {
  bucketId,
  databaseId,
  errorCode,
  failover,
  nodeDescription,
  nodeId,
  operationId,
  operationKind,
  operationState,
  optionChanges,
  placementRequest,
  replicaId,
  role,
  setId,
  tableChange,
  tableId,
  tableRequest,
  tenantId,
  timeMs,
  transfer,
} from './schemas.ts';

const type = <Type extends Command['type']>(name: Type) => z.literal(name);
const nodeState = z.enum(['active', 'draining', 'drained', 'decommissioned']);
const flag = z.boolean().optional();
const dropped = {atMs: timeMs, purgeAtMs: timeMs, orTrash: flag};

const clusterCommands = [
  z.object({
    type: type('found-cluster'),
    clusterId: z.string(),
    node: nodeDescription,
    clusterVersion: z.int().min(1).optional(),
    atMs: timeMs,
  }),
  z.object({
    type: type('register-node'),
    node: nodeDescription,
    isAddressFree: z.boolean().optional(),
    atMs: timeMs,
  }),
  z.object({
    type: type('update-node'),
    node: nodeId,
    address: z.string().optional(),
    zone: z.string().optional(),
    engineThreads: z.int().min(0).optional(),
    version: z.string().optional(),
    isInsecure: flag,
  }),
  z.object({
    type: type('set-node-state'),
    node: nodeId,
    state: nodeState,
    expectedState: nodeState.optional(),
    operation: operationId.optional(),
  }),
  z.object({
    type: type('set-cluster'),
    automation: z.enum(['running', 'paused']).optional(),
    failover: failover.optional(),
  }),
  z.object({
    type: type('finalize-upgrade'),
    version: z.int().min(1),
    nodes: z.array(nodeId),
  }),
  z.object({
    type: type('set-automation'),
    kinds: z.array(z.enum(['repair', 'rebalance'])),
    paused: z.boolean(),
    untilMs: timeMs.optional(),
    atMs: timeMs,
  }),
  z.object({
    type: type('set-maintenance'),
    node: nodeId,
    maintenance: z.object({untilMs: timeMs, scope: z.enum(['leaders', 'all'])}),
    atMs: timeMs.optional(),
  }),
  z.object({
    type: type('create-tenant'),
    name: z.string(),
    comment: z.string().optional(),
    ifNotExists: flag,
  }),
  z.object({type: type('alter-tenant'), name: z.string(), comment: z.string()}),
  z.object({
    type: type('drop-tenant'),
    name: z.string(),
    ifExists: flag,
    atMs: timeMs.optional(),
    purgeAtMs: timeMs.optional(),
    orTrash: flag,
  }),
  z.object({type: type('recover-tenant'), name: z.string(), as: z.string().optional()}),
  z.object({type: type('purge-tenant'), tenant: tenantId}),
] as const;

const name = z.string();
const databaseCommands = [
  z.object({
    type: type('create-database'),
    tenant: name,
    name,
    options: optionChanges,
    ifNotExists: flag,
  }),
  z.object({
    type: type('alter-database'),
    tenant: name,
    name,
    options: optionChanges,
    atMs: timeMs.optional(),
  }),
  z.object({type: type('drop-database'), tenant: name, name, ifExists: flag, ...dropped}),
  z.object({type: type('recover-database'), tenant: name, name, as: name.optional()}),
  z.object({type: type('purge-database'), database: databaseId}),
  z.object({
    type: type('raise-expired-before'),
    database: databaseId,
    expiredBeforeMs: timeMs,
    ttlMs: timeMs.optional(),
    atMs: timeMs,
  }),
  z.object({
    type: type('create-table'),
    database: databaseId,
    table: tableRequest,
    ifNotExists: flag,
  }),
  z.object({
    type: type('ensure-tables'),
    database: databaseId,
    tables: z.array(tableRequest),
    allOrNothing: flag,
  }),
  z.object({type: type('alter-table'), database: databaseId, name, change: tableChange}),
  z.object({type: type('drop-table'), database: databaseId, name, ifExists: flag, ...dropped}),
  z.object({type: type('recover-table'), database: databaseId, name, as: name.optional()}),
  z.object({type: type('purge-table'), table: tableId, atMs: timeMs}),
  z.object({type: type('forget-table'), table: tableId}),
] as const;

const placementCommands = [
  z.object({
    type: type('ensure-bucket'),
    database: databaseId,
    timeMs,
    startMs: timeMs,
    endMs: timeMs,
    placements: z.array(z.array(placementRequest)),
    atMs: timeMs.optional(),
  }),
  z.object({type: type('open-replica-sets'), sets: z.array(setId), atMs: timeMs.optional()}),
  z.object({
    type: type('set-placement'),
    set: setId,
    expectedEpoch: z.int(),
    add: z.array(placementRequest),
    remove: z.array(replicaId),
    roles: z.array(z.object({replica: replicaId, role})),
    replicasWanted: z.int().optional(),
  }),
  z.object({type: type('declare-lost'), nodes: z.array(nodeId), atMs: timeMs}),
  z.object({type: type('recover-meta'), node: nodeId, lost: z.array(nodeId), atMs: timeMs}),
  z.object({
    type: type('recover-replica-set'),
    set: setId,
    expectedEpoch: z.int(),
    node: nodeId,
    replica: replicaId.optional(),
    lastIndex: z.int().min(0).optional(),
    atMs: timeMs,
  }),
  z.object({type: type('pin-replica-set'), set: setId, pinned: z.boolean()}),
  z.object({type: type('set-replica-set-failover'), set: setId, failover}),
  z.object({
    type: type('skip-entry'),
    set: setId,
    index: z.int().min(1),
    by: z.string(),
    atMs: timeMs,
  }),
  z.object({
    type: type('begin-skip'),
    set: setId,
    index: z.int().min(1),
    by: z.string(),
    atMs: timeMs,
  }),
  z.object({
    type: type('end-skip'),
    set: setId,
    order: z.int().min(1),
    promised: z.array(replicaId).optional(),
  }),
  z.object({
    type: type('replace-replica-set'),
    set: setId,
    expectedEpoch: z.int(),
    operation: operationId,
    placement: z.array(placementRequest),
  }),
  z.object({type: type('forget-replica-sets'), sets: z.array(setId)}),
  z.object({type: type('drop-bucket'), bucket: bucketId, expiredAtMs: timeMs.optional()}),
] as const;

export const createOperation = z.object({
  type: type('create-operation'),
  kind: operationKind,
  replicaSet: setId.optional(),
  source: replicaId.optional(),
  target: replicaId.optional(),
  sourceNode: nodeId.optional(),
  targetNode: nodeId.optional(),
  allowFewerVoters: flag,
  pin: flag,
  retryOf: operationId.optional(),
  cause: z.enum(['silent', 'damaged', 'differs']).optional(),
  startedBy: z.string(),
  atMs: timeMs,
});

const operationCommands = [
  createOperation,
  z.object({
    type: type('update-operation'),
    operation: operationId,
    expectedStep: z.string(),
    step: z.string().optional(),
    state: operationState.optional(),
    source: replicaId.optional(),
    target: replicaId.optional(),
    targetNode: nodeId.optional(),
    error: z.string().nullable().optional(),
    by: z.string().optional(),
    waitingFor: z.string().optional(),
    errorCode: errorCode.optional(),
    result: z.string().optional(),
    differing: z.array(replicaId).optional(),
    transfer: transfer.optional(),
    movesPlanned: z.int().min(0).optional(),
    atMs: timeMs,
  }),
  z.object({type: type('expire-operations'), finishedBeforeMs: timeMs}),
] as const;

const tokenCommands = [
  z.object({
    type: type('create-token'),
    name,
    hash: z.string().regex(/^[0-9a-f]{64}$/),
    createdBy: z.string(),
    onlyFirst: flag,
    atMs: timeMs,
  }),
  z.object({type: type('revoke-token'), name}),
] as const;

/** Strict about what a command is; the catalog judges what it asks for. */
export const commandSchema = z.discriminatedUnion('type', [
  ...clusterCommands,
  ...databaseCommands,
  ...placementCommands,
  ...operationCommands,
  ...tokenCommands,
]) satisfies z.ZodType<Command>;

export function encodeCommand(command: Command): Uint8Array {
  return encodeJson({v: COMMAND_VERSION, command});
}

const WHAT = 'cannot decode command';
const checkVersion = shape.fieldsOf({v: shape.count});
const checkKind = shape.fieldsOf({command: shape.fieldsOf({type: shape.text})});

/**
 * Throws FatalError for what is no command, or is one of a version or a kind that this build does not know: to
 * apply it otherwise than others would diverge. Its other fields were checked before it was proposed, by the schema
 * of the build that did, which may have been an older one.
 */
export function decodeCommand(payload: Uint8Array): Command {
  const envelope = shape.parseJson(payload, WHAT);
  checkVersion(envelope, WHAT);
  const {v, command} = envelope as {v: number; command: Command};
  if (v !== COMMAND_VERSION) {
    throw new FatalError(
      `command version ${v} is newer than this build, which knows ${COMMAND_VERSION}`,
    );
  }
  // Behind the version: what a newer one looks like nobody knows here.
  checkKind(envelope, WHAT);
  if (!COMMAND_TYPES.includes(command.type)) {
    throw new FatalError(`command ${command.type} is of a newer build than this one`);
  }
  if (command.type === 'finalize-upgrade' && command.version > CLUSTER_VERSION) {
    throw new FatalError(
      `cluster version ${command.version} is newer than this build, which supports ${CLUSTER_VERSION}`,
    );
  }
  return command;
}

export function encodeJson(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

export function decodeJson(payload: Uint8Array): unknown {
  return JSON.parse(
    Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('utf8'),
  );
}

/** What came from another node, or INVALID_ARGUMENT. */
export function decodeChecked<Value>(schema: z.ZodType<Value>, payload: Uint8Array): Value {
  let json: unknown;
  try {
    json = decodeJson(payload);
  } catch (cause) {
    throw new DbError('INVALID_ARGUMENT', 'the payload is not JSON', {}, cause);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    throw new DbError('INVALID_ARGUMENT', `malformed payload: ${z.prettifyError(parsed.error)}`);
  }
  return parsed.data;
}
