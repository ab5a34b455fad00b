export type {BucketTime} from './block-cut.ts';
export type {DeadColumnIds} from './dead-columns.ts';
export {type CommitPoint, type Edit, Manifest, type ManifestFault, verifyRows} from './manifest.ts';
export {PartDamage, type PartVersion} from './part-format.ts';
export {
  checkReplicaFiles,
  type ReadingCheck,
  readStagedState,
  replicasIn,
  type StoredReplica,
} from './replica-check.ts';
export {outlineOf} from './replica-outline.ts';
export type {FlushPoint, ReplicaState, StoragePoint} from './replica-state.ts';
export {
  type DeleteResult,
  ReplicaStorage,
  type StorageOptions,
  type WriteResult,
} from './replica-storage.ts';
export type {PinnedRows} from './rows-checksum.ts';
export type {CountTurns} from './series-count.ts';
export {
  type SnapshotFile,
  STATE_FILE,
  type StagedFiles,
  type StorageSnapshot,
} from './snapshot.ts';
export {StorageCounts, type StorageSizes} from './storage-counts.ts';
export type {StorageView} from './storage-view.ts';
export type {TableCounts} from './table-counts.ts';
export type {TableFate} from './table-fates.ts';
