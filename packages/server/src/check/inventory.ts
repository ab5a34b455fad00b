// The files of a data directory, each put down as what it is, and what a look at them found. Whatever nobody
// has put down in the end is a stranger. It holds names and sizes, and a bounded number of findings.

import {readdir, stat} from 'node:fs/promises';
import path from 'node:path';
import {FatalError, type FileFault, type ReadingCheck} from '@flotilla/base';
import {NodeDisk, systemErrorCode} from '../adapters/index.ts';
import {meaningOf, type Subject} from './meanings.ts';

/** What a file is, and whether its bytes are looked at; in the order in which they are shown. */
const KINDS = {
  /** Who the node is, and how often it was started. */
  identity: true,
  log: true,
  manifest: true,
  part: true,
  keys: true,
  /** States of the meta group's replica. */
  catalog: true,
  /** Received, and not taken over yet. */
  snapshot: true,
  /** What the node remembers of the others. */
  memory: true,
  audit: true,
  /** Logs that were damaged once, kept for whoever wants to know. */
  'set aside': false,
  /** Space for a full disk. */
  reserve: false,
  /** Of the program, by Node.js. */
  compiled: false,
  /** What a crash left: the next start removes it, or writes it anew. */
  leftover: false,
  /** Nothing of this program is named so. */
  strange: false,
} as const;
export type FileKind = keyof typeof KINDS;

/** More are counted and not kept: one lost disk may name a million. */
const DAMAGES_KEPT = 1_000;

export interface Damage extends Omit<Subject, 'directory'>, FileFault {
  /** For who runs the node. */
  readonly means: string;
  /** The next command to type. */
  readonly next: string;
}

export interface KindCount {
  readonly kind: FileKind;
  readonly files: number;
  readonly bytes: number;
  /** Its bytes were looked at. */
  readonly isVerified: boolean;
}

export interface CheckProgress {
  readonly bytes: number;
  readonly bytesTotal: number;
  readonly file: string;
}

export class Inventory {
  readonly disk: NodeDisk;
  readonly directory: string;
  /** The first of them; `damageCount` has all. */
  readonly damages: Damage[] = [];
  damageCount = 0;
  readonly unreadable: {readonly file: string; readonly message: string}[] = [];
  readonly notes: string[] = [];
  readonly #files: ReadonlyMap<string, number>;
  readonly #kinds = new Map<string, FileKind>();
  readonly #onProgress: ((progress: CheckProgress) => void) | undefined;
  readonly #bytesTotal: number;
  #bytes = 0;

  private constructor(
    directory: string,
    files: ReadonlyMap<string, number>,
    onProgress: ((progress: CheckProgress) => void) | undefined,
  ) {
    this.disk = new NodeDisk(directory);
    this.directory = directory;
    this.#files = files;
    this.#onProgress = onProgress;
    this.#bytesTotal = [...files.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  static async of(
    directory: string,
    onProgress: ((progress: CheckProgress) => void) | undefined,
  ): Promise<Inventory> {
    const files = new Map<string, number>();
    await walk(directory, '', files);
    return new Inventory(directory, files, onProgress);
  }

  has(file: string): boolean {
    return this.#files.has(file);
  }

  /** Files below a directory, `''` being all, that nobody has put down yet. */
  *left(below: string): Generator<string> {
    const prefix = below === '' ? '' : `${below}/`;
    for (const file of this.#files.keys())
      if (file.startsWith(prefix) && !this.#kinds.has(file)) yield file;
  }

  /** Puts the file down; one that is not there is passed over. */
  put(file: string, kind: FileKind): void {
    const bytes = this.#files.get(file);
    if (bytes === undefined) return;
    this.#kinds.set(file, kind);
    if (!KINDS[kind]) this.read(file, bytes);
  }

  /** All of it is read, or more of it. */
  read(file: string, bytes = this.#files.get(file) ?? 0): void {
    this.#bytes += bytes;
    this.#onProgress?.({bytes: this.#bytes, bytesTotal: this.#bytesTotal, file});
  }

  damage(subject: Omit<Subject, 'directory'>, fault: FileFault): void {
    this.damageCount += 1;
    if (this.damages.length >= DAMAGES_KEPT) return;
    const meaning = meaningOf({...subject, directory: this.directory});
    this.damages.push({...subject, ...fault, ...meaning});
  }

  /** Told of what is found in files of one subject. */
  checkOf(subject: Omit<Subject, 'directory'>): ReadingCheck {
    return {
      fault: (fault) => this.damage(subject, fault),
      read: (file, bytes) => this.read(file, bytes),
      unreadable: (file, error) => this.cannotRead(file, error),
    };
  }

  /** A disk that does not answer says nothing of what it holds. */
  cannotRead(file: string, error: unknown): void {
    const {message} = error as Error;
    const code = systemErrorCode(error);
    if (!(error instanceof FatalError) && code === undefined) throw error;
    const isSaid = code === undefined || message.includes(code);
    this.unreadable.push({file, message: isSaid ? message : `${message} (${code})`});
  }

  get fileCount(): number {
    return this.#files.size;
  }

  get byteCount(): number {
    return this.#bytesTotal;
  }

  /** Those of which there is a file. */
  kinds(): KindCount[] {
    const counts = new Map<FileKind, {files: number; bytes: number}>();
    for (const [file, bytes] of this.#files) {
      const kind = this.#kinds.get(file) ?? 'strange';
      const count = counts.get(kind) ?? {files: 0, bytes: 0};
      counts.set(kind, {files: count.files + 1, bytes: count.bytes + bytes});
    }
    return (Object.keys(KINDS) as FileKind[]).flatMap((kind) => {
      const count = counts.get(kind);
      return count === undefined ? [] : [{kind, ...count, isVerified: KINDS[kind]}];
    });
  }
}

/** Links are followed: a store may have been put on another disk by one. */
async function walk(root: string, below: string, files: Map<string, number>): Promise<void> {
  const names = await readdir(path.join(root, below));
  for (const name of names.sort()) {
    const file = below === '' ? name : `${below}/${name}`;
    const stats = await stat(path.join(root, file));
    if (stats.isDirectory()) await walk(root, file, files);
    else files.set(file, stats.size);
  }
}
