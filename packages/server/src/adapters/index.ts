export {AuditFiles} from './audit-files.ts';
export {BackgroundWorker, type BackgroundWorkerOptions} from './background/background-worker.ts';
export {type ManifestCopy, readManifestCopy} from './manifest-copy.ts';
export {NodeClock} from './node-clock.ts';
export {
  DIRECTORY_FORMAT,
  EPOCH_FILE,
  LIVES_FILE,
  lockForReading,
  NODE_FILE,
  NodeDirectory,
  type NodeDirectoryOptions,
  type NodeIdentity,
  openNodeDirectory,
  readChecked,
  replaceFile,
} from './node-directory.ts';
export {NodeDisk, systemErrorCode} from './node-disk.ts';
export {createNodeRandom} from './node-random.ts';
export {createPinoLog} from './pino-log.ts';
export {stoppedManifest} from './stopped-manifest.ts';
export {STORES, storePath} from './store-path.ts';
export {TlsFiles, type TlsMaterial, type TlsPaths, type TlsSource} from './tls-files.ts';
