// Holds a parsed batch against the catalog: which tables and columns are missing, which fields and
// tags conflict with what is there. Pure; whoever calls it asks meta for what is missing and calls
// again with the newer catalog.

import type {ColumnId} from '@flotilla/base';
import type {
  Catalog,
  Column,
  ColumnType,
  Database,
  FieldRequest,
  Table,
  TableRequest,
} from '@flotilla/catalog';
import {
  encodeSeriesKey,
  type ParsedBatch,
  type ParsedField,
  type ParsedSeries,
  type ParsedTable,
  seriesHash,
} from '@flotilla/column';
import {mergeAsFloat, refuseInexact} from './float-merge.ts';
import {type Refusal, refusalKey} from './refusal.ts';
import type {RejectedRows, Rejections} from './rejected-rows.ts';
import type {ResolvedField, ResolvedSeries, ResolvedTable, TableState} from './resolved-table.ts';

/** What the batch needs, the catalog lacks and meta has not refused; empty when there is nothing. */
export function missingTables(
  catalog: Catalog,
  database: Database,
  {tables}: Pick<ParsedBatch, 'tables'>,
  refusals: ReadonlyMap<string, Refusal>,
): TableRequest[] {
  const requests: TableRequest[] = [];
  for (const parsed of tables) {
    if (refusals.has(refusalKey(parsed.table, ''))) continue;
    const request = missingColumns(
      catalog,
      catalog.tableByName(database.id, parsed.table),
      parsed,
      refusals,
    );
    if (request !== undefined) requests.push(request);
  }
  return requests;
}

function missingColumns(
  catalog: Catalog,
  table: Table | undefined,
  parsed: ParsedTable,
  refusals: ReadonlyMap<string, Refusal>,
): TableRequest | undefined {
  const known = (name: string): boolean =>
    (table !== undefined && catalog.columnByName(table.id, name) !== undefined) ||
    refusals.has(refusalKey(parsed.table, name));
  const tags = new Set<string>();
  const state = table && stateOf(table);
  let seen: readonly string[] | undefined;
  for (const series of parsed.series) {
    if (state !== undefined && cachedResolution(series, state) !== undefined) continue;
    if (series.tagNames === seen) continue;
    seen = series.tagNames;
    for (const name of seen) if (!known(name)) tags.add(name);
  }
  const fields = new Map<string, ColumnType>();
  for (const {name, values} of parsed.fields) {
    if (known(name) || tags.has(name)) continue;
    const other = fields.get(name);
    fields.set(name, other === undefined ? values.type : widerType(other, values.type));
  }
  if (table !== undefined && tags.size === 0 && fields.size === 0) return undefined;
  const requested: FieldRequest[] = [...fields].map(([name, type]) => ({name, type}));
  return {name: parsed.table, tags: [...tags], fields: requested};
}

/** A body that writes a new field both as 1 and as 1i means a float; otherwise its first type holds. */
function widerType(first: ColumnType, second: ColumnType): ColumnType {
  const numeric =
    (first === 'float' && second === 'integer') || (first === 'integer' && second === 'float');
  return numeric ? 'float' : first;
}

/** The catalog makes a new object with each change of a table. */
const states = new WeakMap<Table, TableState>();

function stateOf(table: Table): TableState {
  const known = states.get(table);
  if (known !== undefined) return known;
  const state = {};
  states.set(table, state);
  return state;
}

function cachedResolution(series: ParsedSeries, state: TableState): ResolvedSeries | undefined {
  const cached = series.resolution as ResolvedSeries | undefined;
  return cached?.state === state ? cached : undefined;
}

/**
 * Resolves one table's names to ids and refuses the rows that conflict. A name that the catalog still
 * lacks was refused by meta: `refusals` says why, by table and column (or by table alone, under '').
 */
export function resolveTable(
  catalog: Catalog,
  database: Database,
  parsed: ParsedTable,
  rejections: Rejections,
  refusals: ReadonlyMap<string, Refusal>,
): ResolvedTable | undefined {
  const table = catalog.tableByName(database.id, parsed.table);
  if (table === undefined) {
    rejectAll(parsed, rejections, refusalOf(refusals, parsed.table, ''));
    return undefined;
  }
  let rejected: RejectedRows;
  const state = stateOf(table);
  let tags: SeriesTags | undefined;
  const series = parsed.series.map((one) => {
    const cached = cachedResolution(one, state);
    if (cached !== undefined) return cached;
    // Series of one table mostly share the very array of their tags' names.
    if (tags?.names !== one.tagNames) tags = tagsOf(catalog, table, one.tagNames, refusals);
    return resolveSeries({table, state}, one, tags);
  });
  for (const [position, resolved] of series.entries()) {
    if (!('code' in resolved)) continue;
    for (let row = 0; row < parsed.rowCount; row++) {
      if (parsed.seriesOfRow[row] === position)
        rejected = rejections.add(parsed, row, rejected, resolved);
    }
  }
  const fields: ResolvedField[] = [];
  for (const field of parsed.fields) {
    const column = resolveField(catalog, table, field, refusals);
    if ('code' in column) rejected = rejectField(parsed, field, rejections, rejected, column);
    else fields.push({column, field});
  }
  const merged = mergeAsFloat(fields, (row, refusal) => {
    rejected = rejections.add(parsed, row, rejected, refusal);
  });
  const usable = series.map((one) => ('code' in one ? undefined : one));
  return {table, parsed, series: usable, fields: merged, rejected};
}

