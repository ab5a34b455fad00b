// One replica's durable side: its directory, its files and its rows in the manifest, held so that each
// change is one commit and a file lives as long as somebody reads it. Order, always: bytes synced,
// directory synced, manifest committed, and only then what it replaced is let go. The directory of a
// replica without files is made, or rid of what a crash left there, before its first file.

import {
  type Disk,
  FatalError,
  handledElsewhere,
  isPassing,
  type ReplicaId,
  type ReplicaSetId,
} from '@flotilla/base';
import {CountedFile} from './counted-file.ts';
import type {Manifest} from './manifest.ts';
import {OpenFiles} from './open-files.ts';
import {Part, type PartRecord} from './part.ts';
import {
  decodeStateJson,
  EMPTY_STATE,
  encodeStateJson,
  type ReplicaState,
  type StateKeys,
  stateKeys,
} from './replica-state.ts';

export interface ReplicaFilesOptions {
  readonly disk: Disk;
  /** The replica's own, under the disk's root. Made if it is missing; strangers in it are removed. */
  readonly directory: string;
  /** Of the store that the replica lives in; shared, and not closed here. */
  readonly manifest: Manifest;
  readonly set: ReplicaSetId;
  readonly replica: ReplicaId;
  /** Shared with the other replicas of a thread. */
  readonly openFiles?: OpenFiles | undefined;
  /** It is opened to be destroyed, and as one without files: what they hold may be damaged. */
  readonly isBuried?: boolean | undefined;
}

export class ReplicaFiles {
  readonly disk: Disk;
  readonly directory: string;
  readonly #openFiles: OpenFiles;
  readonly #manifest: Manifest;
  readonly #keys: StateKeys;
  #state: ReplicaState;
  #nextFile: number;
  #parts: readonly Part[];
  #keyFiles: readonly CountedFile[];
  #commits: Promise<void> = Promise.resolve();
  readonly #releases = new Set<Promise<void>>();
  /** The directory is there, durably, and holds what the manifest names. Undefined: nobody has looked. */
  #place: Promise<void> | undefined;
  /** Nobody needs them, and the disk did not remove them when it was asked. */
  readonly #left = new Set<string>();

  private constructor(options: ReplicaFilesOptions, state: ReplicaState) {
    this.disk = options.disk;
    this.directory = options.directory;
    this.#openFiles = options.openFiles ?? new OpenFiles();
    this.#manifest = options.manifest;
    this.#keys = stateKeys(options.set, options.replica);
    this.#state = state;
    this.#nextFile = state.nextFile;
    this.#parts = state.parts.map((record) => this.#part(record));
    this.#keyFiles = state.keyFiles.map(({file, bytes}) => this.#file(file, bytes));
  }

