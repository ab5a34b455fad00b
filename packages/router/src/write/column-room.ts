// Which lines' new columns a table still has room for. In line order, each line with all of its columns
// or none: what a refused line left behind would take the place of those that others need. Nor do lines
// count that are refused for their time or a type, whatever room there is.

import {LIMITS} from '@flotilla/base';
import type {Catalog, Database, TableRequest} from '@flotilla/catalog';
import type {ParsedTable} from '@flotilla/column';
import {isOfMissing, type Refusal, refusalKey} from './refusal.ts';
import {type RejectedRows, Rejections} from './rejected-rows.ts';
import {rowSubset} from './row-subset.ts';
import {refuseTimes} from './row-targets.ts';
import {missingTables, refuseOwnConflicts, resolveTable} from './schema.ts';

interface Present {
  readonly catalog: Catalog;
  readonly database: Database;
  readonly nowMs: number;
}

/** Notes a refusal for each column that the table lacks and that is made for no line. */
export function refuseBeyondRoom(
  present: Present,
  parsed: ParsedTable,
  refusals: Map<string, Refusal>,
): void {
  const {catalog, database} = present;
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
  const isWanted = (name: string): boolean => missing.has(name) || isRefused(name);
  const refused = refusedInAnyCase(present, parsed, request);
  for (const names of namesOfRows(parsed, isWanted, refused)) {
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

/** The marks of rows that would be refused if all columns were made. */
function refusedInAnyCase(
  {catalog, database, nowMs}: Present,
  parsed: ParsedTable,
  request: TableRequest,
): RejectedRows[] {
  // Counted and listed elsewhere, for all reasons together.
  const rejections = new Rejections(rowSubset([]), () => '', isOfMissing);
  return [
    refuseTimes(parsed, {database, nowMs, rejections}),
    resolveTable(catalog, database, parsed, rejections, new Map())?.rejected,
    refuseOwnConflicts(parsed, request, rejections),
  ];
}

/** Of each row that has such names, but for those that are refused: which, in line order. */
function* namesOfRows(
  {rowCount, series, seriesOfRow, fields}: ParsedTable,
  isWanted: (name: string) => boolean,
  refused: readonly RejectedRows[],
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
  for (const [row, names] of namesOfRow.entries())
    if (names !== undefined && !refused.some((marks) => marks?.[row] === 1)) yield names;
}
