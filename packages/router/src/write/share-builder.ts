// Gathers the rows of each replica set into one share: per table its series once, and its columns
// with the rows that are the set's own. Typed arrays throughout; a body of one set is not copied.

import type {ReplicaSetId} from '@flotilla/base';
import type {ParsedTable, ShareTable} from '@flotilla/column';
import {gatherField, pick} from './column-pick.ts';
import type {PlacedTable, Placement} from './row-targets.ts';

/** Where a share's table came from: the rows (ascending) of a table of the body. */
export interface RowSource {
  readonly parsed: ParsedTable;
  readonly rows: Int32Array;
}

/** Rows of one replica set, in the order of their lines per table. */
export interface SetShare {
  readonly set: ReplicaSetId;
  readonly tables: readonly ShareTable[];
  /** Of each table. */
  readonly sources: readonly RowSource[];
  readonly rowCount: number;
}

/** One share a set that has rows, in the order of `placement.sets`; each is gathered when it is asked for. */
export function* buildShares(placement: Placement): Generator<SetShare> {
  const rowsOfTables = placement.tables.map(({setOfRow}) =>
    groupRows(setOfRow, placement.sets.length),
  );
  for (const [index, set] of placement.sets.entries()) {
    const tables: ShareTable[] = [];
    const sources: RowSource[] = [];
    let rowCount = 0;
    for (const [i, placed] of placement.tables.entries()) {
      const rows = rowsOfTables[i]![index]!;
      if (rows.length === 0) continue;
      tables.push(gatherTable(placed, rows));
      sources.push({parsed: placed.resolved.parsed, rows});
      rowCount += rows.length;
    }
    if (rowCount > 0) yield {set, tables, sources, rowCount};
  }
}

/**
 * In two, by tables while it has several: whether the rows of a table are halved, and where, depends on that
 * table alone. Requires at least two rows.
 */
export function splitShare(share: SetShare): [SetShare, SetShare] {
  const {set, tables, sources} = share;
  if (tables.length === 1) return halveShare(share);
  const half = tables.length >>> 1;
  const rowCount = tables.slice(0, half).reduce((sum, table) => sum + table.rowCount, 0);
  return [
    {set, tables: tables.slice(0, half), sources: sources.slice(0, half), rowCount},
    {
      set,
      tables: tables.slice(half),
      sources: sources.slice(half),
      rowCount: share.rowCount - rowCount,
    },
  ];
}

/** Halves a share in line order, table by table. Requires at least two rows. */
export function halveShare(share: SetShare): [SetShare, SetShare] {
  const {set} = share;
  const half = Math.ceil(share.rowCount / 2);
  const first = {tables: [] as ShareTable[], sources: [] as RowSource[]};
  const second = {tables: [] as ShareTable[], sources: [] as RowSource[]};
  let room = half;
  for (const [i, table] of share.tables.entries()) {
    const {parsed, rows} = share.sources[i]!;
    const taken = Math.min(room, table.rowCount);
    if (taken > 0) {
      first.tables.push(sliceTable(table, 0, taken));
      first.sources.push({parsed, rows: rows.subarray(0, taken)});
    }
    if (taken < table.rowCount) {
      second.tables.push(sliceTable(table, taken, table.rowCount));
      second.sources.push({parsed, rows: rows.subarray(taken)});
    }
    room -= taken;
  }
  return [
    {set, ...first, rowCount: half},
    {set, ...second, rowCount: share.rowCount - half},
  ];
}

/** Row numbers by set, ascending: a counting sort. */
function groupRows(setOfRow: Int32Array, setCount: number): Int32Array[] {
  const counts = new Int32Array(setCount);
  for (let row = 0; row < setOfRow.length; row++) {
    const set = setOfRow[row]!;
    if (set >= 0) counts[set]! += 1;
  }
  const groups = Array.from(counts, (count) => new Int32Array(count));
  counts.fill(0);
  for (let row = 0; row < setOfRow.length; row++) {
    const set = setOfRow[row]!;
    if (set >= 0) groups[set]![counts[set]!++] = row;
  }
  return groups;
}

function gatherTable(placed: PlacedTable, rows: Int32Array): ShareTable {
  const {resolved, offsets} = placed;
  const {parsed, series, fields, table} = resolved;
  const localOfSeries = new Int32Array(series.length).fill(-1);
  const keys: Uint8Array[] = [];
  const seriesOfRow = new Int32Array(rows.length);
  const ownOffsets = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    const position = parsed.seriesOfRow[row]!;
    if (localOfSeries[position]! < 0)
      localOfSeries[position] = keys.push(series[position]!.key) - 1;
    seriesOfRow[i] = localOfSeries[position]!;
    ownOffsets[i] = offsets[row]!;
  }
  const columns = fields.flatMap(({column, field}) => {
    const gathered = gatherField(field, parsed.rowCount, rows);
    return gathered === undefined ? [] : [{column: column.id, ...gathered}];
  });
  return {
    table: table.id,
    rowCount: rows.length,
    series: keys,
    seriesOfRow,
    offsets: ownOffsets,
    columns,
  };
}

function sliceTable(table: ShareTable, start: number, end: number): ShareTable {
  const rowCount = end - start;
  const columns = table.columns.flatMap((column) => {
    let first = start;
    let last = end;
    if (column.rows !== undefined) {
      first = lowerBound(column.rows, column.count, start);
      last = lowerBound(column.rows, column.count, end);
    }
    const count = last - first;
    if (count === 0) return [];
    const positions = Int32Array.from({length: count}, (_, i) => first + i);
    const rows = column.rows?.subarray(first, last).map((row) => row - start);
    return [{column: column.column, count, rows, values: pick(column.values, positions, count)}];
  });
  return {
    table: table.table,
    rowCount,
    ...sliceSeries(table, start, end),
    offsets: table.offsets.subarray(start, end),
    columns,
  };
}

/** The series of these rows alone: keys that a piece need not name could keep each of them over the limit. */
function sliceSeries(
  table: ShareTable,
  start: number,
  end: number,
): Pick<ShareTable, 'series' | 'seriesOfRow'> {
  const own = new Int32Array(table.series.length).fill(-1);
  const series: (Uint8Array | number)[] = [];
  const seriesOfRow = new Int32Array(end - start);
  for (let row = start; row < end; row++) {
    const one = table.seriesOfRow[row]!;
    if (own[one]! < 0) own[one] = series.push(table.series[one]!) - 1;
    seriesOfRow[row - start] = own[one]!;
  }
  return {series, seriesOfRow};
}

function lowerBound(rows: Int32Array, count: number, wanted: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