  static async open(options: ReplicaFilesOptions): Promise<ReplicaFiles> {
    const {disk, directory, manifest, set, replica, isBuried} = options;
    const keys = stateKeys(set, replica);
    const json = isBuried === true ? undefined : manifest.get(keys.state);
    const state =
      json === undefined
        ? EMPTY_STATE
        : decodeStateJson(json, manifest.get(keys.extra) ?? new Uint8Array(0));
    const files = new ReplicaFiles(options, state);
    // A look at each directory is most of what a node with thousands of idle replicas does to open them.
    if (files.#files().length === 0) return files;
    files.#place = sweep(disk, directory, state);
    await files.#place;
    return files;
  }

  /** As of the last commit. */
  get state(): ReplicaState {
    return this.#state;
  }

  /** From the oldest to the newest. */
  get parts(): readonly Part[] {
    return this.#parts;
  }

  get keyFiles(): readonly CountedFile[] {
    return this.#keyFiles;
  }

  path(name: string): string {
    return `${this.directory}/${name}`;
  }

  /** For a new file. What a crash left under that name is gone then. */
  async nextName(suffix: 'part' | 'keys'): Promise<string> {
    this.#place ??= makePlace(this.disk, this.directory).catch((error: unknown) => {
      // The next file needs it as well.
      this.#place = undefined;
      throw error;
    });
    await this.#place;
    return `${String(this.#nextFile++).padStart(8, '0')}.${suffix}`;
  }

  writeFile(name: string, bytes: Uint8Array): Promise<void> {
    return this.writing(name, async () => {
      const file = await this.disk.open(this.path(name), 'create');
      try {
        await file.writeAt(0, [bytes]);
        await file.sync();
      } finally {
        await file.close();
      }
    });
  }

  /**
   * `write` makes the file of that name. What a full disk leaves of it, or another reason that passes, is
   * removed: it takes up room, and is written anew under another name.
   */
  async writing<T>(name: string, write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      if (isPassing(error)) await this.discard(name);
      throw error;
    }
  }

  /** Of a file that no commit names. Never rejects: why it is not wanted says more than that it stays for now. */
  async discard(name: string): Promise<void> {
    try {
      await this.disk.remove(this.path(name));
    } catch {
      this.#left.add(name);
    }
  }

  /**
   * Commits what `change` makes of the state then, and calls `committed` in the same turn in which
   * files and state change. Requires that files it names are synced; those that are new go where it is refused
   * for what passes.
   */
  commit(change: (state: ReplicaState) => ReplicaState, committed?: () => void): Promise<void> {
    const commit = this.#commits.then(async () => {
      const state = {...change(this.#state), nextFile: this.#nextFile};
      await this.#commit(state);
      // The manifest keeps these bytes as well: once is enough.
      this.#switchTo({...state, extra: this.#manifest.get(this.#keys.extra)!});
      committed?.();
    });
    // Each caller has the failure as well; a later commit must not overtake a failed one. One that was refused
    // for what passes, as by a full disk, has changed nothing, and the next is made of what was there before it.
    this.#commits = commit.catch((error: unknown) => {
      if (!isPassing(error)) throw error;
    });
    void handledElsewhere(this.#commits);
    return commit;
  }

  async #commit(state: ReplicaState): Promise<void> {
    try {
      if (this.#place !== undefined) await this.disk.syncDirectory(this.directory);
      await this.#manifest.commit({
        put: [
          [this.#keys.state, encodeStateJson(state)],
          [this.#keys.extra, state.extra],
        ],
      });
    } catch (error) {
      // Begun anew they have other names, and until then a full disk has better use for the room.
      if (isPassing(error))
        for (const name of namesIn(state).difference(namesIn(this.#state)))
          await this.discard(name);
      throw error;
    }
  }

  /** Ends a pin. What cannot be removed by it is tried again behind the next commit, or goes with the next opening. */
  release(file: CountedFile): void {
    this.#track(file.release(), file.name);
  }

  /** Lets go of what the next reader finds again: the inside of parts, and handles that nobody uses. */
  rest(): void {
    for (const part of this.#parts) part.forget();
    for (const file of this.#files()) this.#track(file.closeUnread());
  }

  /** Closes the files that nobody else reads. */
  async close(): Promise<void> {
    // A failed commit was its caller's to report; handles are closed all the same.
    await handledElsewhere(this.#commits);
    for (const file of this.#files()) this.release(file);
    this.#parts = [];
    this.#keyFiles = [];
    await Promise.all(this.#releases);
  }

  /** Removes rows, then files: a crash between leaves files that no manifest names. */
  async destroy(): Promise<void> {
    await this.close();
    await this.#manifest.commit({remove: [this.#keys.state, this.#keys.extra]});
    await this.disk.remove(this.directory);
    const parent = parentOf(this.directory);
    // Where no replica of the store ever had a file, nobody has made it.
    if (await this.disk.exists(parent)) await this.disk.syncDirectory(parent);
  }

  #switchTo(state: ReplicaState): void {
    const before = new Map(this.#files().map((file) => [file.name, file]));
    const partsBefore = new Map(this.#parts.map((part) => [part.file.name, part]));
    this.#parts = state.parts.map((record) => partsBefore.get(record.file) ?? this.#part(record));
    this.#keyFiles = state.keyFiles.map(
      ({file, bytes}) => before.get(file) ?? this.#file(file, bytes),
    );
    this.#state = state;
    this.#removeLeft();
    for (const file of this.#files()) before.delete(file.name);
    for (const file of before.values()) {
      file.markObsolete();
      this.release(file);
    }
  }

  /**
   * Never a reason to end, nor to stay open: what is left takes up room and nothing else.
   * @param name  of a file that may be to go
   */
  #track(letGo: Promise<void>, name?: string): void {
    const tracked = letGo
      .catch(() => {
        if (name !== undefined) this.#left.add(name);
      })
      .finally(() => this.#releases.delete(tracked));
    this.#releases.add(tracked);
  }

  #removeLeft(): void {
    const named = namesIn(this.#state);
    for (const name of [...this.#left]) {
      this.#left.delete(name);
      if (!named.has(name)) this.#track(this.discard(name));
    }
  }

  #files(): CountedFile[] {
    return [...this.#parts.map((part) => part.file), ...this.#keyFiles];
  }

  #part(record: PartRecord): Part {
    return new Part(record, this.#file(record.file, record.bytes));
  }

  #file(name: string, bytes: number): CountedFile {
    const {disk, directory} = this;
    return new CountedFile({disk, directory, openFiles: this.#openFiles}, name, bytes);
  }
}

/** Of a replica without files: before it writes its first. */
async function makePlace(disk: Disk, directory: string): Promise<void> {
  await makeDurableDirectory(disk, directory);
  await sweep(disk, directory, EMPTY_STATE);
}

/**
 * Removes files that no commit names; one that is named and missing is damage, and then none goes: under a manifest
 * that went back they are what came after it.
 */
async function sweep(disk: Disk, directory: string, state: ReplicaState): Promise<void> {
  const named = namesIn(state);
  const names = (await disk.list(directory)).map(({name}) => name);
  const missing = named.difference(new Set(names));
  if (missing.size > 0)
    throw new FatalError(
      `manifest names missing files: ${[...missing].join(' ')}; in ${directory}`,
    );
  for (const name of names) if (!named.has(name)) await disk.remove(`${directory}/${name}`);
}

function namesIn({parts, keyFiles}: ReplicaState): Set<string> {
  return new Set([...parts, ...keyFiles].map(({file}) => file));
}

async function makeDurableDirectory(disk: Disk, directory: string): Promise<void> {
  await disk.makeDirectory(directory);
  for (let path = directory; path !== ''; path = parentOf(path))
    await disk.syncDirectory(parentOf(path));
}

function parentOf(path: string): string {
  const end = path.lastIndexOf('/');
  return end < 0 ? '' : path.slice(0, end);
}
