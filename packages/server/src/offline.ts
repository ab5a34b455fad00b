// What works on files alone, without a node: backups, data directories of nodes that stand still, bodies of
// columns. A door of its own, since it loads the whole storage engine, and a node's main thread loads none of it.

export {
  COLUMN_ROW_TEXT_BYTES_MAX,
  COLUMN_TEXT_BYTES_MAX,
  COLUMN_TIME_NS_MAX,
  type RowChunk,
  RowWriter,
} from '@flotilla/ingest';
export {listBackupsIn, pruneBackupsIn, verifyBackupsIn} from './backup/backup-files.ts';
export {Restoration, type RestoredDatabase} from './backup/restoration.ts';
export {
  type CheckOptions,
  checkDirectory,
  type DirectoryCheck,
} from './check/check-directory.ts';
export {encodeEvidence} from './node/evidence-file.ts';
export {
  type MetaRecovery,
  type MetaRecoveryOptions,
  recoverMeta,
  reportStopped,
} from './node/recover-meta.ts';
