// The catalog's entities as plain, immutable data (JSON): tenants, databases, tables, buckets,
// replica sets, nodes, operations. Times are milliseconds since the epoch.

import type {
  BucketId,
  ColumnId,
  DatabaseId,
  ErrorCode,
  NodeId,
  OperationId,
  ReplicaId,
  ReplicaSetId,
  TableId,
  TenantId,
  TokenId,
} from '@flotilla/base';

export type Precision = 'ns' | 'us' | 'ms';
export type FailoverMode = 'automatic' | 'manual';
/** As column's FieldType; a tag is always a string. */
export type ColumnType = 'float' | 'integer' | 'unsigned' | 'boolean' | 'string';

export interface Tenant {
  readonly id: TenantId;
  readonly name: string;
  readonly comment?: string | undefined;
  /** Dropped: the name is free; it can be recovered until the purge. */
  readonly dropped?: Trash | undefined;
}

export interface DatabaseOptions {
  /** Rows older than now - ttlMs are refused and hidden; absent: kept for ever. */
  readonly ttlMs?: number | undefined;
  /** Of buckets made from now on. */
  readonly bucketDurationMs: number;
  /** Of buckets made from now on; 'auto': data nodes x engine threads, at least 4, at most 64. */
  readonly shards: number | 'auto';
  readonly replicas: number;
  /** Fixed when the database is made. */
  readonly precision: Precision;
  readonly failover: FailoverMode;
  /** New series of a bucket are refused beyond so many, each of its sets by its share; absent: no bound. */
  readonly maxSeries?: number | undefined;
}

export interface Database {
  readonly id: DatabaseId;
  readonly tenant: TenantId;
  readonly name: string;
  readonly options: DatabaseOptions;
  /** Rows before it are hidden and refused; raised by the meta leader, lowered by a longer ttl. */
  readonly expiredBeforeMs?: number | undefined;
  /** Up to it buckets that had expired are gone, and with them their rows; `expiredBeforeMs` is never below. */
  readonly purgedBeforeMs?: number | undefined;
  /** Dropped: the name is free; it can be recovered until the purge. */
  readonly dropped?: Trash | undefined;
}

/** A dropped thing that waits for its purge. */
export interface Trash {
  readonly atMs: number;
  readonly purgeAtMs: number;
}

export interface Column {
  readonly id: ColumnId;
  readonly name: string;
  readonly kind: 'tag' | 'field';
  readonly type: ColumnType;
}

export interface Table {
  readonly id: TableId;
  readonly database: DatabaseId;
  readonly name: string;
  /** In order of creation; ids ascend. */
  readonly columns: readonly Column[];
  /** Ids of dropped columns: rows keep them, nobody sees them, no column gets them again. */
  readonly deadColumns?: readonly ColumnId[] | undefined;
  /** New columns get no id below it: a lost majority of the meta group may have given that to another. */
  readonly columnIdsFrom?: ColumnId | undefined;
  /** Dropped: the name is free, the id dead; kept so that new replica sets learn of it. */
  readonly dropped?: Trash | undefined;
  /** The id is dead for ever and the columns are forgotten. */
  readonly purgedAtMs?: number | undefined;
}

export interface DeadColumns {
  readonly table: TableId;
  readonly columns: readonly ColumnId[];
}

export interface Bucket {
  readonly id: BucketId;
  readonly database: DatabaseId;
  /** [startMs, endMs). Buckets of one database never overlap. */
  readonly startMs: number;
  readonly endMs: number;
  /** By shard: the replica set of shard i is at i. Their number is fixed. */
  readonly replicaSets: readonly ReplicaSetId[];
  /** Ids that were dead when it was made: its replicas begin with them, all with the same ones. */
  readonly deadTables?: readonly TableId[] | undefined;
  /** As deadTables: of the tables that have lost columns. */
  readonly deadColumns?: readonly DeadColumns[] | undefined;
  /**
   * Since when all of its rows are hidden: its files go when the trash's retention has passed since. Until then a
   * longer ttl takes it back.
   */
  readonly expiredAtMs?: number | undefined;
  /** When it was made, and when the last of its first replica sets had opened; for people. Absent of older ones. */
  readonly madeAtMs?: number | undefined;
  readonly openedAtMs?: number | undefined;
}

export interface ReplicaPlacement {
  readonly replica: ReplicaId;
  readonly node: NodeId;
  /** What meta wants; the truth about roles is the group's own committed configuration. */
  readonly role: 'voter' | 'learner';
  /** A majority was lost: it goes on with what that replica holds on its node, in its place. */
  readonly from?: ReplicaId | undefined;
}

