export {BackgroundClient} from './background/background-client.ts';
export {BackgroundWorker, type BackgroundWorkerOptions} from './background/background-worker.ts';
export {NodeClock} from './node-clock.ts';
export {
  DirectoryLockedError,
  NodeDirectory,
  type NodeDirectoryOptions,
  type NodeIdentity,
  openNodeDirectory,
  replaceFile,
  storePath,
} from './node-directory.ts';
export {NodeDisk, syncDirectory, systemErrorCode} from './node-disk.ts';
export {createNodeRandom} from './node-random.ts';
export {createPinoLog, PinoLog, type PinoLogOptions} from './pino-log.ts';
export {sqliteManifestStores} from './sqlite-manifest-store.ts';
