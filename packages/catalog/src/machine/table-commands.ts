// Tables and their columns: made when a write first names them, dropped, recovered, purged. Column
// ids ascend from 1 inside a table and are never given twice.

import {type ColumnId, LIMITS, type TableId} from '@flotilla/base';
import type {Catalog} from '../catalog.ts';
import type {
  ColumnOutcome,
  CreateTable,
  DropTable,
  EnsureTables,
  ForgetTable,
  PurgeTable,
  RecoverTable,
  TableOutcome,
  TableRequest,
} from '../commands.ts';
import type {Column, ColumnType, Database, Table} from '../model.ts';
import {type Draft, type Handler, NOTHING, refuse, succeed} from './draft.ts';
import {columnNameFault, isColumnName, isTableName, lastColumnId, tableNameFault} from './names.ts';
import {droppedNamed, hastened, nameTaken} from './trash.ts';

export const createTable: Handler<CreateTable> = (draft, command) => {
  const database = liveDatabase(draft.catalog, command.database);
  if (database === undefined) return noDatabase(command.database);
  const {name} = command.table;
  const present = draft.catalog.tableByName(database.id, name);
  if (present !== undefined) {
    if (command.ifNotExists === true) return succeed({table: present.id, created: false});
    return refuse('ALREADY_EXISTS', `table ${name} exists`);
  }
  if (!isTableName(name)) return refuse('INVALID_ARGUMENT', tableNameFault(name));
  const names = [...command.table.tags, ...command.table.fields.map((field) => field.name)];
  const wrongName = names.find((each) => !isColumnName(each));
  if (wrongName !== undefined) return refuse('INVALID_ARGUMENT', columnNameFault(wrongName));
  const work = new TableWork(draft, database);
  const outcome = work.ensure(command.table);
  if ('error' in outcome) {
    const why = 'the database holds as many tables as it may';
    return refuse(outcome.error, `table ${name} cannot be made: ${why}`);
  }
  work.putChanged();
  for (const [i, column] of [...outcome.tags, ...outcome.fields].entries()) {
    if (!('error' in column)) continue;
    const why =
      column.error === 'COLUMN_LIMIT' ? 'the table holds as many as it may' : 'it is named twice';
    return refuse(column.error, `column ${names[i]} cannot be made: ${why}`);
  }
  return succeed({table: outcome.table, created: true});
};

export const ensureTables: Handler<EnsureTables> = (draft, command) => {
  const database = liveDatabase(draft.catalog, command.database);
  if (database === undefined) return noDatabase(command.database);
  const work = new TableWork(draft, database);
  const tables = command.tables.map(
    (request): TableOutcome =>
      command.allOrNothing === true && !work.hasRoomFor(request)
        ? {error: 'COLUMN_LIMIT'}
        : work.ensure(request),
  );
  work.putChanged();
  return succeed({tables});
};

export const dropTable: Handler<DropTable> = (draft, command) => {
  const table = draft.catalog.tableByName(command.database, command.name);
  if (table === undefined) {
    if (command.orTrash === true && hastenDropped(draft, command)) return succeed({});
    if (command.ifExists === true) return succeed({});
    return refuse('TABLE_NOT_FOUND', `no table ${command.name}`);
  }
  draft.put('table', table.id, {
    ...table,
    dropped: {atMs: command.atMs, purgeAtMs: command.purgeAtMs},
  });
  return succeed({table: table.id});
};

/** False where none of that name is in the trash. */
function hastenDropped(draft: Draft, {database, name, purgeAtMs}: DropTable): boolean {
  const trash = recoverable(draft.catalog, database, name);
  for (const table of trash) draft.put('table', table.id, hastened(table, purgeAtMs));
  return trash.length > 0;
}

export const recoverTable: Handler<RecoverTable> = (draft, command) => {
  const {catalog} = draft;
  const database = liveDatabase(catalog, command.database);
  if (database === undefined) return noDatabase(command.database);
  const table = recoverable(catalog, command.database, command.name).at(-1);
  if (table === undefined) {
    return refuse('TABLE_NOT_FOUND', `no dropped table ${command.name} waits for its purge`);
  }
  const name = command.as ?? table.name;
  if (!isTableName(name)) return refuse('INVALID_ARGUMENT', tableNameFault(name));
  if (catalog.tableByName(database.id, name) !== undefined) {
    return nameTaken('table', name);
  }
  if (catalog.tableCount(database.id) >= LIMITS.tables_per_database_max.value) {
    return refuse('TABLE_LIMIT', `database ${database.name} holds as many tables as it may`);
  }
  draft.put('table', table.id, {...table, name, dropped: undefined});
  return succeed({table: table.id});
};

