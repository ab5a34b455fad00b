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
  CreateToken,
  DeclareLost,
  FinalizeUpgrade,
  FoundCluster,
  RecoverMeta,
  RegisterNode,
  RevokeToken,
  SetAutomation,
  SetCluster,
  SetMaintenance,
  SetNodeState,
  UpdateNode,
} from './cluster-commands.ts';
import type {Column} from './model.ts';
import type {
  BeginSkip,
  CreateOperation,
  DropBucket,
  EndSkip,
  EnsureBucket,
  ExpireOperations,
  ForgetReplicaSets,
  OpenReplicaSets,
  PinReplicaSet,
  RaiseExpiredBefore,
  RecoverReplicaSet,
  ReplaceReplicaSet,
  SetPlacement,
  SetReplicaSetFailover,
  SkipEntry,
  UpdateOperation,
} from './replica-set-commands.ts';
import type {
  AlterDatabase,
  AlterTable,
  AlterTenant,
  CreateDatabase,
  CreateTable,
  CreateTenant,
  DropDatabase,
  DropTable,
  DropTenant,
  EnsureTables,
  ForgetTable,
  PurgeDatabase,
  PurgeTable,
  PurgeTenant,
  RecoverDatabase,
  RecoverTable,
  RecoverTenant,
} from './schema-commands.ts';

export type * from './cluster-commands.ts';
export type * from './replica-set-commands.ts';
export type * from './schema-commands.ts';

/** Of the encoding. A machine stops its replica at a version that it does not know. */
export const COMMAND_VERSION = 1;

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
  | BeginSkip
  | EndSkip
  | ReplaceReplicaSet
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
  'begin-skip': {readonly order: number};
  'end-skip': Nothing;
  /** The set that took its place. */
  'replace-replica-set': {readonly set: ReplicaSetId};
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
