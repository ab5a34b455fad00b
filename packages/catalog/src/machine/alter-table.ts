// ALTER TABLE: columns that come, go or get another name, and the table's own name. A renamed thing
// keeps its id, so rows and writes under way follow it; a dropped column's id is dead for ever.

import {type ColumnId, LIMITS} from '@flotilla/base';
import type {AlterTable, CommandResult, CommandValues, TableChange} from '../commands.ts';
import type {Column, Table} from '../model.ts';
import {type Draft, type Handler, refuse, succeed} from './draft.ts';
import {columnNameFault, isColumnName, isTableName, lastColumnId, tableNameFault} from './names.ts';

type Result = CommandResult<CommandValues['alter-table']>;

export const alterTable: Handler<AlterTable> = (draft, {database, name, change}) => {
  const owner = draft.catalog.database(database);
  if (owner === undefined || owner.dropped !== undefined) {
    return refuse('DATABASE_NOT_FOUND', `no database ${database}`);
  }
  const table = draft.catalog.tableByName(database, name);
  if (table === undefined) return refuse('TABLE_NOT_FOUND', `no table ${name}`);
  switch (change.kind) {
    case 'add-column':
      return addColumn(draft, table, change.column);
    case 'drop-column':
      return dropColumn(draft, table, change.name);
    case 'rename-column':
      return renameColumn(draft, table, change);
    case 'rename-table':
      return renameTable(draft, table, change.to);
    default:
      return change satisfies never;
  }
};

function addColumn(draft: Draft, table: Table, column: Omit<Column, 'id'>): Result {
  const fault = nameFault(draft, table, column.name);
  if (fault !== undefined) return fault;
  const max = LIMITS.columns_per_table_max.value;
  if (table.columns.length >= max) {
    return refuse('COLUMN_LIMIT', `table ${table.name} holds as many columns as it may (${max})`);
  }
  const id = (lastColumnId(table) + 1) as ColumnId;
  draft.put('table', table.id, {...table, columns: [...table.columns, {...column, id}]});
  return succeed({table: table.id, column: id});
}

function dropColumn(draft: Draft, table: Table, name: string): Result {
  const column = draft.catalog.columnByName(table.id, name);
  if (column === undefined) return noColumn(table, name);
  const fields = table.columns.filter(({kind}) => kind === 'field');
  if (column.kind === 'field' && fields.length === 1) {
    return refuse('CONFLICT', `${name} is the last field of ${table.name}: drop the table instead`);
  }
  const dead = table.deadColumns ?? [];
  // Every replica set of the database remembers each of them.
  const max = LIMITS.columns_per_table_max.value;
  if (dead.length >= max) {
    return refuse('COLUMN_LIMIT', `${max} columns of table ${table.name} were dropped already`);
  }
  const columns = table.columns.filter(({id}) => id !== column.id);
  draft.put('table', table.id, {...table, columns, deadColumns: [...dead, column.id]});
  return succeed({table: table.id, column: column.id});
}

function renameColumn(
  draft: Draft,
  table: Table,
  {name, to}: Extract<TableChange, {kind: 'rename-column'}>,
): Result {
  const column = draft.catalog.columnByName(table.id, name);
  if (column === undefined) return noColumn(table, name);
  const fault = name === to ? undefined : nameFault(draft, table, to);
  if (fault !== undefined) return fault;
  const columns = table.columns.map((each) => (each === column ? {...each, name: to} : each));
  draft.put('table', table.id, {...table, columns});
  return succeed({table: table.id, column: column.id});
}

function renameTable(draft: Draft, table: Table, to: string): Result {
  if (!isTableName(to)) return refuse('INVALID_ARGUMENT', tableNameFault(to));
  if (to !== table.name && draft.catalog.tableByName(table.database, to) !== undefined) {
    return refuse('ALREADY_EXISTS', `table ${to} exists`);
  }
  draft.put('table', table.id, {...table, name: to});
  return succeed({table: table.id});
}

function nameFault(draft: Draft, table: Table, name: string): CommandResult<never> | undefined {
  if (!isColumnName(name)) {
    return refuse('INVALID_ARGUMENT', columnNameFault(name));
  }
  if (draft.catalog.columnByName(table.id, name) === undefined) return undefined;
  return refuse('ALREADY_EXISTS', `table ${table.name} has a column ${name}`);
}

function noColumn(table: Table, name: string): CommandResult<never> {
  return refuse('NOT_FOUND', `table ${table.name} has no column ${name}`);
}