export const purgeTable: Handler<PurgeTable> = (draft, command) => {
  const table = draft.catalog.table(command.table);
  if (table === undefined || table.purgedAtMs !== undefined) return succeed(NOTHING);
  if (table.dropped === undefined) return refuse('CONFLICT', `table ${table.name} is not dropped`);
  draft.put('table', table.id, {...table, columns: [], purgedAtMs: command.atMs});
  return succeed(NOTHING);
};

export const forgetTable: Handler<ForgetTable> = (draft, command) => {
  const table = draft.catalog.table(command.table);
  if (table === undefined) return succeed(NOTHING);
  if (table.purgedAtMs === undefined)
    return refuse('CONFLICT', `table ${table.name} is not purged`);
  draft.remove('table', table.id);
  return succeed(NOTHING);
};

/** One table's columns while a command adds to them. */
interface TableDraft {
  readonly present: Table | undefined;
  readonly id: TableId;
  readonly name: string;
  readonly added: Map<string, Column>;
}

/** The tables that one command makes or extends: a request sees what the ones before it added. */
class TableWork {
  readonly #draft: Draft;
  readonly #database: Database;
  readonly #tables = new Map<string, TableDraft>();
  #created = 0;

  constructor(draft: Draft, database: Database) {
    this.#draft = draft;
    this.#database = database;
  }

  ensure(request: TableRequest): TableOutcome {
    if (!isTableName(request.name)) return {error: 'INVALID_ARGUMENT'};
    const table = this.#tables.get(request.name) ?? this.#openTable(request.name);
    if (table === undefined) return {error: 'TABLE_LIMIT'};
    return {
      table: table.id,
      tags: request.tags.map((name) => this.#column(table, name, 'tag', 'string')),
      fields: request.fields.map(({name, type}) => this.#column(table, name, 'field', type)),
    };
  }

  hasRoomFor({name, tags, fields}: TableRequest): boolean {
    const {catalog} = this.#draft;
    const {present, added} = this.#tables.get(name) ?? {
      present: catalog.tableByName(this.#database.id, name),
      added: new Map<string, Column>(),
    };
    const isMissing = (column: string): boolean =>
      isColumnName(column) &&
      !added.has(column) &&
      (present === undefined || catalog.columnByName(present.id, column) === undefined);
    const missing = new Set([...tags, ...fields.map((field) => field.name)].filter(isMissing));
    const count = (present?.columns.length ?? 0) + added.size;
    return missing.size === 0 || count + missing.size <= LIMITS.columns_per_table_max.value;
  }

  putChanged(): void {
    for (const {present, id, name, added} of this.#tables.values()) {
      if (present !== undefined && added.size === 0) continue;
      const columns = [...(present?.columns ?? []), ...added.values()];
      this.#draft.put('table', id, {...present, id, database: this.#database.id, name, columns});
    }
  }

  #openTable(name: string): TableDraft | undefined {
    const {catalog} = this.#draft;
    const present = catalog.tableByName(this.#database.id, name);
    if (present === undefined) {
      const {id} = this.#database;
      const max = LIMITS.tables_per_database_max.value;
      const count = catalog.tableCount(id) + this.#created;
      // Who makes and drops tables without end would fill every node's catalog all the same.
      if (count >= max || count + catalog.droppedTableCount(id) >= 2 * max) return undefined;
      this.#created++;
    }
    const id = present?.id ?? this.#draft.nextId<TableId>('table');
    const table: TableDraft = {present, id, name, added: new Map()};
    this.#tables.set(name, table);
    return table;
  }

  #column(table: TableDraft, name: string, kind: Column['kind'], type: ColumnType): ColumnOutcome {
    if (!isColumnName(name)) return {error: 'TYPE_CONFLICT'};
    const existing =
      table.added.get(name) ?? (table.present && this.#draft.catalog.columnByName(table.id, name));
    if (existing !== undefined) {
      if (existing.kind === kind && existing.type === type) return {column: existing.id};
      return {error: 'TYPE_CONFLICT', existing};
    }
    const count = (table.present?.columns.length ?? 0) + table.added.size;
    if (count >= LIMITS.columns_per_table_max.value) return {error: 'COLUMN_LIMIT'};
    const id = (lastColumnId(table.present) + table.added.size + 1) as ColumnId;
    table.added.set(name, {id, name, kind, type});
    return {column: id};
  }
}

function liveDatabase(catalog: Catalog, id: Database['id']): Database | undefined {
  const database = catalog.database(id);
  return database?.dropped === undefined ? database : undefined;
}

function noDatabase(id: Database['id']) {
  return refuse('DATABASE_NOT_FOUND', `no database ${id}`);
}

/** Of that name; the one that was dropped last at the end. */
function recoverable(catalog: Catalog, database: Database['id'], name: string): Table[] {
  const kept = catalog.droppedTables(database).filter(({purgedAtMs}) => purgedAtMs === undefined);
  return droppedNamed(kept, name);
}
