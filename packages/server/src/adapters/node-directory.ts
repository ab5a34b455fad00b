// The data directory of a node: who it is, how it is laid out, and that one process alone has it.
//
//   lock              an empty SQLite file whose exclusive lock the process holds while it lives
//   lock-holder       pid of the last holder, for the message of the one that is refused
//   door.json         where its HTTP is, for `flotilla health`; without a checksum, and replaced at each start
//   store-records.json, catalog-cache.json   what is remembered of the others (../node/)
//   boot-epoch        how often the directory was opened; raised durably before it is used
//   lives.json        the random numbers of its starts (own-lives.ts)
//   node.json         format version, number of stores, the directory's own random name; the cluster
//                     that it began to found, if any; cluster id and node id once there are any
//   stores/<number>/  a store each: its log, manifest and parts
//   compile-cache/    what Node.js keeps of the program now in use; may be removed at any time
//
// Invariants: an empty directory is always a new node; a directory with stores but without node.json
// is refused, never founded again; nothing of a cluster is in the stores before node.json names that
// cluster, so that after a crash the founding goes on as the same one, and cannot become another's
// member; the name is as old as the directory, so that asking again to be taken in makes no second
// node; every file here is replaced whole (temporary file, fsync, rename,
// fsync of the directory) and carries a CRC32.
//
// The lock is the kernel's own record lock (fcntl), taken through SQLite: it ends with the process
// even after kill -9, so there is nothing stale to judge; it holds between containers that share a
// volume (a socket in the abstract namespace does not) and cannot be mistaken by a reused pid. Such a
// lock also ends when its process closes any descriptor of the file, so nothing else may open it.

import {randomBytes} from 'node:crypto';
import fs from 'node:fs';
import {basename, dirname, join} from 'node:path';
import {crc32} from 'node:zlib';
import {assert, FatalError, isDiskFull, type NodeId, type StoreId} from '@flotilla/base';
import {ballastPath} from '@flotilla/multiraft';
import Database from 'better-sqlite3';
import {NodeDisk, syncDirectory, systemErrorCode} from './node-disk.ts';
import {type OwnLife, OwnLives} from './own-lives.ts';
import {STORES, storePath} from './store-path.ts';

/** Of the layout that this build knows. */
export const DIRECTORY_FORMAT = 1;
export const NODE_FILE = 'node.json';
export const EPOCH_FILE = 'boot-epoch';
export const LIVES_FILE = 'lives.json';
const LOCK_FILE = 'lock';
const HOLDER_FILE = 'lock-holder';
/** As many as a number holds in whole; two starts of two copies agree by chance of 2^-48. */
const LIFE_BYTES = 6;

export interface NodeIdentity {
  readonly cluster: string;
  readonly node: NodeId;
}

interface NodeFile {
  readonly format: number;
  readonly stores: number;
  readonly name: string;
  /** Until the identity is adopted. */
  readonly founding: NodeIdentity | null;
  readonly identity: NodeIdentity | null;
}

/** One opening of the directory. */
interface Start {
  readonly bootEpoch: number;
  readonly life: number;
  readonly lives: OwnLives;
}

export interface NodeDirectoryOptions {
  readonly path: string;
  /** At least so many stores, one for each engine thread; a directory never loses any. */
  readonly stores: number;
}

/** Another process has the directory. Expected: the operator started the node twice. */
export class DirectoryLockedError extends Error {
  override readonly name = 'DirectoryLockedError';
}

export class NodeDirectory {
  readonly path: string;
  readonly disk: NodeDisk;
  readonly stores: number;
  /** From 1; greater at each start of this directory. */
  readonly bootEpoch: number;
  /** Random, of this start alone. */
  readonly life: number;
  /** Random, as old as the directory. */
  readonly name: string;
  readonly #lock: Database.Database;
  #file: NodeFile;
  #lives: OwnLives;

  constructor(path: string, lock: Database.Database, file: NodeFile, start: Start) {
    const {bootEpoch, life, lives} = start;
    this.path = path;
    this.disk = new NodeDisk(path);
    this.stores = file.stores;
    this.bootEpoch = bootEpoch;
    this.life = life;
    this.#lives = lives;
    this.name = file.name;
    this.#lock = lock;
    this.#file = file;
  }

  /** Undefined until the node has founded or joined a cluster. */
  get identity(): NodeIdentity | undefined {
    return this.#file.identity ?? undefined;
  }

  /** Who this node will be in the cluster that it has begun to found, and has not finished. */
  get founding(): NodeIdentity | undefined {
    return this.#file.founding ?? undefined;
  }

  /** Makes it durable that this directory founds that cluster, before anything of it is in a store. */
  async beginFounding(founding: NodeIdentity): Promise<void> {
    assert(this.identity === undefined, 'the directory already has an identity');
    assert(this.founding === undefined, 'the directory already founds a cluster');
    await this.#write({...this.#file, founding});
  }

