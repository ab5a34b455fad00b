// Schemas of the pieces that commands, orders and reports are made of.

import {
  type BucketId,
  type DatabaseId,
  ERRORS,
  type ErrorCode,
  type NodeId,
  type OperationId,
  type ReplicaId,
  type ReplicaSetId,
  type TableId,
  type TenantId,
} from '@flotilla/base';
import * as z from 'zod';

function id<Id extends number>(min = 1) {
  return z.int().min(min) as unknown as z.ZodType<Id, number>;
}

export const nodeId = id<NodeId>();
/** From 0: the meta group's set. */
export const setId = id<ReplicaSetId>(0);
export const replicaId = id<ReplicaId>();
export const tenantId = id<TenantId>();
export const databaseId = id<DatabaseId>();
export const tableId = id<TableId>();
export const bucketId = id<BucketId>();
export const operationId = id<OperationId>();
export const timeMs = z.int();

export const role = z.enum(['voter', 'learner']);
export const failover = z.enum(['automatic', 'manual']);
export const precision = z.enum(['ns', 'us', 'ms']);
export const columnType = z.enum(['float', 'integer', 'unsigned', 'boolean', 'string']);

export const operationKind = z.enum([
  'add-replica',
  'remove-replica',
  'move-replica',
  'transfer-leader',
  'drain-node',
  'decommission-node',
  'rebalance',
  'repair',
  'compact',
  'checksum',
  'destroy-replica-set',
]);
export const operationState = z.enum(['running', 'done', 'failed', 'cancelling', 'cancelled']);

export const errorCode = z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]);

export const transfer = z.object({
  bytes: z.number(),
  bytesTotal: z.number(),
  bytesPerSecond: z.number(),
});

/** What a replica was ordered for an operation, and what came of it. */
const replicaWork = z.object({
  operation: operationId,
  work: z.enum(['compact', 'checksum']),
  state: z.enum(['running', 'done', 'failed']),
  isUnchanged: z.boolean().optional(),
  index: z.int().optional(),
  hash: z.string().optional(),
  hashVersion: z.int().optional(),
  values: z.int().optional(),
  error: z.string().optional(),
});

export const nodeDescription = z.object({
  incarnation: z.string().min(1),
  address: z.string().min(1),
  zone: z.string().optional(),
  engineThreads: z.int().min(0),
  version: z.string(),
  isInsecure: z.boolean().optional(),
});

export const optionChanges = z.object({
  ttlMs: z.int().nullable().optional(),
  bucketDurationMs: z.int().optional(),
  shards: z.union([z.int(), z.literal('auto')]).optional(),
  replicas: z.int().optional(),
  precision: precision.optional(),
  failover: failover.optional(),
  maxSeries: z.int().nullable().optional(),
});

export const tableRequest = z.object({
  name: z.string(),
  tags: z.array(z.string()),
  fields: z.array(z.object({name: z.string(), type: columnType})),
});

export const tableChange = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('add-column'),
    column: z.object({name: z.string(), kind: z.enum(['tag', 'field']), type: columnType}),
  }),
  z.object({kind: z.literal('drop-column'), name: z.string()}),
  z.object({kind: z.literal('rename-column'), name: z.string(), to: z.string()}),
  z.object({kind: z.literal('rename-table'), to: z.string()}),
]);

export const placementRequest = z.object({node: nodeId, role});

export const configuration = z.object({
  voters: z.array(z.int()),
  votersOutgoing: z.array(z.int()),
  learners: z.array(z.int()),
  learnersNext: z.array(z.int()),
  autoLeave: z.boolean(),
});

export const replicaReport = z.object({
  set: setId,
  replica: replicaId,
  role: z.enum(['leader', 'follower', 'candidate', 'learner', 'stopped']),
  term: z.int(),
  appliedIndex: z.int(),
  lastIndex: z.int(),
  configIndex: z.int(),
  configVolatile: z.boolean().optional(),
  configuration,
  durable: z.boolean(),
  written: z.boolean(),
  diskBytes: z.number().optional(),
  writtenBytes: z.number().optional(),
  fault: z.string().optional(),
  damaged: z.boolean().optional(),
  received: transfer.optional(),
  receivedFrom: replicaId.optional(),
  work: replicaWork.optional(),
  progress: z
    .array(
      z.object({
        replica: replicaId,
        matchIndex: z.int(),
        state: z.enum(['probe', 'replicate', 'snapshot']),
        active: z.boolean(),
      }),
    )
    .optional(),
});
