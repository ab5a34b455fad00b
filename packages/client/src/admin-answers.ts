// What operators' calls take and answer. Answers are checked for what this client reads and otherwise
// passed on whole, so that a newer server's fields reach those who print JSON.

import {z} from 'zod';
import type {ChangeOptions} from './call.ts';

export const Id = z.union([z.string(), z.number()]);
export type Id = z.infer<typeof Id>;

const Reason = z.looseObject({message: z.string(), next: z.string().optional()});

export const Status = z.looseObject({
  verdict: z.enum(['healthy', 'degraded', 'unavailable']),
  reasons: z.array(Reason).default([]),
  /** What people have told the cluster to leave alone: no fault. */
  notices: z.array(Reason).default([]),
  cluster: z.looseObject({}).optional(),
  nodes: z.array(z.looseObject({})).default([]),
  metaLeader: z.unknown().optional(),
});
export type Status = z.infer<typeof Status>;

const Counted = z.looseObject({
  table: z.string(),
  /** Within some percent; what is few is exact. */
  isEstimate: z.boolean().default(false),
});

export const Cardinality = z.looseObject({
  database: z.string(),
  series: z.number(),
  isEstimate: z.boolean().default(false),
  tables: z.array(Counted.extend({series: z.number()})).default([]),
  tags: z.array(Counted.extend({tag: z.string(), values: z.number()})).default([]),
  values: z
    .array(Counted.extend({tag: z.string(), value: z.string(), series: z.number()}))
    .default([]),
});
export type Cardinality = z.infer<typeof Cardinality>;

const StoredSizes = z.looseObject({
  parts: z.number().default(0),
  partBytes: z.number().default(0),
  memtableBytes: z.number().default(0),
  /** 0 of a replica that is not loaded. */
  indexBytes: z.number().default(0),
});

const StoredNode = StoredSizes.extend({
  node: Id,
  address: z.string().optional(),
  isReachable: z.boolean().default(true),
  replicas: z.number().default(0),
  loaded: z.number().default(0),
  /** Since the node began, as are the other counts of what was written. */
  flushedBytes: z.number().optional(),
  compactedBytes: z.number().optional(),
  writeAmplification: z.number().optional(),
});

const StoredTable = z.looseObject({
  database: z.string(),
  table: z.string(),
  isDropped: z.boolean().default(false),
  replicaSets: z.number().default(0),
  /** Counted once, and as written: duplicates and deleted ones count until they are compacted away. */
  rows: z.number().default(0),
  memtableRows: z.number().default(0),
  /** On all nodes. */
  partBytes: z.number().default(0),
  bytesPerValue: z.number().optional(),
});

const StoredPart = z.looseObject({
  file: z.string(),
  bytes: z.number(),
  rowCount: z.number(),
  lo: z.number(),
  hi: z.number(),
  isLeftOut: z.boolean().optional(),
});

/** Without numbers where its node does not answer, or has none. */
const StoredReplica = z.looseObject({
  replica: Id,
  node: Id,
  state: z.string(),
  partCount: z.number().optional(),
  partBytes: z.number().default(0),
  largestPartBytes: z.number().default(0),
  rows: z.number().default(0),
  seriesCount: z.number().default(0),
  memtableBytes: z.number().default(0),
  indexBytes: z.number().default(0),
  tombstones: z.number().default(0),
  flushes: z.number().default(0),
  isFlushDue: z.boolean().default(false),
  compactions: z.number().default(0),
  /** Parts that no compaction takes any more, since their merges failed. */
  leftOut: z.number().default(0),
  /** What the next compaction would merge. */
  due: z.looseObject({parts: z.number(), bytes: z.number()}).optional(),
  parts: z.array(StoredPart).optional(),
});
export type StoredReplica = z.infer<typeof StoredReplica>;

const StoredSet = z.looseObject({
  id: Id,
  database: z.string(),
  bucket: z.looseObject({start: z.string(), end: z.string()}),
  shard: z.number(),
  replicas: z.array(StoredReplica).default([]),
});
export type StoredSet = z.infer<typeof StoredSet>;

export const Storage = z.looseObject({
  nodes: z.array(StoredNode).default([]),
  tables: z.array(StoredTable).default([]),
  /** Of a database, or the one that was asked for. */
  sets: z.array(StoredSet).optional(),
});
export type Storage = z.infer<typeof Storage>;

const Replica = z.looseObject({
  replica: Id,
  node: Id,
  role: z.string().default('voter'),
  leader: z.boolean().default(false),
  state: z.string().default('unknown'),
  appliedIndex: z.number().nullish(),
  commitIndex: z.number().nullish(),
  lag: z.number().nullish(),
});
export type Replica = z.infer<typeof Replica>;

export const ReplicaSet = z.looseObject({
  id: Id,
  replicas: z.array(Replica).default([]),
});
export type ReplicaSet = z.infer<typeof ReplicaSet>;

export const Operation = z.looseObject({
  id: Id,
  kind: z.string(),
  state: z.string(),
  step: z.string().default(''),
  percent: z.number().nullish(),
  replicaSet: Id.nullish(),
  sourceNode: Id.nullish(),
  targetNode: Id.nullish(),
  /** Of the snapshot that makes a new replica, or of what a compaction or a checksum reads. */
  bytes: z.number().nullish(),
  bytesTotal: z.number().nullish(),
  bytesPerSecond: z.number().nullish(),
  replicasLeft: z.number().nullish(),
  startedBy: z.string().nullish(),
  startedAt: z.string().nullish(),
  estimatedEnd: z.string().nullish(),
  endedAt: z.string().nullish(),
  history: z.array(z.looseObject({})).default([]),
  error: z.unknown().optional(),
  errorCode: z.string().nullish(),
  result: z.string().nullish(),
});
export type Operation = z.infer<typeof Operation>;

