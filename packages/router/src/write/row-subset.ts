// A body of some rows of another body: what must be placed anew because the catalog had moved on.

import type {ParsedBatch, ParsedSeries, ParsedTable} from '@flotilla/column';
import {gatherField} from './column-pick.ts';
import type {RowSource} from './share-builder.ts';

/** The rows of `sources`, in the order of their lines per table. Requires that no row is named twice. */
export function rowSubset(sources: Iterable<RowSource>): ParsedBatch {
  const rowsOf = new Map<ParsedTable, number[]>();
  for (const {parsed, rows} of sources) {
    const known = rowsOf.get(parsed) ?? [];
    rowsOf.set(parsed, known);
    for (const row of rows) known.push(row);
  }
  const tables = [...rowsOf].map(([parsed, rows]) =>
    tableSubset(parsed, Int32Array.from(rows).sort()),
  );
  const rowCount = tables.reduce((sum, table) => sum + table.rowCount, 0);
  return {tables, rowCount, badLines: [], badLineCount: 0};
}

function tableSubset(parsed: ParsedTable, rows: Int32Array): ParsedTable {
  const series: ParsedSeries[] = [];
  const newOf = new Map<number, number>();
  const seriesOfRow = rows.map((row) => {
    const old = parsed.seriesOfRow[row]!;
    const known = newOf.get(old) ?? series.push(parsed.series[old]!) - 1;
    newOf.set(old, known);
    return known;
  });
  return {
    table: parsed.table,
    rowCount: rows.length,
    series,
    seriesOfRow,
    timesMs: Float64Array.from(rows, (row) => parsed.timesMs[row]!),
    timesNs: Int32Array.from(rows, (row) => parsed.timesNs[row]!),
    lines: Uint32Array.from(rows, (row) => parsed.lines[row]!),
    fields: parsed.fields.flatMap((field) => {
      const gathered = gatherField(field, parsed.rowCount, rows);
      if (gathered === undefined) return [];
      const {count, values} = gathered;
      const valueRows = gathered.rows ?? Int32Array.from({length: count}, (_, i) => i);
      return [{name: field.name, count, rows: valueRows, values}];
    }),
  };
}