  /** Makes the identity durable. Requires that the directory has none: a node never becomes another. */
  async adopt(identity: NodeIdentity): Promise<void> {
    assert(this.identity === undefined, 'the directory already has an identity');
    const begun = this.founding?.cluster ?? identity.cluster;
    assert(begun === identity.cluster, () => `the directory founds the cluster ${begun}`);
    await this.#write({...this.#file, founding: null, identity});
  }

  async #write(file: NodeFile): Promise<void> {
    await writeNodeFile(this.path, file);
    this.#file = file;
  }

  /** The next start has a greater epoch than this one, which others know of a life that was lost here. */
  async raiseBootEpoch(epoch: number): Promise<void> {
    if (epoch <= this.bootEpoch) return;
    await replaceFile(join(this.path, EPOCH_FILE), withChecksum({epoch}));
  }

  /** Whether a life of this node, as others remember it, was led by this directory, or is settled. */
  hasLife(life: OwnLife): boolean {
    return this.#lives.has(life);
  }

  /** Requires that whatever those lives of other copies may have acknowledged is disowned durably. */
  async settleLives(lives: readonly OwnLife[]): Promise<void> {
    const settled = this.#lives.with(lives);
    await writeLives(this.path, settled);
    this.#lives = settled;
  }

  /** Last of all: after it another process may open the directory. */
  close(): void {
    releaseLock(this.#lock);
  }
}

/**
 * Locks, checks and opens the directory, making it if it is missing. Throws DirectoryLockedError if a
 * living process has it, FatalError if it is damaged or of a newer format.
 */
export async function openNodeDirectory(options: NodeDirectoryOptions): Promise<NodeDirectory> {
  const {path, stores} = options;
  assert(stores >= 1, 'a data directory has at least one store');
  await makeDirectory(path);
  const lock = lockDirectory(path);
  try {
    const known = (await readNodeFile(path)) ?? (await createNodeFile(path, stores));
    const file = stores > known.stores ? await growStores(path, known, stores) : known;
    // After node.json, and again until there is an identity, so that a crash between leaves no trace.
    if (file.identity === null) await makeStores(path, file.stores);
    return new NodeDirectory(path, lock, file, await begin(path, file.stores));
  } catch (error) {
    releaseLock(lock);
    throw error;
  }
}

/** And those above it. Node's own recursive one never ends where a directory takes no entries, as in /proc. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await fs.promises.mkdir(path);
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await fs.promises.stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeDirectory(dirname(path));
    await fs.promises.mkdir(path);
  }
}

/**
 * Where the disk has no room for what a start must write, a store's ballast makes some: a node that cannot
 * start frees nothing.
 */
async function withReserve(
  path: string,
  stores: number,
  write: () => Promise<void>,
): Promise<void> {
  try {
    await write();
  } catch (error) {
    const reserves = Array.from({length: stores}, (_, store) =>
      join(path, ballastPath(storePath(store as StoreId))),
    );
    const reserve = reserves.find((file) => fs.existsSync(file));
    if (!isDiskFull(error) || reserve === undefined) throw error;
    await fs.promises.rm(reserve);
    await write();
  }
}

/** Keeps the locks from the garbage collector, whatever becomes of a NodeDirectory. */
const heldLocks = new Set<Database.Database>();

function lockDirectory(path: string): Database.Database {
  const lock = openLock(path);
  takeLock(path, lock, 'BEGIN EXCLUSIVE');
  fs.writeFileSync(join(path, HOLDER_FILE), `${process.pid}\n`);
  heldLocks.add(lock);
  return lock;
}

/**
 * Keeps the node from starting while its files are read, and writes nothing; others may read beside. Undefined
 * where the directory has no lock, so that no process can have it. Throws DirectoryLockedError for a node that
 * runs.
 */
export function lockForReading(path: string): {readonly release: () => void} | undefined {
  const file = join(path, LOCK_FILE);
  if (!fs.existsSync(file)) return undefined;
  const lock = new Database(file, {timeout: 0, readonly: true});
  // The lock is taken by the first read, and kept by the transaction.
  takeLock(path, lock, 'BEGIN; SELECT count(*) FROM sqlite_master');
  heldLocks.add(lock);
  return {release: () => releaseLock(lock)};
}

function takeLock(path: string, lock: Database.Database, statements: string): void {
  try {
    lock.exec(statements);
  } catch (error) {
    lock.close();
    if (systemErrorCode(error) !== 'SQLITE_BUSY') {
      throw new FatalError(`cannot lock the data directory; ${path}`, error);
    }
    const holder = join(path, HOLDER_FILE);
    const pid = fs.existsSync(holder) ? fs.readFileSync(holder, 'utf8').trim() : 'unknown';
    throw new DirectoryLockedError(
      `another process has the data directory ${path} (pid ${pid}); stop it first`,
    );
  }
}