/** An entry of a set's log that no replica of it can apply, passed over by order on all of them. */
export interface SkippedEntry {
  readonly index: number;
  readonly by: string;
  readonly atMs: number;
  /** By which its replicas had promised it; absent where a build of cluster version 2 asked none of them. */
  readonly order?: number | undefined;
}

/**
 * An entry that is to be passed over, if each replica promises it: one that has promised stops before the
 * entry until it is decided.
 */
export interface SkipOrder {
  /** Version of the catalog that made it: no two are the same. */
  readonly order: number;
  readonly index: number;
  readonly by: string;
  readonly atMs: number;
}

export interface ReplicaSet {
  readonly id: ReplicaSetId;
  readonly database: DatabaseId;
  readonly bucket: BucketId;
  readonly shard: number;
  /** Raised with each change of placement. */
  readonly epoch: number;
  /** 'creating' until a majority has reported its bootstrap durable; then 'open'. */
  readonly state: 'creating' | 'open' | 'dropping';
  /** The members with which it was founded: their bootstrap configuration. */
  readonly founders: readonly ReplicaId[];
  /** Those of the founders that were learners in it. */
  readonly foundingLearners?: readonly ReplicaId[] | undefined;
  readonly replicas: readonly ReplicaPlacement[];
  /** Version of the catalog at its creation: its replicas start with the ids dead by then. */
  readonly createdAtVersion: number;
  /** It took the place of that one, which is destroyed; it is made once that can acknowledge nothing more. */
  readonly replaces?: ReplicaSetId | undefined;
  /** Of one that took another's place, instead of its bucket's: ids that were dead when it was made. */
  readonly deadTables?: readonly TableId[] | undefined;
  readonly deadColumns?: readonly DeadColumns[] | undefined;
  /** How many replicas it should have while it is pinned, as add-replica or remove-replica said; else its database's option. */
  readonly replicasWanted?: number | undefined;
  /** Placed by hand: neither its replicas nor its lead are moved to even out nodes. Repairs go on. */
  readonly pinned?: boolean | undefined;
  /** Of its own: 'manual' holds whatever its database says. */
  readonly failover?: FailoverMode | undefined;
  readonly skippedEntries?: readonly SkippedEntry[] | undefined;
  /** Not decided yet; one at a time. */
  readonly skipOrder?: SkipOrder | undefined;
  /** The last order that was withdrawn: those who promised for it go on, and by no other sign. */
  readonly skipWithdrawn?: number | undefined;
  /** When its replicas were last compared by a checksum, whatever came of it. */
  readonly checksumAtMs?: number | undefined;
}

export interface Node {
  readonly id: NodeId;
  /** Random hex of its data directory: a repeated registration finds the node by it. */
  readonly incarnation: string;
  /** host:port of HTTP; gRPC is on the next port. */
  readonly address: string;
  readonly zone?: string | undefined;
  readonly engineThreads: number;
  readonly state: 'active' | 'draining' | 'drained' | 'decommissioned';
  readonly joinedAtMs: number;
  /** Of the program it runs. */
  readonly version: string;
  readonly maintenance?: Maintenance | undefined;
  /** It listens beyond loopback, and was told that it need ask nobody for a certificate or a token. */
  readonly isInsecure?: boolean | undefined;
}

/** A node that somebody is about to stop, or has stopped, for a while. It ends by itself. */
export interface Maintenance {
  /** Until then it leads nothing that another can lead. */
  readonly untilMs: number;
  /** `all`: nor are its replicas made anew elsewhere while it is silent; its silence counts from the end. */
  readonly scope: 'leaders' | 'all';
}

/** Of an administrator. */
export interface Token {
  readonly id: TokenId;
  readonly name: string;
  /** SHA-256 in hex. */
  readonly hash: string;
  readonly createdBy: string;
  readonly createdAtMs: number;
}

export type OperationKind =
  | 'add-replica'
  | 'remove-replica'
  | 'move-replica'
  | 'transfer-leader'
  | 'drain-node'
  | 'decommission-node'
  | 'rebalance'
  | 'repair'
  | 'compact'
  | 'checksum'
  | 'destroy-replica-set';

/** Why a replica is made anew: its node is silent, it lost what it held, or its rows are others than the majority's. */
export type RepairCause = 'silent' | 'damaged' | 'differs';

export interface OperationStep {
  readonly step: string;
  readonly atMs: number;
}

/** What a snapshot has carried to a new replica. */
export interface Transfer {
  readonly bytes: number;
  readonly bytesTotal: number;
  /** On the average since it began. */
  readonly bytesPerSecond: number;
}

