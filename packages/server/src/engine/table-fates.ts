// Dropped, recovered and purged tables, and dropped columns, from the catalog into the logs of the replica
// sets; of a dropped database all tables, until it is recovered or its sets go. Meta decides; the leader of
// each set of the database proposes what its storage does not hold yet, when the catalog moves and when it
// begins to lead. Whoever leads next looks again, so nothing that is lost on the way stays undone.
//
// Law: before anything is proposed the copy of the catalog has been brought up to date: a node that
// starts with an old copy must not call a dropped table to life, nor a recovered one dead.

import {type ColumnId, DbError, type ReplicaSetId, type TableId} from '@flotilla/base';
import type {Catalog, Database, Table} from '@flotilla/catalog';
import type {CatalogEvent} from '@flotilla/meta';
import type {ControlCommand} from '@flotilla/replica';
import type {TableFate} from '@flotilla/storage';
import {DroppedDatabases} from './dropped-databases.ts';

/** Sets that are worked on at once: a dropped table may concern a thousand of them. */
const SETS_AT_ONCE = 16;
/** Entries of one set that are on their way at once: of a dropped database there is one for each table. */
const ENTRIES_AT_ONCE = 32;

/** What a replica's storage holds for true. */
export interface FateStorage {
  fateOf(table: TableId): TableFate;
  isDeadColumn(table: TableId, column: ColumnId): boolean;
  droppedTables(): TableId[];
}

export interface TableFatesPorts {
  /** This thread's copy; the same object at every call. */
  readonly catalog: Catalog;
  /** Resolves once the copy covers everything that was committed before the call. */
  readonly refresh: () => Promise<void>;
  /** Undefined where no replica of the set is open here. */
  readonly storageOf: (set: ReplicaSetId) => FateStorage | undefined;
  /** Resolves once everything that was committed before the call is applied here. */
  readonly caughtUp: (set: ReplicaSetId) => Promise<unknown>;
  readonly propose: (set: ReplicaSetId, command: ControlCommand) => Promise<unknown>;
}

/** The entries by which a replica set's storage comes to hold what the catalog says. */
export function planFates(
  catalog: Catalog,
  database: Database['id'],
  storage: FateStorage,
): ControlCommand[] {
  const commands: ControlCommand[] = [];
  const dead = deadTables(catalog, database);
  for (const {id, purgedAtMs} of dead) {
    const fate = storage.fateOf(id);
    if (purgedAtMs !== undefined) {
      if (fate !== 'purged') commands.push({type: 'purge-table', table: id});
    } else if (fate === 'live') commands.push({type: 'drop-table', table: id});
  }
  for (const {table, column} of deadColumnsLacking(catalog, database, storage))
    commands.push({type: 'drop-column', table, column});
  const deadIds = new Set(dead.map(({id}) => id));
  for (const id of storage.droppedTables()) {
    // The catalog forgets a table only long after its purge.
    if (catalog.table(id) === undefined) commands.push({type: 'purge-table', table: id});
    else if (!deadIds.has(id)) commands.push({type: 'recover-table', table: id});
  }
  return commands;
}

/** What the catalog wants of it. */
function fateOf(catalog: Catalog, database: Database['id'], id: TableId): TableFate {
  const table = catalog.table(id);
  if (table === undefined || table.purgedAtMs !== undefined) return 'purged';
  const isDropped =
    table.dropped !== undefined || catalog.database(database)?.dropped !== undefined;
  return isDropped ? 'dropped' : 'live';
}

/** Those that no write may name any more. */
function deadTables(catalog: Catalog, database: Database['id']): Table[] {
  const dropped = catalog.droppedTables(database);
  const isDropped = catalog.database(database)?.dropped !== undefined;
  return isDropped ? [...dropped, ...catalog.tables(database)] : dropped;
}

/** Of a purged table nothing can be named. */
function* deadColumnsLacking(
  catalog: Catalog,
  database: Database['id'],
  storage: FateStorage,
): Generator<{readonly table: TableId; readonly column: ColumnId}> {
  for (const {id: table, deadColumns = []} of catalog.shrunkTables(database)) {
    if (storage.fateOf(table) === 'purged') continue;
    for (const column of deadColumns)
      if (!storage.isDeadColumn(table, column)) yield {table, column};
  }
}

export class TableFates {
  readonly #ports: TableFatesPorts;
  readonly #led = new Set<ReplicaSetId>();
  /** Led sets that may lack an entry. */
  readonly #due = new Set<ReplicaSetId>();
  readonly #dropped: DroppedDatabases;
  #settling: Promise<void> | undefined;

  constructor(ports: TableFatesPorts) {
    this.#ports = ports;
    this.#dropped = new DroppedDatabases(ports.catalog.databases());
  }

