export {
  type Announcement,
  announce,
  announceAlone,
  announcementPath,
  incomingPath,
  withdraw,
  withdrawDead,
} from './backup/announcements.ts';
export {openBackedUp} from './backup/backed-up-replica.ts';
export {BackupDirectory} from './backup/backup-directory.ts';
export {type BackupView, listBackups} from './backup/backup-list.ts';
export type {
  BackedUpFile,
  BackedUpSet,
  BackupRecord,
  BackupScope,
  StoredFile,
} from './backup/backup-record.ts';
export {Journal, knownFiles} from './backup/known-files.ts';
export {type Pruned, pruneBackups, tryPrune} from './backup/prune-backups.ts';
export {
  type BackupFault,
  type BackupsCheck,
  type VerifyProgress,
  verifyBackups,
} from './backup/verify-backups.ts';
export type {BucketTime} from './block-cut.ts';
export type {DeadColumnIds} from './dead-columns.ts';
export type {Expired} from './expired-rows.ts';
export {type CommitPoint, type Edit, Manifest, type ManifestFault, verifyRows} from './manifest.ts';
export {type MergeJob, mergeParts} from './merge-parts.ts';
export {OpenFiles} from './open-files.ts';
export {PartDamage, type PartVersion} from './part-format.ts';
export {type MergeRun, MergesInTurns, type PartMerges} from './part-merges.ts';
export type {WrittenPart} from './part-writer.ts';
export {type BytesRead, ReadProgress} from './read-progress.ts';
export {
  checkReplicaFiles,
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
export {Slices} from './slices.ts';
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