/** A persisted, resumable piece of cluster work. Its steps are idempotent and fenced by replica ids. */
export interface Operation {
  readonly id: OperationId;
  readonly kind: OperationKind;
  readonly state: 'running' | 'done' | 'failed' | 'cancelling' | 'cancelled';
  readonly replicaSet?: ReplicaSetId | undefined;
  readonly source?: ReplicaId | undefined;
  readonly target?: ReplicaId | undefined;
  readonly sourceNode?: NodeId | undefined;
  readonly targetNode?: NodeId | undefined;
  /** A removal may leave fewer voters than before. */
  readonly allowFewerVoters?: boolean | undefined;
  readonly step: string;
  readonly history: readonly OperationStep[];
  readonly error?: string | undefined;
  /** What its present step waits for, once that has taken long, and when that was found. */
  readonly waiting?: {readonly for: string; readonly atMs: number} | undefined;
  /** Of `error`, by the catalogue. */
  readonly errorCode?: ErrorCode | undefined;
  /** What it found out, for a person: of a checksum and a compaction. */
  readonly result?: string | undefined;
  /** Replicas whose rows a checksum found to be others than the majority's: they are made anew. */
  readonly differing?: readonly ReplicaId[] | undefined;
  /** Once the snapshot is there; while it is on its way the target's node tells. */
  readonly transfer?: Transfer | undefined;
  /** Of an evacuation: the replicas on the node when it began. */
  readonly replicasTotal?: number | undefined;
  /** Of a rebalance: the moves that it found to make before it began the first of them. */
  readonly movesPlanned?: number | undefined;
  /** It tries again what that one did not do. */
  readonly retryOf?: OperationId | undefined;
  /** Of a repair. */
  readonly cause?: RepairCause | undefined;
  /** Absent where nobody asked for it: the cluster gave it up. */
  readonly cancelledBy?: string | undefined;
  readonly startedBy: string;
  readonly createdAtMs: number;
}

/** What the cluster does by itself: replicas made anew where some are lost, nodes and leads evened out. */
export type AutomationKind = 'repair' | 'rebalance';

/** Somebody stopped it; operations that are running go on. */
export interface AutomationPause {
  readonly kind: AutomationKind;
  readonly sinceMs: number;
  /** Absent: until it is resumed. */
  readonly untilMs?: number | undefined;
}

export interface ClusterIdentity {
  /** Random hex, chosen at the founding. */
  readonly id: string;
  readonly foundedAtMs: number;
  /** Paused: the reconciler starts nothing by itself; running operations go on. */
  readonly automation: 'running' | 'paused';
  /** Manual: no ordinary group campaigns unless told, whatever its database says. */
  readonly failover: FailoverMode;
  /** At most one of each kind; one whose time is over counts no more. */
  readonly pauses?: readonly AutomationPause[] | undefined;
  /** What may be used (`cluster-version.ts`); absent: 1. Raised when an upgrade is finalized, never lowered. */
  readonly version?: number | undefined;
  /** By recoveries of the meta group, the oldest first. */
  readonly passedOver?: readonly PassedOver[] | undefined;
}

/** The next id of each kind; ids are never used again, so these only grow. */
export interface Counters {
  readonly node: number;
  readonly tenant: number;
  readonly database: number;
  readonly table: number;
  readonly bucket: number;
  readonly replicaSet: number;
  readonly replica: number;
  readonly operation: number;
  readonly token: number;
}

/**
 * Ids that a lost majority of the meta group may have given out: from these on, up to those. Whatever bears
 * one is unknown here, not gone: nothing of it is destroyed.
 */
export interface PassedOver {
  readonly from: Counters;
  readonly until: Counters;
}

/** Entities by kind; a change is the new value of one of them, or its removal. */
export interface Entities {
  cluster: ClusterIdentity;
  node: Node;
  tenant: Tenant;
  database: Database;
  table: Table;
  bucket: Bucket;
  'replica-set': ReplicaSet;
  operation: Operation;
  token: Token;
}

export type EntityKind = keyof Entities;

/** What followers of the catalog receive: one entity's new value, or its removal where absent. */
export type CatalogChange = {
  [Kind in EntityKind]: {
    readonly kind: Kind;
    readonly id: number;
    readonly value?: Entities[Kind] | undefined;
  };
}[EntityKind];

/** All changes of one applied command. Versions are indexes of the meta group's log; they ascend, with gaps. */
export interface CatalogUpdate {
  readonly version: number;
  readonly changes: readonly CatalogChange[];
}