  catalogChanged(event: CatalogEvent): void {
    const databases = new Set<number>(this.#dropped.turnedBy(event, this.#ports.catalog));
    if (event.type === 'snapshot') {
      for (const set of this.#led) this.#due.add(set);
      return;
    }
    for (const {kind, value} of event.update.changes)
      if (kind === 'table' && value !== undefined) databases.add(value.database);
    if (databases.size === 0) return;
    for (const set of this.#led) {
      const database = this.#databaseOf(set);
      if (database !== undefined && databases.has(database)) this.#due.add(set);
    }
  }

  leadershipChanged(set: ReplicaSetId, isLeader: boolean): void {
    if (isLeader) {
      this.#led.add(set);
      this.#due.add(set);
    } else {
      this.#led.delete(set);
      this.#due.delete(set);
    }
  }

  /**
   * An entry may come late, when the catalog has said otherwise since: one whose proposer was given no answer,
   * or one that a new leader had not applied yet when it looked.
   */
  fateApplied(set: ReplicaSetId, table: TableId): void {
    if (!this.#led.has(set)) return;
    const {catalog, storageOf} = this.#ports;
    const storage = storageOf(set);
    const database = this.#databaseOf(set);
    if (storage === undefined || database === undefined) return;
    if (storage.fateOf(table) !== fateOf(catalog, database, table)) this.#due.add(set);
  }

  /** Works off what is due; what fails stays due for the next call. Never rejects for expected reasons. */
  settle(): Promise<void> {
    this.#settling ??= this.#settle().finally(() => {
      this.#settling = undefined;
    });
    return this.#settling;
  }

  /**
   * Resolves once the command is applied, behind every entry that this thread proposed by a copy of the catalog
   * that is older than this call. Rejects with UNAVAILABLE where the catalog says otherwise by now.
   */
  async confirm(set: ReplicaSetId, command: ControlCommand): Promise<void> {
    await this.#settling;
    await this.#ports.refresh();
    await this.#settleSet(set);
    const database = this.#databaseOf(set);
    // The set goes, and all that it has.
    if (database === undefined) return;
    // Nothing is awaited in between: what is said is what the copy says now.
    if (!this.#isSo(database, command))
      throw new DbError('UNAVAILABLE', 'the catalog has changed since: ask again');
    await this.#ports.propose(set, command);
  }

  #isSo(database: Database['id'], command: ControlCommand): boolean {
    const {catalog} = this.#ports;
    const isLive = fateOf(catalog, database, command.table) === 'live';
    if (command.type === 'recover-table') return isLive;
    if (command.type !== 'drop-column') return !isLive;
    const table = catalog.table(command.table);
    return table === undefined || table.deadColumns?.includes(command.column) === true;
  }

  async #settle(): Promise<void> {
    const lacking: ReplicaSetId[] = [];
    for (const set of this.#due) {
      // By what is known here; a newer catalog makes it due again.
      if (this.#mayLack(set)) lacking.push(set);
      else this.#due.delete(set);
    }
    if (lacking.length === 0 || !(await succeeds(this.#ports.refresh()))) return;
    const work = async (): Promise<void> => {
      for (let set = lacking.shift(); set !== undefined; set = lacking.shift()) {
        this.#due.delete(set);
        const isSettled = await succeeds(this.#settleSet(set));
        if (!isSettled && this.#led.has(set)) this.#due.add(set);
      }
    };
    await Promise.all(Array.from({length: SETS_AT_ONCE}, work));
  }

  async #settleSet(set: ReplicaSetId): Promise<void> {
    const {catalog, storageOf, caughtUp, propose} = this.#ports;
    await caughtUp(set);
    const storage = storageOf(set);
    const database = this.#databaseOf(set);
    if (!this.#led.has(set) || storage === undefined || database === undefined) return;
    const commands = planFates(catalog, database, storage);
    // Of two tables, or of a table and its columns: in whatever order they come, the same is dead.
    for (let at = 0; at < commands.length; at += ENTRIES_AT_ONCE) {
      const some = commands.slice(at, at + ENTRIES_AT_ONCE);
      await Promise.all(some.map((command) => propose(set, command)));
    }
  }

  /** Whether there is a table whose fate the set's storage, once caught up, may not hold. */
  #mayLack(set: ReplicaSetId): boolean {
    const storage = this.#ports.storageOf(set);
    const database = this.#databaseOf(set);
    if (storage === undefined || database === undefined) return false;
    const {catalog} = this.#ports;
    if (deadTables(catalog, database).length > 0 || storage.droppedTables().length > 0) return true;
    // What is dead here stays so, caught up or not.
    return deadColumnsLacking(catalog, database, storage).next().done !== true;
  }

  /** Undefined where the set is being dropped: its tables go with it. */
  #databaseOf(set: ReplicaSetId): Database['id'] | undefined {
    const entity = this.#ports.catalog.replicaSet(set);
    return entity === undefined || entity.state === 'dropping' ? undefined : entity.database;
  }
}

/** False where leadership, a majority or meta is lost for now: it is tried again. */
async function succeeds(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof DbError) return false;
    throw error;
  }
}
