// Tables by id and by name, columns by name. Columns are mostly appended, so the name map of a table
// that grows is extended; one that lost or renamed a column is mapped anew.

import type {DatabaseId, TableId} from '@flotilla/base';
import type {Column, Table} from './model.ts';
import {NameIndex} from './name-index.ts';

interface IndexedTable {
  table: Table;
  readonly columns: Map<string, Column>;
}

interface DatabaseTables {
  readonly live: Map<TableId, Table>;
  readonly dropped: Map<TableId, Table>;
  /** Of both, those that have lost columns and are not purged. */
  readonly shrunk: Map<TableId, Table>;
}

export class TableIndex {
  readonly #tables = new Map<TableId, IndexedTable>();
  readonly #names = new NameIndex<TableId>();
  readonly #databases = new Map<DatabaseId, DatabaseTables>();

  get(id: TableId): Table | undefined {
    return this.#tables.get(id)?.table;
  }

  byName(database: DatabaseId, name: string): Table | undefined {
    const id = this.#names.get(database, name);
    return id === undefined ? undefined : this.get(id);
  }

  column(id: TableId, name: string): Column | undefined {
    return this.#tables.get(id)?.columns.get(name);
  }

  *all(): Generator<Table> {
    for (const {table} of this.#tables.values()) yield table;
  }

  live(database: DatabaseId): Table[] {
    return [...(this.#databases.get(database)?.live.values() ?? [])];
  }

  dropped(database: DatabaseId): Table[] {
    return [...(this.#databases.get(database)?.dropped.values() ?? [])];
  }

  droppedCount(database: DatabaseId): number {
    return this.#databases.get(database)?.dropped.size ?? 0;
  }

  shrunk(database: DatabaseId): Table[] {
    return [...(this.#databases.get(database)?.shrunk.values() ?? [])];
  }

  liveCount(database: DatabaseId): number {
    return this.#databases.get(database)?.live.size ?? 0;
  }

  replace(id: TableId, value: Table | undefined): void {
    const old = this.#tables.get(id);
    const database = (value ?? old?.table)?.database;
    if (database === undefined) return;
    this.#names.move(database, liveName(old?.table), liveName(value), id);
    this.#replaceInDatabase(database, id, value);
    if (value === undefined) this.#tables.delete(id);
    else this.#tables.set(id, indexTable(value, old));
  }

  #replaceInDatabase(database: DatabaseId, id: TableId, value: Table | undefined): void {
    const tables = this.#databases.get(database) ?? {
      live: new Map(),
      dropped: new Map(),
      shrunk: new Map(),
    };
    const [to, from] =
      value?.dropped === undefined ? [tables.live, tables.dropped] : [tables.dropped, tables.live];
    from.delete(id);
    if (value === undefined) to.delete(id);
    else to.set(id, value);
    if (value?.deadColumns === undefined || value.purgedAtMs !== undefined)
      tables.shrunk.delete(id);
    else tables.shrunk.set(id, value);
    if (tables.live.size + tables.dropped.size === 0) this.#databases.delete(database);
    else this.#databases.set(database, tables);
  }
}

function indexTable(table: Table, old: IndexedTable | undefined): IndexedTable {
  const known = old?.columns.size ?? 0;
  if (old === undefined || !isExtended(old.table, table)) {
    return {table, columns: new Map(table.columns.map((column) => [column.name, column]))};
  }
  for (let i = known; i < table.columns.length; i++) {
    const column = table.columns[i]!;
    old.columns.set(column.name, column);
  }
  old.table = table;
  return old;
}

/** Whether all that changed of its columns is that some came to the end. */
function isExtended({columns: before}: Table, {columns: now}: Table): boolean {
  return before.every(({id, name}, i) => now[i]?.id === id && now[i].name === name);
}

function liveName(table: Table | undefined): string | undefined {
  return table?.dropped === undefined ? table?.name : undefined;
}
