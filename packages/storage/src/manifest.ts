// The manifest of one store over the ManifestStore port, which detects neither a flipped bit nor a row
// that went back to an older value. So each row carries a checksum of key and value, and a row of its
// own carries the number of the last commit, a running checksum over all commits, and the sum of all
// row checksums: a missing, stale or foreign row is damage, and damage is never opened.

import {crc32} from 'node:zlib';
import {
  FatalError,
  handledElsewhere,
  isDiskFull,
  type ManifestEdit,
  type ManifestStore,
} from '@flotilla/base';
import {ByteReader, ByteWriter} from '@flotilla/column';

/** Before every other key, so that `load` gives it first. */
const COMMIT_KEY = '!commit';
const ROW_VERSION = 1;
/** Version (u8), commit number (f64), checksum of key, number and value (u32). */
const ROW_HEADER_BYTES = 13;

export interface CommitPoint {
  /** Consecutive, from 1. 0: nothing was ever committed. */
  readonly number: number;
  /** Of this commit and all before it. */
  readonly checksum: number;
}

interface Row {
  readonly value: Uint8Array;
  readonly crc: number;
}

export interface Edit {
  readonly put?: readonly (readonly [key: string, value: Uint8Array])[];
  readonly remove?: readonly string[];
}

export class Manifest {
  readonly #store: ManifestStore;
  readonly #rows: Map<string, Row>;
  #point: CommitPoint;
  #rowSum: number;
  /** What the store is given goes one after another; after one has failed none follows. */
  #tail: Promise<void> = Promise.resolve();
  /** Edits that wait for what is under way, to be given to the store as one. */
  #waiting: Edit[] = [];
  #next: Promise<void> | undefined;

  private constructor(store: ManifestStore, rows: Map<string, Row>, commit: CommitRow) {
    this.#store = store;
    this.#rows = rows;
    this.#point = {number: commit.number, checksum: commit.checksum};
    this.#rowSum = commit.rowSum;
  }

  /** Throws FatalError naming the row when anything is not as it was committed. */
  static async open(store: ManifestStore): Promise<Manifest> {
    const {rows, commit, faults} = readRows(await store.load());
    const [fault] = faults;
    if (fault !== undefined) throw new FatalError(fault.message);
    return new Manifest(store, rows, commit);
  }

  /** The last durable commit. */
  get point(): CommitPoint {
    return this.#point;
  }

  /** Rows whose key begins with `prefix`, by key, as of the last durable commit. */
  rows(prefix: string): (readonly [key: string, value: Uint8Array])[] {
    const found: (readonly [string, Uint8Array])[] = [];
    for (const [key, row] of this.#rows) if (key.startsWith(prefix)) found.push([key, row.value]);
    return found.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  get(key: string): Uint8Array | undefined {
    return this.#rows.get(key)?.value;
  }

  /**
   * Durable when it resolves, all or nothing; in the order of the calls. Edits that come while another is
   * under way share one transaction and its syncs: a hundred replicas that are made at once take two.
   */
  commit(edit: Edit): Promise<void> {
    this.#waiting.push(edit);
    if (this.#next !== undefined) return this.#next;
    const commit = this.#tail.then(() => {
      const edits = this.#waiting;
      this.#waiting = [];
      this.#next = undefined;
      return this.#commit(joinEdits(edits));
    });
    this.#next = commit;
    // The caller has the failure too; no later commit goes ahead of it unnoticed. One that a full disk
    // refused is rolled back: the next follows the one before it.
    this.#tail = commit.catch((error: unknown) => {
      if (!isDiskFull(error)) throw error;
    });
    void handledElsewhere(this.#tail);
    return commit;
  }

  async close(): Promise<void> {
    await handledElsewhere(this.#tail);
    await this.#store.close();
  }

  async #commit({put = [], remove = []}: Edit): Promise<void> {
    const number = this.#point.number + 1;
    const stored: [string, Uint8Array][] = [];
    const added = new Map<string, Row>();
    let checksum = this.#point.checksum;
    for (const [key, value] of put) {
      const row = encodeRow(key, number, value);
      stored.push([key, row.bytes]);
      added.set(key, {value: value.slice(), crc: row.crc});
      checksum = crc32(row.bytes, checksum);
    }
    for (const key of remove) checksum = crc32(key, checksum);
    const rowSum = this.#sumAfter(added, remove);
    stored.push([COMMIT_KEY, encodeCommit({number, checksum, rowSum})]);
    const edit: ManifestEdit = {put: stored, remove};
    await this.#store.commit(edit);
    for (const key of remove) this.#rows.delete(key);
    for (const [key, row] of added) this.#rows.set(key, row);
    this.#point = {number, checksum};
    this.#rowSum = rowSum;
  }

