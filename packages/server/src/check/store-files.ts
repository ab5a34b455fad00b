// One store: its log, its manifest, and the files of its replicas as far as these two tell of them. Of a replica
// that was destroyed nothing is looked at: what is left of it goes at the next start.

import {
  FatalError,
  META_SET,
  type ReplicaId,
  type ReplicaSetId,
  type StoreId,
} from '@flotilla/base';
import {CATALOG_FILE, checkCatalogFile, SNAPSHOT_FILE} from '@flotilla/meta';
import {ballastPath, checkLog, type LoggedReplica, type LogLook} from '@flotilla/multiraft';
import {decodeSeen} from '@flotilla/replica';
import {
  checkReplicaFiles,
  type ManifestFault,
  type ReplicaState,
  readStagedState,
  replicasIn,
  STATE_FILE,
  type StoredReplica,
  verifyRows,
} from '@flotilla/storage';
import {readManifestCopy, storePath} from '../adapters/index.ts';
import {readBirth} from '../engine/replica-births.ts';
import {replicaDirectory} from '../engine/replica-factory.ts';
import type {FileKind, Inventory} from './inventory.ts';
import type {About} from './meanings.ts';

/** In a note. */
const REPLICAS_NAMED = 50;

export interface StoreCounts {
  replicas: number;
  segments: number;
  records: number;
  series: number;
  rows: number;
  /** Of tables that were dropped: they can be had back until they are purged. */
  trashRows: number;
  snapshots: number;
}

export function noCounts(): StoreCounts {
  return {
    replicas: 0,
    segments: 0,
    records: 0,
    series: 0,
    rows: 0,
    trashRows: 0,
    snapshots: 0,
  };
}

/** The store, and who the node is as far as it is known. */
export interface StorePlace {
  readonly store: StoreId;
  readonly node?: number | undefined;
}

export async function checkStore(inventory: Inventory, place: StorePlace): Promise<StoreCounts> {
  const look = new StoreLook(inventory, place);
  await look.run();
  return look.counts;
}

type ReplicaKey = Pick<LoggedReplica, 'set' | 'replica'>;

/** Of a manifest; what one that is not whole lacks says nothing. */
interface Rows {
  readonly values: ReadonlyMap<string, Uint8Array>;
  readonly isWhole: boolean;
}

class StoreLook {
  readonly counts = noCounts();
  readonly #inventory: Inventory;
  readonly #place: StorePlace;
  readonly #path: string;
  readonly #manifest: string;

  constructor(inventory: Inventory, place: StorePlace) {
    this.#inventory = inventory;
    this.#place = place;
    this.#path = storePath(place.store);
    this.#manifest = `${this.#path}/manifest.sqlite`;
  }

  async run(): Promise<void> {
    const log = await this.#log();
    const rows = this.#rows(log);
    const stored = new Map<string, StoredReplica>();
    for (const replica of replicasIn(rows.values)) {
      if (replica.replica <= (log?.tombstones.get(replica.set) ?? 0)) continue;
      stored.set(`${replica.set}-${replica.replica}`, replica);
      await this.#replica(replica);
    }
    for (const replica of log?.replicas ?? []) {
      const {state} = stored.get(`${replica.set}-${replica.replica}`) ?? {};
      await this.#logged(replica, {rows, log: log!, state});
    }
    this.#putRest();
  }

