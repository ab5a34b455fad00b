// What can be asked of the catalog: versioned JSON in the meta group's log. Whoever proposes has
// already chosen times and nodes; ids are given out by the machine. Each command is applied whole or
// answers an error and changes nothing.

import type {
  BucketId,
  ColumnId,
  DatabaseId,
  ErrorCode,
  ErrorDetails,
  NodeId,
  OperationId,
  ReplicaId,
  ReplicaSetId,
  TableId,
  TenantId,
} from '@flotilla/base';
import type {
  AutomationKind,
  Column,
  ColumnType,
  DatabaseOptions,
  FailoverMode,
  Maintenance,
  Node,
  Operation,
  OperationKind,
  Transfer,
} from './model.ts';

/** Of the encoding. A machine stops its replica at a version that it does not know. */
export const COMMAND_VERSION = 1;

/** What a node tells of itself. */
export interface NodeDescription {
  readonly incarnation: string;
  readonly address: string;
  readonly zone?: string | undefined;
  readonly engineThreads: number;
  readonly version: string;
  readonly isInsecure?: boolean | undefined;
}

/** Options as given; what is absent keeps its default or its present value. */
export interface OptionChanges {
  /** null: rows are kept for ever. */
  readonly ttlMs?: number | null | undefined;
  readonly bucketDurationMs?: number | undefined;
  readonly shards?: number | 'auto' | undefined;
  readonly replicas?: number | undefined;
  readonly precision?: DatabaseOptions['precision'] | undefined;
  readonly failover?: FailoverMode | undefined;
}

export interface FieldRequest {
  readonly name: string;
  readonly type: ColumnType;
}

/** Columns that a write needs; absent ones are created. */
export interface TableRequest {
  readonly name: string;
  readonly tags: readonly string[];
  readonly fields: readonly FieldRequest[];
}

export interface PlacementRequest {
  readonly node: NodeId;
  readonly role: 'voter' | 'learner';
}