/** Absent: the node was gone and held nothing, and is off the list already; the rest is the node then. */
export const Decommission = z.looseObject({operation: Operation.optional()});
export type Decommission = z.infer<typeof Decommission>;

/** One that could be elected; see `why` for one that could not. */
export const Candidate = Replica.extend({
  isReachable: z.boolean(),
  lastTerm: z.number().nullish(),
  lastIndex: z.number().nullish(),
  votes: z.number(),
  votesNeeded: z.number(),
  canWin: z.boolean(),
  why: z.string().optional(),
});
export type Candidate = z.infer<typeof Candidate>;

export const StopAnswer = z.looseObject({
  ok: z.boolean(),
  sets: z.array(z.looseObject({id: Id, left: z.number(), needed: z.number()})),
});
export type StopAnswer = z.infer<typeof StopAnswer>;

/** What the cluster does by itself. */
export type AutomationKind = 'repair' | 'rebalance' | 'all';
export const Token = z.looseObject({name: z.string()});
export type Token = z.infer<typeof Token>;

export const NewToken = z.looseObject({name: z.string(), token: z.string().optional()});
export type NewToken = z.infer<typeof NewToken>;

const PlannedSet = z.looseObject({
  set: z.number(),
  epoch: z.number(),
  action: z.enum(['take-over', 'begin-empty', 'none']),
  node: z.number().optional(),
  replica: z.number().optional(),
  lastIndex: z.number().optional(),
  loses: z.string(),
});

/** What is left of replica sets that have lost their majority, and what becomes of it. */
export const RecoveryPlan = z.looseObject({
  cluster: z.string(),
  madeAt: z.string(),
  lost: z.array(z.looseObject({node: z.number()})),
  metaLeader: z.number().optional(),
  setsKept: z.number(),
  sets: z.array(PlannedSet),
});
export type RecoveryPlan = z.infer<typeof RecoveryPlan>;

/** Without `replica` it begins anew, and empty. */
export interface RecoveredSet {
  readonly set: number;
  readonly epoch: number;
  readonly node: number;
  readonly replica?: number | undefined;
  readonly lastIndex?: number | undefined;
}

export const RecoveryOutcome = z.looseObject({
  recovered: z.array(z.looseObject({set: z.number()})),
  skipped: z.array(z.looseObject({set: z.number(), why: z.string()})),
});
export type RecoveryOutcome = z.infer<typeof RecoveryOutcome>;

const Shift = z.looseObject({replicaSet: Id, from: Id, to: Id});

export const RebalanceView = z.looseObject({
  leads: z.array(Shift),
  replicas: z.array(Shift),
  nodes: z.array(z.looseObject({node: Id})),
});
export type RebalanceView = z.infer<typeof RebalanceView>;

/** A backup in a directory, complete or on its way. */
export const Backup = z.looseObject({
  id: z.string(),
  state: z.enum(['done', 'running', 'failed', 'stopped', 'damaged']),
  sets: z.number(),
  setsDone: z.number(),
  bytes: z.number(),
  copiedBytes: z.number(),
  startedAt: z.string().optional(),
  endedAt: z.string().optional(),
  error: z.string().optional(),
});
export type Backup = z.infer<typeof Backup>;

export interface BackupWanted {
  /** Absolute, and one directory for all nodes. */
  readonly directory: string;
  /** Of the cluster all, where neither is named. */
  readonly tenant?: string | undefined;
  readonly database?: string | undefined;
  /** That each node reads for it. */
  readonly bytesPerSecond?: number | undefined;
}

export const Entity = z.looseObject({});
export type Entity = z.infer<typeof Entity>;

/** An operation that has reached one of these goes no further. */
const FINAL_STATES: ReadonlySet<string> = new Set(['done', 'failed', 'cancelled']);

export function isFinal(operation: Operation): boolean {
  return FINAL_STATES.has(operation.state);
}

/** What changes a replica set. Nodes are named by id or address, replicas by id. */
export type ReplicaSetChange =
  | {readonly action: 'add-replica'; readonly node: Id}
  | {
      readonly action: 'remove-replica';
      /** Named by itself or by its node. */
      readonly replica?: Id | undefined;
      readonly node?: Id | undefined;
      /** Without a learner to take its place, fewer voters will hold each write. */
      readonly allowFewerVoters?: boolean | undefined;
    }
  | {readonly action: 'move-replica'; readonly from: Id; readonly to: Id}
  | {readonly action: 'transfer-leader'; readonly to: Id};

/** Whether replicas stand for election by themselves, or when told. */
export type FailoverMode = 'automatic' | 'manual';

export interface DropOptions extends ChangeOptions {
  /** How long the trash keeps it, as '7d'; '0s': not at all, and what waits there of that name goes too. */
  readonly after?: string | undefined;
}

export interface RecoverOptions extends ChangeOptions {
  /** A new name for it. */
  readonly as?: string | undefined;
}
