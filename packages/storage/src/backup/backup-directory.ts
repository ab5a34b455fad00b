// A directory of backups, over the Disk port of that directory:
//
//   flotilla-backup.json    version and cluster: what makes it a directory of backups
//   backups/ID.json         one complete backup; written last
//   running/ID.json         work under way, or broken off (announcements.ts), and
//   running/ID.files        what it has stored so far
//   incoming/ID/            files that are being written
//   files/HH/HASH           bytes by their SHA-256; HH are its first two digits
//
// Law: a name below files/ stands for all of its bytes, durably: it is given by a rename, after the sync. So
// whoever finds it need not copy, whoever died while writing left nothing there, and two who write the same
// file do each other no harm.

import {createHash} from 'node:crypto';
import {DbError, type Disk, type DiskFile, FatalError, handledElsewhere} from '@flotilla/base';
import {
  BACKUP_VERSION,
  type BackupRecord,
  decodeBackupRecord,
  encodeBackupRecord,
  mustKnow,
  type StoredFile,
  sha256Of,
} from './backup-record.ts';

const MARKER = 'flotilla-backup.json';
const RECORDS = 'backups';
export const RUNNING = 'running';
export const INCOMING = 'incoming';
const FILES = 'files';
/** Hashing half a megabyte takes less than a millisecond or two, and each piece is a call of the disk. */
const PIECE_BYTES = 512 * 1024;
/**
 * Written, and not synced yet. A log on the same disk waits for what is being synced: beside copies at 134 MB/s a
 * write of it that met a sync took 1.1 ms in the median with 2 MiB and 3.6 with 8; with 128 a tenth took 67 ms or
 * more (0.4 without a copy; ext4, two cores that others used too). docs/decisions/0012-backup.md
 */
const UNSYNCED_BYTES_MAX = 2 * 1024 * 1024;
const SUFFIX = '.json';

/** What is copied: of a pinned snapshot, mostly. */
export interface CopySource {
  readonly bytes: number;
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** How a copy keeps out of the way of others. */
export interface CopyTerms {
  /** Where the bytes are written before they have their name: nobody else's. */
  readonly incoming: string;
  /** Asked before each piece: whether to wait first, for a turn or for the rate that was set. */
  readonly due: (bytes: number) => Promise<void> | undefined;
}

export class BackupDirectory {
  readonly disk: Disk;
  /** That it is of. */
  readonly cluster: string;

  private constructor(disk: Disk, cluster: string) {
    this.disk = disk;
    this.cluster = cluster;
  }

  /** Rejects with NOT_FOUND where it is none, and with UNSUPPORTED where a newer build made it. */
  static async open(disk: Disk): Promise<BackupDirectory> {
    if (!(await disk.exists(MARKER)))
      throw new DbError('NOT_FOUND', `it is no directory of backups: it has no ${MARKER}`);
    const {version, cluster} = JSON.parse(
      Buffer.from(await readWhole(disk, MARKER)).toString(),
    ) as {readonly version: number; readonly cluster: string};
    mustKnow(version, MARKER);
    return new BackupDirectory(disk, cluster);
  }

  /** Makes an empty directory one. Rejects with CONFLICT where it holds something else, or another cluster's. */
  static async prepare(disk: Disk, cluster: string): Promise<BackupDirectory> {
    if (await disk.exists(MARKER)) {
      const there = await BackupDirectory.open(disk);
      if (there.cluster === cluster) return there;
      const message = `the directory holds backups of cluster ${there.cluster}; this is ${cluster}: give each its own`;
      throw new DbError('CONFLICT', message);
    }
    const names = (await disk.list('')).map(({name}) => name);
    // Of one who died while he made it a directory of backups.
    const own = [RECORDS, RUNNING, INCOMING, FILES, freshPath(MARKER)];
    const strangers = names.filter((name) => !own.includes(name));
    if (strangers.length > 0) {
      const message = `the directory holds ${strangers.slice(0, 5).join(', ')}: backups want an empty one`;
      throw new DbError('CONFLICT', message);
    }
    for (const name of [RECORDS, RUNNING, INCOMING, FILES]) await disk.makeDirectory(name);
    // Now, so that no copy has to make one durable while others write into it.
    for (let first = 0; first < 256; first++)
      await disk.makeDirectory(`${FILES}/${first.toString(16).padStart(2, '0')}`);
    await disk.syncDirectory(FILES);
    // Last, so that what has it is complete.
    const directory = new BackupDirectory(disk, cluster);
    await directory.replace(
      MARKER,
      Buffer.from(`${JSON.stringify({version: BACKUP_VERSION, cluster})}\n`),
    );
    return directory;
  }

  /** Of complete backups, from the oldest to the newest. */
  async ids(): Promise<string[]> {
    const entries = await this.disk.list(RECORDS);
    return entries.flatMap(({name}) =>
      name.endsWith(SUFFIX) ? [name.slice(0, -SUFFIX.length)] : [],
    );
  }

  /** Throws FatalError for one that is damaged. */
  async record(id: string): Promise<BackupRecord> {
    const path = recordPath(id);
    return decodeBackupRecord(await readWhole(this.disk, path), path);
  }

