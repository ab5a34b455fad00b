export {
  COLUMN_ROW_TEXT_BYTES_MAX,
  COLUMN_TEXT_BYTES_MAX,
  COLUMN_TIME_MS_MAX,
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
export {EXIT_CODES} from './node/exit-codes.ts';
export {type StartedNode, startNode} from './node/node.ts';
export type {StartNodeOptions} from './node/node-options.ts';
export {
  type MetaRecovery,
  type MetaRecoveryOptions,
  recoverMeta,
  reportStopped,
} from './node/recover-meta.ts';
export {VERSION} from './version.ts';