function openLock(path: string): Database.Database {
  try {
    return new Database(join(path, LOCK_FILE), {timeout: 0});
  } catch (error) {
    // SQLite says neither why nor where.
    fs.accessSync(path, fs.constants.W_OK);
    throw new FatalError(`cannot open the lock of the data directory; ${path}`, error);
  }
}

function releaseLock(lock: Database.Database): void {
  lock.close();
  heldLocks.delete(lock);
}

async function readNodeFile(path: string): Promise<NodeFile | undefined> {
  const parsed = await readChecked(join(path, NODE_FILE));
  if (parsed === undefined) return undefined;
  const {format, ...file} = parsed as unknown as NodeFile;
  if (format !== DIRECTORY_FORMAT) {
    throw new FatalError(
      `cannot open data directory of format ${format}: this build knows ${DIRECTORY_FORMAT}; ${path}`,
    );
  }
  return {format, ...file};
}

async function createNodeFile(path: string, stores: number): Promise<NodeFile> {
  if (fs.existsSync(join(path, STORES))) {
    throw new FatalError(
      `cannot open data directory: it has stores but no ${NODE_FILE}; restore that file, ` +
        `or start with an empty directory as a new node; ${path}`,
    );
  }
  const name = randomBytes(16).toString('hex');
  const file: NodeFile = {format: DIRECTORY_FORMAT, stores, name, founding: null, identity: null};
  await writeNodeFile(path, file);
  return file;
}

/** More engine threads than before: the new stores take replicas that are made from now on. */
async function growStores(path: string, file: NodeFile, stores: number): Promise<NodeFile> {
  // First, so that whatever node.json counts is there; after a crash in between they are made again.
  await makeStores(path, stores);
  const grown = {...file, stores};
  await writeNodeFile(path, grown);
  return grown;
}

async function makeStores(path: string, stores: number): Promise<void> {
  for (let store = 0; store < stores; store++) {
    await fs.promises.mkdir(join(path, storePath(store as StoreId)), {recursive: true});
  }
  await syncDirectory(join(path, STORES));
  await syncDirectory(path);
  await syncDirectory(dirname(path));
}

async function writeNodeFile(path: string, file: NodeFile): Promise<void> {
  await replaceFile(join(path, NODE_FILE), withChecksum({...file}));
}

/** Both are durable before anybody hears of this start. */
async function begin(path: string, stores: number): Promise<Start> {
  const bootEpoch = ((await readEpoch(path)) ?? 0) + 1;
  // Never 0, which says in a beat that it is not told.
  const life = 1 + randomBytes(LIFE_BYTES).readUIntBE(0, LIFE_BYTES);
  const lives = (await readLives(path)).with([{epoch: bootEpoch, life}]);
  await withReserve(path, stores, async () => {
    await replaceFile(join(path, EPOCH_FILE), withChecksum({epoch: bootEpoch}));
    await writeLives(path, lives);
  });
  return {bootEpoch, life, lives};
}

/** None of a directory that only older builds have opened. */
async function readLives(path: string): Promise<OwnLives> {
  const parsed = await readChecked(join(path, LIVES_FILE));
  return new OwnLives((parsed?.['lives'] as readonly OwnLife[] | undefined) ?? []);
}

async function writeLives(path: string, {entries}: OwnLives): Promise<void> {
  await replaceFile(join(path, LIVES_FILE), withChecksum({lives: entries}));
}

async function readEpoch(path: string): Promise<number | undefined> {
  const parsed = await readChecked(join(path, EPOCH_FILE));
  const epoch = parsed?.['epoch'];
  if (epoch === undefined) return undefined;
  if (!Number.isSafeInteger(epoch)) {
    throw new FatalError(`cannot read boot epoch: want an integer; ${path}/${EPOCH_FILE}`);
  }
  return epoch as number;
}

/**
 * Writes `text` so that after a crash the file holds all of the old or all of the new. Each of several
 * pieces is asked for when the one before it is written.
 */
export async function replaceFile(path: string, text: string | Iterable<string>): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.tmp`);
  try {
    const file = await fs.promises.open(temporary, 'w');
    try {
      const pieces = typeof text === 'string' ? [text] : text;
      for (const piece of pieces) await file.appendFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.promises.rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    throw new FatalError(`cannot replace file; ${path}`, error);
  }
}

/** One JSON object and the CRC32 of its text, so that a person can read it and a flipped bit is seen. */
function withChecksum(fields: Record<string, unknown>): string {
  const text = JSON.stringify(fields);
  return `${text}\n${crc32(text)}\n`;
}

/** Undefined where there is none. Throws FatalError, without a cause where it is damaged. */
export async function readChecked(path: string): Promise<Record<string, unknown> | undefined> {
  let content: string;
  try {
    content = await fs.promises.readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw new FatalError(`cannot read file; ${path}`, error);
  }
  const [text = '', checksum] = content.split('\n');
  if (String(crc32(text)) !== checksum) {
    throw new FatalError(`cannot read file: its checksum does not match; ${path}`);
  }
  return JSON.parse(text);
}