export interface FoundCluster {
  readonly type: 'found-cluster';
  readonly clusterId: string;
  readonly node: NodeDescription;
  /** Of the founder's build; absent in older logs: 1. */
  readonly clusterVersion?: number | undefined;
  readonly atMs: number;
}
/** Idempotent by the description's incarnation. */
export interface RegisterNode {
  readonly type: 'register-node';
  readonly node: NodeDescription;
  /** The proposer has seen that the one who registers is the one who answers there now. */
  readonly isAddressFree?: boolean | undefined;
  readonly atMs: number;
}
export interface UpdateNode {
  readonly type: 'update-node';
  readonly node: NodeId;
  readonly address?: string | undefined;
  readonly zone?: string | undefined;
  readonly engineThreads?: number | undefined;
  readonly version?: string | undefined;
  readonly isInsecure?: boolean | undefined;
}
/** 'decommissioned' is for ever and requires that no placement names the node. */
export interface SetNodeState {
  readonly type: 'set-node-state';
  readonly node: NodeId;
  readonly state: Node['state'];
  /** CONFLICT unless it is the present one. */
  readonly expectedState?: Node['state'] | undefined;
}
export interface SetCluster {
  readonly type: 'set-cluster';
  readonly automation?: 'running' | 'paused' | undefined;
  readonly failover?: FailoverMode | undefined;
}
/** From then on what is new with that version is used, and no node may go back. Never lowers. */
export interface FinalizeUpgrade {
  readonly type: 'finalize-upgrade';
  readonly version: number;
  /** Those that were asked and can. CONFLICT where another node has come since. */
  readonly nodes: readonly NodeId[];
}
/** Pauses each of the kinds, from now until `untilMs`, if that is given; or resumes them. */
export interface SetAutomation {
  readonly type: 'set-automation';
  readonly kinds: readonly AutomationKind[];
  readonly paused: boolean;
  readonly untilMs?: number | undefined;
  readonly atMs: number;
}
/** Instead of the one before. */
export interface SetMaintenance {
  readonly type: 'set-maintenance';
  readonly node: NodeId;
  readonly maintenance: Maintenance;
  /** From which its end was counted. */
  readonly atMs?: number | undefined;
}
export interface CreateTenant {
  readonly type: 'create-tenant';
  readonly name: string;
  readonly comment?: string | undefined;
  readonly ifNotExists?: boolean | undefined;
}
export interface AlterTenant {
  readonly type: 'alter-tenant';
  readonly name: string;
  /** '' takes it away. */
  readonly comment: string;
}
/** Requires that it holds no database but dropped ones. */
export interface DropTenant {
  readonly type: 'drop-tenant';
  readonly name: string;
  readonly ifExists?: boolean | undefined;
  /** Absent in older logs: it goes at once. */
  readonly atMs?: number | undefined;
  /** Where it is not later than atMs, its dropped databases go at once too. */
  readonly purgeAtMs?: number | undefined;
  /** Where there is none of that name, those in the trash are purged no later than said. */
  readonly orTrash?: boolean | undefined;
}
/** The one of that name that was dropped last, under its old name or `as`. */
export interface RecoverTenant {
  readonly type: 'recover-tenant';
  readonly name: string;
  readonly as?: string | undefined;
}
/** Requires that it is dropped and that it holds no database any more, dropped ones included. */
export interface PurgeTenant {
  readonly type: 'purge-tenant';
  readonly tenant: TenantId;
}
export interface CreateDatabase {
  readonly type: 'create-database';
  readonly tenant: string;
  readonly name: string;
  readonly options: OptionChanges;
  readonly ifNotExists?: boolean | undefined;
}
export interface AlterDatabase {
  readonly type: 'alter-database';
  readonly tenant: string;
  readonly name: string;
  /** Without `precision`: that is fixed. */
  readonly options: OptionChanges;
}
export interface DropDatabase {
  readonly type: 'drop-database';
  readonly tenant: string;
  readonly name: string;
  readonly ifExists?: boolean | undefined;
  readonly atMs: number;
  readonly purgeAtMs: number;
  /** Where there is none of that name, those in the trash are purged no later than said. */
  readonly orTrash?: boolean | undefined;
}
/** The one of that name that was dropped last, under its old name or `as`. */
export interface RecoverDatabase {
  readonly type: 'recover-database';
  readonly tenant: string;
  readonly name: string;
  readonly as?: string | undefined;
}
/** Requires that it is dropped: all it holds goes, its replica sets become 'dropping'. */
export interface PurgeDatabase {
  readonly type: 'purge-database';
  readonly database: DatabaseId;
}
export interface CreateTable {
  readonly type: 'create-table';
  readonly database: DatabaseId;
  readonly table: TableRequest;
  readonly ifNotExists?: boolean | undefined;
}
/** Creates what is missing; conflicts and limits are values, so that the other columns still come to be. */
export interface EnsureTables {
  readonly type: 'ensure-tables';
  readonly database: DatabaseId;
  readonly tables: readonly TableRequest[];
  /** Nothing is made of a request for more columns than there is room for; else as many as there is. */
  readonly allOrNothing?: boolean | undefined;
}
/** One change of a table: of its columns, or of its name. */
export type TableChange =
  | {readonly kind: 'add-column'; readonly column: Omit<Column, 'id'>}
  /** Its id is dead from then on. */
  | {readonly kind: 'drop-column'; readonly name: string}
  | {readonly kind: 'rename-column'; readonly name: string; readonly to: string}
  | {readonly kind: 'rename-table'; readonly to: string};