  #sumAfter(added: ReadonlyMap<string, Row>, remove: readonly string[]): number {
    let sum = this.#rowSum;
    for (const key of new Set([...added.keys(), ...remove]))
      sum = (sum - (this.#rows.get(key)?.crc ?? 0) + (added.get(key)?.crc ?? 0)) >>> 0;
    return sum;
  }
}

export interface ManifestFault {
  /** Of the row; absent where the rows are wrong together. */
  readonly key?: string | undefined;
  readonly message: string;
}

/** What is wrong with stored rows, and the values of those that verify. */
export function verifyRows(stored: StoredRows): {
  readonly values: ReadonlyMap<string, Uint8Array>;
  readonly faults: readonly ManifestFault[];
} {
  const {rows, faults} = readRows(stored);
  return {values: new Map([...rows].map(([key, {value}]) => [key, value])), faults};
}

type StoredRows = readonly (readonly [key: string, value: Uint8Array])[];

function readRows(stored: StoredRows): {
  readonly rows: Map<string, Row>;
  readonly commit: CommitRow;
  readonly faults: readonly ManifestFault[];
} {
  const rows = new Map<string, Row>();
  const faults: ManifestFault[] = [];
  let commit: CommitRow = {number: 0, checksum: 0, rowSum: 0};
  let rowSum = 0;
  let newest = 0;
  for (const [key, bytes] of stored) {
    try {
      const {number, value, crc} = decodeRow(key, bytes);
      if (key === COMMIT_KEY) {
        commit = decodeCommit(value);
        continue;
      }
      if (rows.has(key)) throw new FatalError(`manifest row ${key}: it is there twice`);
      rows.set(key, {value, crc});
      rowSum = (rowSum + crc) >>> 0;
      newest = Math.max(newest, number);
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      faults.push({key, message: error.message});
    }
  }
  // Where a row is bad they never do: that says nothing more.
  if (faults.length === 0) faults.push(...faultsOfAll({newest, rowSum}, commit));
  return {rows, commit, faults};
}

function faultsOfAll(
  {newest, rowSum}: {readonly newest: number; readonly rowSum: number},
  commit: CommitRow,
): ManifestFault[] {
  if (newest > commit.number)
    return [{message: `manifest has rows of commit ${newest}; its last is ${commit.number}`}];
  if (rowSum !== commit.rowSum)
    return [{message: `manifest rows do not add up: want ${commit.rowSum}; have ${rowSum}`}];
  return [];
}

/** What they leave when one is made after the other. */
function joinEdits(edits: readonly Edit[]): Edit {
  if (edits.length === 1) return edits[0]!;
  const rows = new Map<string, Uint8Array | undefined>();
  for (const {put = [], remove = []} of edits) {
    for (const key of remove) rows.set(key, undefined);
    for (const [key, value] of put) rows.set(key, value);
  }
  const put: [string, Uint8Array][] = [];
  const remove: string[] = [];
  for (const [key, value] of rows)
    if (value === undefined) remove.push(key);
    else put.push([key, value]);
  return {put, remove};
}

interface CommitRow extends CommitPoint {
  readonly rowSum: number;
}

function encodeRow(
  key: string,
  number: number,
  value: Uint8Array,
): {readonly bytes: Uint8Array; readonly crc: number} {
  const crc = rowChecksum(key, number, value);
  const writer = new ByteWriter(ROW_HEADER_BYTES + value.length);
  writer.u8(ROW_VERSION);
  writer.f64(number);
  writer.u32(crc);
  writer.bytes(value);
  return {bytes: writer.copy(), crc};
}

function decodeRow(
  key: string,
  stored: Uint8Array,
): {readonly number: number; readonly value: Uint8Array; readonly crc: number} {
  if (stored.length < ROW_HEADER_BYTES)
    throw new FatalError(
      `manifest row ${key}: want ${ROW_HEADER_BYTES} bytes; have ${stored.length}`,
    );
  const reader = new ByteReader(stored);
  const version = reader.u8();
  if (version !== ROW_VERSION)
    throw new FatalError(`manifest row ${key}: want version ${ROW_VERSION}; have ${version}`);
  const number = reader.f64();
  const crc = reader.u32();
  const value = stored.slice(ROW_HEADER_BYTES);
  const have = rowChecksum(key, number, value);
  if (have !== crc)
    throw new FatalError(`manifest row ${key}: checksum mismatch: want ${crc}; have ${have}`);
  mustNumber(key, number);
  return {number, value, crc};
}

/** Any other compares with none, and the next is not told from it. */
function mustNumber(key: string, number: number): void {
  if (!Number.isSafeInteger(number) || number < 1)
    throw new FatalError(`manifest row ${key}: want the number of a commit; have ${number}`);
}

function rowChecksum(key: string, number: number, value: Uint8Array): number {
  return crc32(value, crc32(`${key}\0${number}\0`));
}

function encodeCommit({number, checksum, rowSum}: CommitRow): Uint8Array {
  const writer = new ByteWriter(16);
  writer.f64(number);
  writer.u32(checksum);
  writer.u32(rowSum);
  return encodeRow(COMMIT_KEY, number, writer.written()).bytes;
}

function decodeCommit(value: Uint8Array): CommitRow {
  const reader = new ByteReader(value);
  const number = reader.f64();
  mustNumber(COMMIT_KEY, number);
  return {number, checksum: reader.u32(), rowSum: reader.u32()};
}