  /** Requires that everything it names is stored. */
  async complete(record: BackupRecord): Promise<void> {
    await this.replace(recordPath(record.id), encodeBackupRecord(record));
  }

  async forget(id: string): Promise<void> {
    await this.disk.remove(recordPath(id));
    await this.disk.syncDirectory(RECORDS);
  }

  /** Names of all files that are stored. @param between  awaited before each of the directories that they are in */
  async stored(between?: () => Promise<void>): Promise<Set<string>> {
    const found = new Set<string>();
    for (const {name} of await this.disk.list(FILES)) {
      await between?.();
      for (const file of await this.disk.list(`${FILES}/${name}`)) found.add(file.name);
    }
    return found;
  }

  pathOf({sha256}: Pick<StoredFile, 'sha256'>): string {
    return `${FILES}/${sha256.slice(0, 2)}/${sha256}`;
  }

  /** Of small files. Throws FatalError where they are not the bytes that were stored. */
  async read(file: StoredFile): Promise<Uint8Array> {
    const path = this.pathOf(file);
    const bytes = await readWhole(this.disk, path);
    if (sha256Of(bytes) !== file.sha256)
      throw new FatalError(`its bytes are not those of its name; file=${path}`);
    return bytes;
  }

  /** Of a file that is stored, in bytes. */
  async sizeOf(sha256: string): Promise<number> {
    const file = await this.disk.open(this.pathOf({sha256}), 'read');
    try {
      return await file.size();
    } finally {
      await file.close();
    }
  }

  async discard(sha256: string): Promise<void> {
    await this.disk.remove(this.pathOf({sha256}));
  }

  /** The bytes, under their hash; written only where it is not there. */
  async put(bytes: Uint8Array, incoming: string): Promise<StoredFile> {
    const stored = {bytes: bytes.length, sha256: sha256Of(bytes)};
    if (await this.disk.exists(this.pathOf(stored))) return stored;
    const copying = this.copy(
      {bytes: bytes.length, read: async (at, length) => bytes.subarray(at, at + length)},
      {incoming, due: () => undefined},
    );
    for (;;) {
      const {done, value} = await copying.next();
      if (done === true) return value;
    }
  }

  /** Yields how many bytes it has copied since; gives the name that they have in the end. */
  async *copy(source: CopySource, terms: CopyTerms): AsyncGenerator<number, StoredFile> {
    const {disk} = this;
    // Of a try before this one.
    await disk.remove(terms.incoming);
    const file = await disk.open(terms.incoming, 'create');
    let stored: StoredFile;
    try {
      stored = yield* hashedCopy(source, file, terms.due);
      await file.sync();
    } finally {
      await file.close();
    }
    const path = this.pathOf(stored);
    await disk.rename(terms.incoming, path);
    await disk.syncDirectory(path.slice(0, path.lastIndexOf('/')));
    return stored;
  }

  /** Whoever reads it has it as it was, or as it is. */
  async replace(path: string, bytes: Uint8Array): Promise<void> {
    const {disk} = this;
    const fresh = freshPath(path);
    await disk.remove(fresh);
    const file = await disk.open(fresh, 'create');
    try {
      await file.writeAt(0, [bytes]);
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.rename(fresh, path);
    const end = path.lastIndexOf('/');
    await disk.syncDirectory(end < 0 ? '' : path.slice(0, end));
  }
}

async function* hashedCopy(
  source: CopySource,
  target: DiskFile,
  due: CopyTerms['due'],
): AsyncGenerator<number, StoredFile> {
  const hash = createHash('sha256');
  const {bytes} = source;
  const pieceAt = (at: number): Promise<Uint8Array> => {
    const piece = source.read(at, Math.min(PIECE_BYTES, bytes - at));
    // It may fail while the one before it is written.
    void handledElsewhere(piece);
    return piece;
  };
  // The next piece is read while one is written.
  let next = bytes === 0 ? undefined : pieceAt(0);
  try {
    let unsyncedBytes = 0;
    for (let at = 0; next !== undefined; ) {
      const piece = await next;
      const writtenAt = at;
      at += piece.length;
      next = at < bytes ? pieceAt(at) : undefined;
      const wait = due(piece.length);
      if (wait !== undefined) await wait;
      hash.update(piece);
      await target.writeAt(writtenAt, [piece]);
      unsyncedBytes += piece.length;
      if (unsyncedBytes >= UNSYNCED_BYTES_MAX) {
        await target.sync();
        unsyncedBytes = 0;
      }
      yield piece.length;
    }
  } finally {
    // Nobody may let go of the source while a read of it is under way.
    await Promise.allSettled([next]);
  }
  return {bytes, sha256: hash.digest('hex')};
}

/** What will take a file's place. */
function freshPath(path: string): string {
  return `${path}.new`;
}

function recordPath(id: string): string {
  return `${RECORDS}/${id}${SUFFIX}`;
}

export async function readWhole(disk: Disk, path: string): Promise<Uint8Array> {
  const file = await disk.open(path, 'read');
  try {
    return await file.readAt(0, await file.size());
  } finally {
    await file.close();
  }
}