export interface AlterTable {
  readonly type: 'alter-table';
  readonly database: DatabaseId;
  readonly name: string;
  readonly change: TableChange;
}
export interface DropTable {
  readonly type: 'drop-table';
  readonly database: DatabaseId;
  readonly name: string;
  readonly ifExists?: boolean | undefined;
  readonly atMs: number;
  readonly purgeAtMs: number;
  /** Where there is none of that name, those in the trash are purged no later than said. */
  readonly orTrash?: boolean | undefined;
}
/** The one of that name that was dropped last, under its old name or `as`. */
export interface RecoverTable {
  readonly type: 'recover-table';
  readonly database: DatabaseId;
  readonly name: string;
  readonly as?: string | undefined;
}
export interface PurgeTable {
  readonly type: 'purge-table';
  readonly table: TableId;
  readonly atMs: number;
}
/** Requires that it was purged: nothing refers to the id any more. */
export interface ForgetTable {
  readonly type: 'forget-table';
  readonly table: TableId;
}
/** The bucket that holds `timeMs`: the present one, or a new one, the wanted range cut against the others. */
export interface EnsureBucket {
  readonly type: 'ensure-bucket';
  readonly database: DatabaseId;
  readonly timeMs: number;
  /** [startMs, endMs) holds timeMs. */
  readonly startMs: number;
  readonly endMs: number;
  /** By shard: its founders. Their number is the number of shards. */
  readonly placements: readonly (readonly PlacementRequest[])[];
}
export interface OpenReplicaSets {
  readonly type: 'open-replica-sets';
  readonly sets: readonly ReplicaSetId[];
}
/** New replicas get new ids; the epoch is raised. CONFLICT unless `expectedEpoch` is the present one. */
export interface SetPlacement {
  readonly type: 'set-placement';
  readonly set: ReplicaSetId;
  readonly expectedEpoch: number;
  readonly add: readonly PlacementRequest[];
  readonly remove: readonly ReplicaId[];
  readonly roles: readonly {readonly replica: ReplicaId; readonly role: 'voter' | 'learner'}[];
  readonly replicasWanted?: number | undefined;
}
/** Nodes that never come back, as a person says: they are let in no more. */
export interface DeclareLost {
  readonly type: 'declare-lost';
  readonly nodes: readonly NodeId[];
  readonly atMs: number;
}
/** The meta group has lost its majority: it goes on with what `node` holds, and these nodes are lost. */
export interface RecoverMeta {
  readonly type: 'recover-meta';
  readonly node: NodeId;
  readonly lost: readonly NodeId[];
  readonly atMs: number;
}
/** A set has lost its majority: it goes on with what that replica holds, or begins anew without one. */
export interface RecoverReplicaSet {
  readonly type: 'recover-replica-set';
  readonly set: ReplicaSetId;
  readonly expectedEpoch: number;
  readonly node: NodeId;
  readonly replica?: ReplicaId | undefined;
  /** Where its log ends. */
  readonly lastIndex?: number | undefined;
  readonly atMs: number;
}
export interface PinReplicaSet {
  readonly type: 'pin-replica-set';
  readonly set: ReplicaSetId;
  readonly pinned: boolean;
}
export interface SetReplicaSetFailover {
  readonly type: 'set-replica-set-failover';
  readonly set: ReplicaSetId;
  readonly failover: FailoverMode;
}
/** Its replicas pass over the entry instead of applying it. Never of the meta group. */
export interface SkipEntry {
  readonly type: 'skip-entry';
  readonly set: ReplicaSetId;
  readonly index: number;
  readonly by: string;
  readonly atMs: number;
}
/** Those that are 'dropping' and of which no replica is left. */
export interface ForgetReplicaSets {
  readonly type: 'forget-replica-sets';
  readonly sets: readonly ReplicaSetId[];
}
/** Never lowers. */
export interface RaiseExpiredBefore {
  readonly type: 'raise-expired-before';
  readonly database: DatabaseId;
  readonly expiredBeforeMs: number;
  readonly atMs: number;
}
/** Its replica sets become 'dropping'. */
export interface DropBucket {
  readonly type: 'drop-bucket';
  readonly bucket: BucketId;
}
export interface CreateOperation {
  readonly type: 'create-operation';
  readonly kind: OperationKind;
  readonly replicaSet?: ReplicaSetId | undefined;
  readonly source?: ReplicaId | undefined;
  readonly target?: ReplicaId | undefined;
  readonly sourceNode?: NodeId | undefined;
  readonly targetNode?: NodeId | undefined;
  readonly allowFewerVoters?: boolean | undefined;
  /** Made by hand: its replica set is pinned, or the cluster would even it out again. */
  readonly pin?: boolean | undefined;
  readonly retryOf?: OperationId | undefined;
  readonly startedBy: string;
  readonly atMs: number;
}
/** CONFLICT unless `expectedStep` is the present one. A finished operation stays as it is. */
export interface UpdateOperation {
  readonly type: 'update-operation';
  readonly operation: OperationId;
  readonly expectedStep: string;
  readonly step?: string | undefined;
  readonly state?: Operation['state'] | undefined;
  readonly source?: ReplicaId | undefined;
  readonly target?: ReplicaId | undefined;
  readonly error?: string | undefined;
  readonly waitingFor?: string | undefined;
  readonly errorCode?: ErrorCode | undefined;
  readonly result?: string | undefined;
  readonly differing?: readonly ReplicaId[] | undefined;
  readonly transfer?: Transfer | undefined;
  readonly atMs: number;
}
/** Forgets operations that were finished before that time. */
export interface ExpireOperations {
  readonly type: 'expire-operations';
  readonly finishedBeforeMs: number;
}

export interface CreateToken {
  readonly type: 'create-token';
  readonly name: string;
  /** SHA-256 in hex; the token itself stays with who asked for it. */
  readonly hash: string;
  readonly createdBy: string;
  /** Nothing is done where there is any token. */
  readonly onlyFirst?: boolean | undefined;
  readonly atMs: number;
}
/** Refused for the last one. */
export interface RevokeToken {
  readonly type: 'revoke-token';
  readonly name: string;
}

