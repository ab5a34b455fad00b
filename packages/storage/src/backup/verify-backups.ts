// A look at all that complete backups name: each stored file against its hash, and then whether a replica could
// be read from what is there: a disk that was damaged before it was backed up gives bytes that match their hash.
// Nothing is written.

import {createHash} from 'node:crypto';
import {DbError, FatalError, type FileCheck} from '@flotilla/base';
import {checkKeyFile} from '../key-file-check.ts';
import {checkPart} from '../part-check.ts';
import {decodeStateFile} from '../replica-state.ts';
import {STATE_FILE} from '../snapshot.ts';
import type {BackupDirectory} from './backup-directory.ts';
import {type BackedUpSet, filesOf, type StoredFile} from './backup-record.ts';

const PIECE_BYTES = 1 << 20;

export interface BackupFault {
  /** The first backup that names it. */
  readonly backup: string;
  /** Below the directory. */
  readonly file: string;
  readonly message: string;
}

export interface VerifyProgress {
  readonly bytes: number;
  readonly bytesTotal: number;
}

export interface BackupsCheck {
  readonly backups: number;
  readonly sets: number;
  readonly files: number;
  readonly bytes: number;
  readonly faults: readonly BackupFault[];
}

export interface VerifyOptions {
  /** Absent: all. */
  readonly id?: string | undefined;
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
}

/** Rejects with NOT_FOUND for an id that is none of a complete backup. */
export async function verifyBackups(
  directory: BackupDirectory,
  {id, onProgress = () => undefined}: VerifyOptions = {},
): Promise<BackupsCheck> {
  const all = await directory.ids();
  if (id !== undefined && !all.includes(id))
    throw new DbError('NOT_FOUND', `there is no complete backup ${id}`);
  return new Verification(directory, onProgress).run(id === undefined ? all : [id]);
}

interface ToLookAt {
  readonly backup: string;
  readonly file: StoredFile;
}

class Verification {
  readonly #directory: BackupDirectory;
  readonly #onProgress: (progress: VerifyProgress) => void;
  readonly #faults: BackupFault[] = [];
  readonly #files = new Map<string, ToLookAt>();
  /** By the state that they have: an unchanged replica is looked at once. */
  readonly #sets = new Map<string, {readonly backup: string; readonly of: BackedUpSet}>();
  readonly #damaged = new Set<string>();
  #bytes = 0;

  constructor(directory: BackupDirectory, onProgress: (progress: VerifyProgress) => void) {
    this.#directory = directory;
    this.#onProgress = onProgress;
  }

  async run(ids: readonly string[]): Promise<BackupsCheck> {
    for (const backup of ids) await this.#gather(backup);
    const files = [...this.#files.values()];
    const bytesTotal = files.reduce((sum, {file}) => sum + file.bytes, 0);
    for (const each of files) {
      await this.#look(each);
      this.#onProgress({bytes: this.#bytes, bytesTotal});
    }
    for (const {backup, of} of this.#sets.values()) await this.#lookInside(backup, of);
    return {
      backups: ids.length,
      sets: this.#sets.size,
      files: files.length,
      bytes: this.#bytes,
      faults: this.#faults,
    };
  }

  async #gather(backup: string): Promise<void> {
    try {
      const record = await this.#directory.record(backup);
      for (const file of filesOf(record))
        if (!this.#files.has(file.sha256)) this.#files.set(file.sha256, {backup, file});
      for (const of of record.sets) {
        const names = of.files.map(({name, sha256}) => `${name} ${sha256}`).join();
        if (!this.#sets.has(names)) this.#sets.set(names, {backup, of});
      }
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      this.#faults.push({backup, file: `backups/${backup}.json`, message: error.message});
    }
  }

  async #look({backup, file}: ToLookAt): Promise<void> {
    const path = this.#directory.pathOf(file);
    try {
      const message = await this.#faultOf(path, file);
      if (message === undefined) return;
      this.#faults.push({backup, file: path, message});
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      this.#faults.push({backup, file: path, message: error.message});
    }
    this.#damaged.add(file.sha256);
  }

  async #faultOf(path: string, {bytes, sha256}: StoredFile): Promise<string | undefined> {
    const {disk} = this.#directory;
    if (!(await disk.exists(path))) return 'it is missing';
    const file = await disk.open(path, 'read');
    try {
      const size = await file.size();
      if (size !== bytes) return `want ${bytes} bytes; have ${size}`;
      const hash = createHash('sha256');
      for (let at = 0; at < size; at += PIECE_BYTES) {
        const piece = await file.readAt(at, Math.min(PIECE_BYTES, size - at));
        hash.update(piece);
        this.#bytes += piece.length;
      }
      const have = hash.digest('hex');
      return have === sha256 ? undefined : `its bytes are not those of its name; they are ${have}`;
    } finally {
      await file.close();
    }
  }

  /** Of files that match their hashes: what is wrong with the others is told already. */
  async #lookInside(backup: string, {set, files}: BackedUpSet): Promise<void> {
    if (files.some(({sha256}) => this.#damaged.has(sha256))) return;
    const {disk} = this.#directory;
    const byName = new Map(files.map((file) => [file.name, file]));
    const tell = (name: string, message: string): void => {
      const file = byName.get(name);
      const path = file === undefined ? name : this.#directory.pathOf(file);
      this.#faults.push({backup, file: path, message: `${name} of replica set ${set}: ${message}`});
    };
    const check = (name: string): FileCheck => {
      return {fault: ({message}) => tell(name, message), read: () => undefined};
    };
    try {
      const state = decodeStateFile(
        await this.#directory.read(byName.get(STATE_FILE)!),
        `${STATE_FILE} of replica set ${set}`,
      );
      const lacking = [...state.keyFiles, ...state.parts].filter(({file}) => !byName.has(file));
      for (const {file} of lacking) tell(file, 'the backup lacks it');
      if (lacking.length > 0) return;
      const pathOf = (name: string): string => this.#directory.pathOf(byName.get(name)!);
      let seriesCount = 0;
      for (const record of state.keyFiles) {
        await checkKeyFile(disk, {path: pathOf(record.file), record}, check(record.file));
        seriesCount += record.count;
      }
      for (const record of state.parts)
        await checkPart(disk, {path: pathOf(record.file), record, seriesCount}, check(record.file));
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      tell(STATE_FILE, error.message);
    }
  }
}
