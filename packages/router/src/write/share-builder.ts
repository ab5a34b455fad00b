// Gathers the rows of each replica set into one share: per table its series once, and its columns
// with the rows that are the set's own. Typed arrays throughout; a body of one set is not copied.

import type {ReplicaSetId} from '@flotilla/base';
import type {ColumnValues, ParsedField, ShareTable} from '@flotilla/column';
import type {PlacedTable, Placement} from './row-targets.ts';

/** Rows of one replica set, in the order of their lines per table. */
export interface SetShare {
  readonly set: ReplicaSetId;
  readonly tables: readonly ShareTable[];
  readonly rowCount: number;
}

/** One share a set that has rows, in the order of `placement.sets`. */
export function buildShares(placement: Placement): SetShare[] {
  const tables: ShareTable[][] = placement.sets.map(() => []);
  for (const placed of placement.tables) {
    const rowsBySet = groupRows(placed.setOfRow, placement.sets.length);
    for (const [index, rows] of rowsBySet.entries()) {
      if (rows.length > 0) tables[index]!.push(gatherTable(placed, rows));
    }
  }
  return placement.sets.flatMap((set, index) => {
    const mine = tables[index]!;
    const rowCount = mine.reduce((sum, table) => sum + table.rowCount, 0);
    return rowCount === 0 ? [] : [{set, tables: mine, rowCount}];
  });
}

/** Halves a share in line order, table by table. Requires at least two rows. */
export function halveShare(share: SetShare): [SetShare, SetShare] {
  const half = Math.ceil(share.rowCount / 2);
  const first: ShareTable[] = [];
  const second: ShareTable[] = [];
  let room = half;
  for (const table of share.tables) {
    const taken = Math.min(room, table.rowCount);
    if (taken > 0) first.push(sliceTable(table, 0, taken));
    if (taken < table.rowCount) second.push(sliceTable(table, taken, table.rowCount));
    room -= taken;
  }
  return [
    {set: share.set, tables: first, rowCount: half},
    {set: share.set, tables: second, rowCount: share.rowCount - half},
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

type GatheredColumn = Omit<ShareTable['columns'][number], 'column'>;

/** The values of `rows` (ascending), or undefined where none of them has one. */
function gatherField(
  field: ParsedField,
  rowCount: number,
  rows: Int32Array,
): GatheredColumn | undefined {
  if (field.count === rowCount) {
    const values = rows.length === rowCount ? field.values : pick(field.values, rows, rows.length);
    return {count: rows.length, rows: undefined, values};
  }
  const positions = new Int32Array(Math.min(field.count, rows.length));
  const ownRows = new Int32Array(positions.length);
  let count = 0;
  let at = 0;
  for (let i = 0; i < rows.length && at < field.count; i++) {
    while (at < field.count && field.rows[at]! < rows[i]!) at++;
    if (at >= field.count || field.rows[at] !== rows[i]) continue;
    ownRows[count] = i;
    positions[count++] = at;
  }
  if (count === 0) return undefined;
  const full = count === rows.length;
  return {
    count,
    rows: full ? undefined : ownRows.subarray(0, count),
    values: pick(field.values, positions, count),
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
    series: table.series,
    seriesOfRow: table.seriesOfRow.subarray(start, end),
    offsets: table.offsets.subarray(start, end),
    columns,
  };
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

/** The values at `positions`, in that order. */
function pick(values: ColumnValues, positions: Int32Array, count: number): ColumnValues {
  switch (values.type) {
    case 'float':
      return {type: 'float', values: pickDoubles(values.values, positions, count)};
    case 'integer':
    case 'unsigned':
      return pickIntegers(values, positions, count);
    case 'boolean': {
      const picked = new Uint8Array(count);
      for (let i = 0; i < count; i++) picked[i] = values.values[positions[i]!]!;
      return {type: 'boolean', values: picked};
    }
    case 'string':
      return pickStrings(values, positions, count);
    default:
      return values satisfies never;
  }
}

function pickDoubles(values: Float64Array, positions: Int32Array, count: number): Float64Array {
  const picked = new Float64Array(count);
  for (let i = 0; i < count; i++) picked[i] = values[positions[i]!]!;
  return picked;
}

function pickIntegers(
  values: Extract<ColumnValues, {type: 'integer' | 'unsigned'}>,
  positions: Int32Array,
  count: number,
): ColumnValues {
  const picked = pickDoubles(values.values, positions, count);
  if (values.wide === undefined) return {type: values.type, values: picked};
  if (values.type === 'integer') {
    const wide = new BigInt64Array(count);
    for (let i = 0; i < count; i++) wide[i] = values.wide[positions[i]!]!;
    return {type: 'integer', values: picked, wide};
  }
  const wide = new BigUint64Array(count);
  for (let i = 0; i < count; i++) wide[i] = values.wide[positions[i]!]!;
  return {type: 'unsigned', values: picked, wide};
}

function pickStrings(
  values: Extract<ColumnValues, {type: 'string'}>,
  positions: Int32Array,
  count: number,
): ColumnValues {
  const ends = new Uint32Array(count);
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    const at = positions[i]!;
    bytes += values.ends[at]! - (at === 0 ? 0 : values.ends[at - 1]!);
    ends[i] = bytes;
  }
  const picked = new Uint8Array(bytes);
  let cursor = 0;
  for (let i = 0; i < count; i++) {
    const at = positions[i]!;
    const start = at === 0 ? 0 : values.ends[at - 1]!;
    picked.set(values.bytes.subarray(start, values.ends[at]!), cursor);
    cursor += values.ends[at]! - start;
  }
  return {type: 'string', ends, bytes: picked};
}
