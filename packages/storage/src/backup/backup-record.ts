// What a backup is: which files of which replica sets, each named by the SHA-256 of its bytes, and the catalog
// that gives their numbers names. A record is written once, last, so that what it names is there.

import {createHash} from 'node:crypto';
import {DbError, FatalError, type NodeId, type ReplicaId, type ReplicaSetId} from '@flotilla/base';

/** Of a directory and of its records. A build refuses a newer one by name. */
export const BACKUP_VERSION = 1;

/** Bytes that lie in a backup directory under their hash. */
export interface StoredFile {
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}

/** A file of a replica, under the name that it had there. */
export interface BackedUpFile extends StoredFile {
  readonly name: string;
  /** CRC32 of its last bytes: with name and size it tells the file again without reading all of it. */
  readonly tail: number;
}

/** All files of one replica at one index of its log. */
export interface BackedUpSet {
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
  readonly node: NodeId;
  /** Everything that was applied up to it, and nothing beyond, is in the files. */
  readonly index: number;
  readonly files: readonly BackedUpFile[];
}

/** Absent names: all. */
export interface BackupScope {
  readonly tenant?: string | undefined;
  readonly database?: string | undefined;
}

export interface BackupRecord {
  readonly id: string;
  /** The cluster that it is of. */
  readonly cluster: string;
  /** Version of the program that made it. */
  readonly build: string;
  readonly scope: BackupScope;
  readonly startedMs: number;
  readonly endedMs: number;
  /** JSON of the layer above: what the numbers in the files mean. */
  readonly catalog: StoredFile;
  readonly sets: readonly BackedUpSet[];
  /** Of all that it names, what was not there before it. */
  readonly copiedBytes: number;
}

export function sha256Of(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** One line of JSON, and one with its hash. */
export function encodeBackupRecord(record: BackupRecord): Uint8Array {
  const json = JSON.stringify({version: BACKUP_VERSION, ...record});
  return Buffer.from(`${json}\n${sha256Of(json)}\n`);
}

/** Throws FatalError where the bytes are not those that were written, UNSUPPORTED for a newer version. */
export function decodeBackupRecord(bytes: Uint8Array, path: string): BackupRecord {
  const [json = '', hash] = Buffer.from(bytes).toString().split('\n');
  if (hash !== sha256Of(json))
    throw new FatalError(`backup record does not match its checksum; file=${path}`);
  const {version, ...record} = JSON.parse(json) as BackupRecord & {readonly version: number};
  mustKnow(version, path);
  return record;
}

export function mustKnow(version: number, path: string): void {
  if (version <= BACKUP_VERSION) return;
  const message = `${path} is of backup version ${version}; this build knows ${BACKUP_VERSION}: take a newer one`;
  throw new DbError('UNSUPPORTED', message, {version});
}

/** Every stored file that the record names, some of them more than once. */
export function* filesOf({catalog, sets}: BackupRecord): Generator<StoredFile> {
  yield catalog;
  for (const {files} of sets) yield* files;
}