  /** Undefined where it cannot be read. */
  async #log(): Promise<LogLook | undefined> {
    const {store, node} = this.#place;
    const path = this.#logPath();
    const check = this.#inventory.checkOf({about: 'log', store});
    for (const file of this.#inventory.left(path))
      if (/\/(segment-\d{16}|end)$/.test(file)) this.#inventory.put(file, 'log');
    try {
      const log = await checkLog(this.#inventory.disk, path, check);
      this.counts.segments = log.segments;
      this.counts.records = log.records;
      this.counts.replicas = log.replicas.length;
      for (const file of log.leftovers) this.#inventory.put(file, 'leftover');
      if (log.isUnread)
        this.#inventory.notes.push(
          `the log of store ${store} is not read whole: what its replicas hold is not held against it`,
        );
      else if (log.isDamaged)
        this.#inventory.notes.push(
          `replicas of store ${store} that its log still tells of: ${namesOf(log.replicas)}`,
        );
      // A node that is somebody has opened all of its stores.
      if (log.segments === 0 && node !== undefined)
        check.fault({file: path, message: 'it has no segment'});
      if (log.damagedEnd !== undefined)
        this.#inventory.damage(
          {about: 'log end', store},
          {file: log.damagedEnd, message: 'bad checksum'},
        );
      if (log.torn !== undefined) {
        const {file, offset, bytes} = log.torn;
        const message = `${bytes} bytes behind the last whole record`;
        this.#inventory.damage({about: 'torn log', store}, {file, offset, message});
      }
      return log;
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      check.unreadable(path, error);
      return undefined;
    }
  }

  /** A crash while a damaged log was put aside left the new one under its other name. */
  #logPath(): string {
    const path = `${this.#path}/log`;
    const salvaged = `${path}.salvaged`;
    const isThere = (below: string) => !this.#inventory.left(below).next().done;
    return !isThere(path) && isThere(salvaged) ? salvaged : path;
  }

  #rows(log: LogLook | undefined): Rows {
    const inventory = this.#inventory;
    const file = this.#manifest;
    const subject = {about: 'manifest' as const, ...this.#place};
    inventory.put(file, 'manifest');
    inventory.put(`${file}-journal`, 'manifest');
    if (!inventory.has(file)) {
      // It is made before the log is.
      const isLost = log === undefined || log.segments > 0;
      if (isLost) inventory.damage(subject, {file, message: 'it is missing'});
      return {values: new Map(), isWhole: !isLost};
    }
    try {
      const {rows, faults} = readManifestCopy(`${inventory.directory}/${file}`);
      const verified = verifyRows(rows);
      const wrong: ManifestFault[] = faults.map((message) => ({message}));
      // What SQLite could not read is missing in the sums, which says nothing more.
      if (wrong.length === 0) wrong.push(...verified.faults);
      for (const {key, message} of wrong)
        inventory.damage({...subject, ...ownerOf(key)}, {file, message});
      return {values: verified.values, isWhole: wrong.length === 0};
    } catch (error) {
      inventory.cannotRead(file, error);
      return {values: new Map(), isWhole: false};
    } finally {
      for (const each of [file, `${file}-journal`]) if (inventory.has(each)) inventory.read(each);
    }
  }

  async #replica({set, replica, state}: StoredReplica): Promise<void> {
    const about: About = 'replica';
    if (typeof state === 'string') {
      const fault = {file: this.#manifest, message: `replica/${set}/${replica}/state: ${state}`};
      this.#inventory.damage({about, set, replica}, fault);
      return;
    }
    const directory = replicaDirectory(this.#place.store, set, replica);
    await this.#files(directory, state, {set, replica});
    const dropped = new Set([...state.droppedTables, ...state.purgedTables]);
    for (const {table, rowCount} of state.parts.flatMap(({tables}) => tables)) {
      this.counts.rows += rowCount;
      if (dropped.has(table)) this.counts.trashRows += rowCount;
    }
    for (const {count} of state.keyFiles) this.counts.series += count;
  }

  async #files(
    directory: string,
    state: ReplicaState,
    key: ReplicaKey,
    kind?: FileKind,
  ): Promise<void> {
    const inventory = this.#inventory;
    for (const {file} of state.parts) inventory.put(`${directory}/${file}`, kind ?? 'part');
    for (const {file} of state.keyFiles) inventory.put(`${directory}/${file}`, kind ?? 'keys');
    const {read, unreadable} = inventory.checkOf({about: 'replica', ...key});
    await checkReplicaFiles(
      inventory.disk,
      {directory, state},
      {
        read,
        unreadable,
        fault: (fault) => {
          const isPart = fault.file.endsWith('.part') && fault.offset !== undefined;
          const about = kind === 'snapshot' ? 'snapshot' : isPart ? 'rows' : 'replica';
          inventory.damage({about, ...key}, fault);
        },
      },
    );
  }

  /** What the log says of a replica, held against its files. */
  async #logged(
    logged: LoggedReplica,
    {
      rows,
      log,
      state,
    }: {
      readonly rows: Rows;
      readonly log: LogLook;
      readonly state: ReplicaState | string | undefined;
    },
  ): Promise<void> {
    const {set, replica} = logged;
    const isMeta = set === META_SET;
    const {store} = this.#place;
    const directory = replicaDirectory(store, set, replica);
    const catalogs = isMeta ? await this.#catalogs(directory, {set, replica}) : undefined;
    // It takes part no more, whatever its files hold.
    if (logged.isDamaged) {
      if (!log.isDamaged)
        this.#inventory.notes.push(
          `replica ${replica} of set ${set} lost what it had acknowledged, and waits to be made anew`,
        );
      return;
    }
    const about: About = isMeta ? 'meta replica' : 'replica';
    const damage = (file: string, message: string) =>
      this.#inventory.damage({about, set, replica}, {file, message});
    if (!isMeta && rows.isWhole && typeof state !== 'string') {
      for (const why of faultsOfRows(rows.values, {set, replica}, state))
        damage(this.#manifest, why);
    }
    const isKnown = catalogs?.isWhole ?? (rows.isWhole && typeof state !== 'string');
    if (!isKnown) return;
    const own = typeof state === 'object' ? state.point?.index : catalogs?.index;
    const index = await this.#installed(logged, own ?? logged.foundingIndex ?? 0);
    const {firstIndex, lastIndex} = logged;
    if (index !== undefined && (index < firstIndex - 1 || index > lastIndex))
      damage(
        isMeta ? directory : this.#manifest,
        `its state is of entry ${index}, outside of its log (${firstIndex - 1} to ${lastIndex})`,
      );
  }

  /** Where it stands once it has taken over what its log names; undefined where that is damaged. */
  async #installed(
    {set, replica, snapshotIndex}: LoggedReplica,
    index: number,
  ): Promise<number | undefined> {
    if (snapshotIndex === undefined || snapshotIndex <= index) return index;
    const inventory = this.#inventory;
    const directory = `${this.#path}/staging/${set}-${replica}-${snapshotIndex}`;
    const key = {set, replica};
    const name = set === META_SET ? SNAPSHOT_FILE : STATE_FILE;
    const file = `${directory}/${name}`;
    inventory.put(file, 'snapshot');
    this.counts.snapshots += 1;
    const check = inventory.checkOf({about: 'snapshot', ...key});
    const before = inventory.damageCount + inventory.unreadable.length;
    try {
      if (set === META_SET) await checkCatalogFile(inventory.disk, file, check);
      else {
        const state = await readStagedState(inventory.disk, directory);
        if (typeof state === 'string') check.fault({file, message: state});
        else await this.#files(directory, state, key, 'snapshot');
      }
      if (inventory.has(file)) inventory.read(file);
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      if (inventory.has(file)) check.unreadable(file, error);
      else check.fault({file, message: 'it is missing'});
    }
    const after = inventory.damageCount + inventory.unreadable.length;
    return after === before ? snapshotIndex : undefined;
  }

  /** Index of the newest state, if there is one. */
  async #catalogs(
    directory: string,
    key: ReplicaKey,
  ): Promise<{readonly index: number | undefined; readonly isWhole: boolean}> {
    const inventory = this.#inventory;
    const check = inventory.checkOf({about: 'meta replica', ...key});
    let newest: number | undefined;
    let isWhole = true;
    for (const file of [...inventory.left(directory)]) {
      if (!CATALOG_FILE.test(file.slice(directory.length + 1))) continue;
      inventory.put(file, 'catalog');
      try {
        const index = await checkCatalogFile(inventory.disk, file, check);
        isWhole &&= index !== undefined;
        newest = Math.max(index ?? 0, newest ?? 0);
      } catch (error) {
        if (!(error instanceof FatalError)) throw error;
        check.unreadable(file, error);
        isWhole = false;
      }
      inventory.read(file);
    }
    return {index: newest, isWhole};
  }

  /** What is named as a store's files are, and is none that is needed. */
  #putRest(): void {
    const path = this.#path;
    const inventory = this.#inventory;
    inventory.put(ballastPath(path), 'reserve');
    const leftovers =
      /^log(\.salvaged)?\/segment-\d{16}(\.new)?$|^(staging|replicas\/\d+-\d+)\/[^/]+(\/[^/]+)?$|^ballast\.new$/;
    for (const file of inventory.left(path)) {
      const name = file.slice(path.length + 1);
      if (/^log\.damaged-\d+\//.test(name)) inventory.put(file, 'set aside');
      else if (leftovers.test(name)) inventory.put(file, 'leftover');
    }
  }
}

function namesOf(replicas: readonly LoggedReplica[]): string {
  const named = replicas
    .slice(0, REPLICAS_NAMED)
    .map(({set, replica}) => `${replica} of set ${set}`);
  const more = replicas.length - named.length;
  return [...named, ...(more > 0 ? [`${more} more`] : [])].join(', ') || 'none';
}

/** Of a row of the manifest: each but the last commit's names its replica. */
function ownerOf(key: string | undefined): Partial<ReplicaKey> {
  const [, set, replica] = /^[a-z-]+\/(\d+)\/(\d+)(?:\/|$)/.exec(key ?? '') ?? [];
  if (set === undefined) return {};
  return {set: Number(set) as ReplicaSetId, replica: Number(replica) as ReplicaId};
}

/** Without these rows, or with ones of a newer build, a replica is not opened. */
function faultsOfRows(
  rows: ReadonlyMap<string, Uint8Array>,
  key: ReplicaKey,
  state: ReplicaState | undefined,
): string[] {
  const faults: string[] = [];
  const look = (read: () => unknown): void => {
    try {
      read();
    } catch (error) {
      faults.push((error as Error).message);
    }
  };
  look(() => readBirth(rows, key));
  look(() => decodeSeen(state?.extra));
  return faults;
}