export type Command =
  | FoundCluster
  | RegisterNode
  | UpdateNode
  | SetNodeState
  | SetCluster
  | FinalizeUpgrade
  | SetAutomation
  | SetMaintenance
  | CreateTenant
  | AlterTenant
  | DropTenant
  | RecoverTenant
  | PurgeTenant
  | CreateDatabase
  | AlterDatabase
  | DropDatabase
  | RecoverDatabase
  | PurgeDatabase
  | CreateTable
  | EnsureTables
  | AlterTable
  | DropTable
  | RecoverTable
  | PurgeTable
  | ForgetTable
  | EnsureBucket
  | OpenReplicaSets
  | SetPlacement
  | DeclareLost
  | RecoverMeta
  | RecoverReplicaSet
  | PinReplicaSet
  | SetReplicaSetFailover
  | SkipEntry
  | ForgetReplicaSets
  | RaiseExpiredBefore
  | DropBucket
  | CreateOperation
  | UpdateOperation
  | ExpireOperations
  | CreateToken
  | RevokeToken;

export type CommandType = Command['type'];

export type ColumnOutcome =
  | {readonly column: ColumnId}
  | {readonly error: 'TYPE_CONFLICT'; readonly existing?: Column | undefined}
  | {readonly error: 'COLUMN_LIMIT'};

export type TableOutcome =
  | {
      readonly table: TableId;
      /** As the request's tags and fields, in their order. */
      readonly tags: readonly ColumnOutcome[];
      readonly fields: readonly ColumnOutcome[];
    }
  | {readonly error: 'TABLE_LIMIT' | 'COLUMN_LIMIT' | 'INVALID_ARGUMENT'};

type Nothing = Readonly<Record<string, never>>;

/** What each command answers when it succeeds. */
export interface CommandValues {
  'found-cluster': {readonly node: NodeId; readonly replica: ReplicaId};
  'register-node': {readonly node: NodeId};
  'update-node': Nothing;
  'set-node-state': Nothing;
  'set-cluster': Nothing;
  'finalize-upgrade': Nothing;
  'set-automation': Nothing;
  'set-maintenance': Nothing;
  'create-tenant': {readonly tenant: TenantId; readonly created: boolean};
  'alter-tenant': {readonly tenant: TenantId};
  'drop-tenant': {readonly dropped: boolean};
  'recover-tenant': {readonly tenant: TenantId};
  'purge-tenant': Nothing;
  'create-database': {readonly database: DatabaseId; readonly created: boolean};
  'alter-database': {readonly database: DatabaseId};
  /** Absent where none was dropped by this command. */
  'drop-database': {readonly database?: DatabaseId | undefined};
  'recover-database': {readonly database: DatabaseId};
  'purge-database': Nothing;
  'create-table': {readonly table: TableId; readonly created: boolean};
  /** In the order of the request. */
  'ensure-tables': {readonly tables: readonly TableOutcome[]};
  /** The column that the change is about. */
  'alter-table': {readonly table: TableId; readonly column?: ColumnId | undefined};
  'drop-table': {readonly table?: TableId | undefined};
  'recover-table': {readonly table: TableId};
  'purge-table': Nothing;
  'forget-table': Nothing;
  'ensure-bucket': {readonly bucket: BucketId; readonly created: boolean};
  'open-replica-sets': Nothing;
  'set-placement': {readonly epoch: number; readonly added: readonly ReplicaId[]};
  'declare-lost': Nothing;
  'recover-meta': {readonly replica: ReplicaId};
  'recover-replica-set': {readonly epoch: number; readonly replica: ReplicaId};
  'pin-replica-set': Nothing;
  'set-replica-set-failover': Nothing;
  'skip-entry': Nothing;
  'forget-replica-sets': Nothing;
  'raise-expired-before': Nothing;
  'drop-bucket': Nothing;
  'create-operation': {readonly operation: OperationId};
  'update-operation': Nothing;
  'expire-operations': Nothing;
  'create-token': {readonly created: boolean};
  'revoke-token': Nothing;
}

export type CommandValue<C extends Command> = CommandValues[C['type']];

export interface CommandError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

export type CommandResult<Value = CommandValues[CommandType]> =
  | {readonly ok: true; readonly value: Value}
  | {readonly ok: false; readonly error: CommandError};