/** Refuses the rows that conflict with the columns which `request` has meta make for them, and marks them. */
export function refuseOwnConflicts(
  parsed: ParsedTable,
  request: TableRequest,
  rejections: Rejections,
): RejectedRows {
  const types = new Map(request.fields.map(({name, type}) => [name, type]));
  const tags = new Set(request.tags);
  let rejected: RejectedRows;
  for (const field of parsed.fields) {
    const {type} = field.values;
    const made = types.get(field.name);
    if (tags.has(field.name)) {
      const refusal = typeConflict(field.name, `a field of type ${type}`, 'a tag');
      rejected = rejectField(parsed, field, rejections, rejected, refusal);
    } else if (made !== undefined && !fits(type, made)) {
      const refusal = typeConflict(field.name, type, made);
      rejected = rejectField(parsed, field, rejections, rejected, refusal);
    } else if (made === 'float') {
      refuseInexact(field, (row, refusal) => {
        rejected = rejections.add(parsed, row, rejected, refusal);
      });
    }
  }
  return rejected;
}

function rejectAll(parsed: ParsedTable, rejections: Rejections, refusal: Refusal): void {
  let marks: RejectedRows;
  for (let row = 0; row < parsed.rowCount; row++)
    marks = rejections.add(parsed, row, marks, refusal);
}

function rejectField(
  parsed: ParsedTable,
  field: ParsedField,
  rejections: Rejections,
  rejected: RejectedRows,
  refusal: Refusal,
): RejectedRows {
  let marks = rejected;
  for (let i = 0; i < field.count; i++)
    marks = rejections.add(parsed, field.rows[i]!, marks, refusal);
  return marks;
}

/** What the names of a series' tags are in its table. */
interface SeriesTags {
  readonly names: readonly string[];
  /** Why it takes no such series; undefined where it does. */
  readonly refusal: Refusal | undefined;
  /** In the order of the series' key; `place` is that among the names. */
  readonly columns: readonly {readonly column: ColumnId; readonly place: number}[];
}

function tagsOf(
  catalog: Catalog,
  table: Table,
  names: readonly string[],
  refusals: ReadonlyMap<string, Refusal>,
): SeriesTags {
  const columns: {column: ColumnId; place: number}[] = [];
  for (const [place, name] of names.entries()) {
    const column = catalog.columnByName(table.id, name);
    const refusal = refusalOfTag(table, name, column, refusals);
    if (column === undefined || refusal !== undefined) return {names, refusal, columns: []};
    columns.push({column: column.id, place});
  }
  columns.sort((a, b) => a.column - b.column);
  return {names, refusal: undefined, columns};
}

function refusalOfTag(
  table: Table,
  name: string,
  column: Column | undefined,
  refusals: ReadonlyMap<string, Refusal>,
): Refusal | undefined {
  if (column === undefined) return refusalOf(refusals, table.name, name);
  if (column.kind === 'tag') return undefined;
  return typeConflict(name, 'a tag', `a field of type ${column.type}`);
}

function resolveSeries(
  {table, state}: {readonly table: Table; readonly state: TableState},
  series: ParsedSeries,
  {refusal, columns}: SeriesTags,
): ResolvedSeries | Refusal {
  if (refusal !== undefined) return refusal;
  const {tagValues} = series;
  const tags = columns.map(({column, place}) => ({column, value: tagValues[place]!}));
  const key = encodeSeriesKey(table.id, tags);
  const resolved = {state, key, hash: seriesHash(key)};
  series.resolution = resolved;
  return resolved;
}

function resolveField(
  catalog: Catalog,
  table: Table,
  field: ParsedField,
  refusals: ReadonlyMap<string, Refusal>,
): Column | Refusal {
  const column = catalog.columnByName(table.id, field.name);
  if (column === undefined) return refusalOf(refusals, table.name, field.name);
  if (column.kind === 'tag')
    return typeConflict(field.name, `a field of type ${field.values.type}`, 'a tag');
  return fits(field.values.type, column.type)
    ? column
    : typeConflict(field.name, field.values.type, column.type);
}

function fits(given: ColumnType, column: ColumnType): boolean {
  return given === column || (given === 'integer' && column === 'float');
}

function typeConflict(name: string, given: string, present: string): Refusal {
  return {code: 'TYPE_CONFLICT', reason: `column "${name}" is ${present}, the line has ${given}`};
}

function refusalOf(refusals: ReadonlyMap<string, Refusal>, table: string, column: string): Refusal {
  return (
    refusals.get(refusalKey(table, column)) ??
    refusals.get(refusalKey(table, '')) ?? {
      code: 'TABLE_NOT_FOUND',
      reason: `table "${table}" was dropped while the write was under way`,
    }
  );
}
