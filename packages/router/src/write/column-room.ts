// Which lines' new columns a table still has room for. In line order, each line with all of its columns
// or none: what a refused line left behind would take the place of those that others need.

import {LIMITS} from '@flotilla/base';
import type {Catalog, Database} from '@flotilla/catalog';
import type {ParsedTable} from '@flotilla/column';
import {type Refusal, refusalKey} from './refusal.ts';
import {missingTables} from './schema.ts';

/** Notes a refusal for each column that the table lacks and that is made for no line. */
export function refuseBeyondRoom(
  catalog: Catalog,
  database: Database,
  parsed: ParsedTable,
  refusals: Map<string, Refusal>,
): void {
  const request = missingTables(catalog, database, {tables: [parsed]}, refusals)[0];
  if (request === undefined) return;
  const table = catalog.tableByName(database.id, parsed.table);
  const room = LIMITS.columns_per_table_max.value - (table?.columns.length ?? 0);
  const missing = new Set([...request.tags, ...request.fields.map(({name}) => name)]);
  if (missing.size <= room) return;
  const isRefused = (name: string): boolean =>
    refusals.has(refusalKey(parsed.table, name)) &&
    (table === undefined || catalog.columnByName(table.id, name) === undefined);
  const kept = new Set<string>();
  for (const names of namesOfRows(parsed, (name) => missing.has(name) || isRefused(name))) {
    const more = names.difference(kept);
    if (kept.size + more.size > room || [...more].some(isRefused)) continue;
    for (const name of more) kept.add(name);
  }
  for (const name of missing.difference(kept))
    refusals.set(refusalKey(parsed.table, name), noRoom(parsed.table));
}

export function noRoom(table: string): Refusal {
  return {code: 'COLUMN_LIMIT', reason: `table "${table}" holds as many columns as it may`};
}

/** Of each row that has such names: which, in line order. */
function* namesOfRows(
  {rowCount, series, seriesOfRow, fields}: ParsedTable,
  isWanted: (name: string) => boolean,
): Generator<Set<string>> {
  const namesOfRow: (Set<string> | undefined)[] = new Array(rowCount);
  const tagsOfSeries = series.map(({tagNames}) => tagNames.filter(isWanted));
  for (let row = 0; row < rowCount; row++) {
    const tags = tagsOfSeries[seriesOfRow[row]!]!;
    if (tags.length > 0) namesOfRow[row] = new Set(tags);
  }
  for (const {name, rows, count} of fields) {
    if (!isWanted(name)) continue;
    for (const row of rows.subarray(0, count)) {
      namesOfRow[row] ??= new Set();
      namesOfRow[row].add(name);
    }
  }
  for (const names of namesOfRow) if (names !== undefined) yield names;
}
