export {AuditFiles} from './audit-files.ts';
export {BackgroundClient} from './background/background-client.ts';
export {BackgroundWorker, type BackgroundWorkerOptions} from './background/background-worker.ts';
export {NodeClock} from './node-clock.ts';
export {
  NodeDirectory,
  type NodeDirectoryOptions,
  type NodeIdentity,
  openNodeDirectory,
  replaceFile,
} from './node-directory.ts';
export {NodeDisk} from './node-disk.ts';
export {createNodeRandom} from './node-random.ts';
export {createPinoLog} from './pino-log.ts';
export {sqliteManifestStores} from './sqlite-manifest-store.ts';
export {stoppedManifest} from './stopped-manifest.ts';
export {storePath} from './store-path.ts';
export {TlsFiles, type TlsMaterial, type TlsPaths, type TlsSource} from './tls-files.ts';
