export type {AdminClient} from './admin.ts';
export {
  type AutomationKind,
  type Backup,
  type BackupWanted,
  type Candidate,
  type Cardinality,
  type Decommission,
  type DropOptions,
  type Entity,
  type FailoverMode,
  type Id,
  isFinal,
  type Operation,
  type RebalanceView,
  type RecoveredSet,
  type RecoverOptions,
  type RecoveryOutcome,
  RecoveryPlan,
  type Replica,
  type ReplicaSet,
  type ReplicaSetChange,
  type Status,
  type StopAnswer,
  type Storage,
  type StoredReplica,
  type StoredSet,
  type Token,
} from './admin-answers.ts';
export {type BatchFailure, BatchWriter, type BatchWriterOptions} from './batch-writer.ts';
export type {CallOptions, ChangeOptions, WriteOptions, WriteResult} from './call.ts';
export {FlotillaError, type NoAnswerCode, type WriteDetails, writeDetailsOf} from './errors.ts';
export type {TlsOptions} from './exchange.ts';
export {
  FlotillaClient,
  type FlotillaClientOptions,
  type QueryFormat,
  type QueryOptions,
} from './flotilla-client.ts';
export {type BatchLimits, type LineBatch, LineBatcher} from './line-batches.ts';
export {
  type FieldValue,
  lineOfPoint,
  type Point,
  type Precision,
  Unsigned,
} from './point.ts';
export type {Row, Value} from './rows.ts';
