// Dense columns made by picking values out of one or two others: two sources of the same rows into one,
// or those values of a column that are there. The same loop serves all numeric types.

import type {ChunkColumn, ColumnValues} from '@flotilla/column';

/** In a pick: the row has no value. Other negative numbers are ~row of the older source. */
export const ABSENT = -0x80000000;

/**
 * Picks by row: `pick[i] >= 0` is a row of `newer`, `ABSENT` nothing, else `~pick[i]` one of `older`.
 * @param absentCount how many of the picks are ABSENT
 * @returns undefined when no row has a value
 */
export function gatherColumn(
  newer: ColumnValues,
  older: ColumnValues,
  pick: Int32Array,
  count: number,
  absentCount: number,
): ChunkColumn | undefined {
  if (absentCount === count) return undefined;
  const values = gatherValues(newer, older, pick, count);
  return absentCount === 0 ? {values} : {values, present: presence(pick, count)};
}

/** A 1 for each pick of a value. */
export function presence(pick: Int32Array, count: number): Uint8Array {
  const present = new Uint8Array(count);
  for (let i = 0; i < count; i++) present[i] = pick[i] === ABSENT ? 0 : 1;
  return present;
}

function gatherValues(
  newer: ColumnValues,
  older: ColumnValues,
  pick: Int32Array,
  count: number,
): ColumnValues {
  switch (newer.type) {
    case 'float': {
      const from = (older as typeof newer).values;
      return {type: 'float', values: gatherDoubles(newer.values, from, pick, count)};
    }
    case 'boolean':
      return {
        type: 'boolean',
        values: gatherBytes(newer.values, (older as typeof newer).values, pick, count),
      };
    case 'integer': {
      const from = older as typeof newer;
      const values = gatherDoubles(newer.values, from.values, pick, count);
      if (newer.wide === undefined && from.wide === undefined) return {type: 'integer', values};
      const wide = new BigInt64Array(count);
      gatherWide(wide, newer, from, pick, count);
      return {type: 'integer', values, wide};
    }
    case 'unsigned': {
      const from = older as typeof newer;
      const values = gatherDoubles(newer.values, from.values, pick, count);
      if (newer.wide === undefined && from.wide === undefined) return {type: 'unsigned', values};
      const wide = new BigUint64Array(count);
      gatherWide(wide, newer, from, pick, count);
      return {type: 'unsigned', values, wide};
    }
    case 'string':
      return gatherStrings(newer, older as typeof newer, pick, count);
  }
}

function gatherDoubles(
  newer: Float64Array,
  older: Float64Array,
  pick: Int32Array,
  count: number,
): Float64Array {
  const out = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const row = pick[i]!;
    if (row >= 0) out[i] = newer[row]!;
    else if (row !== ABSENT) out[i] = older[~row]!;
  }
  return out;
}

function gatherBytes(
  newer: Uint8Array,
  older: Uint8Array,
  pick: Int32Array,
  count: number,
): Uint8Array {
  const out = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const row = pick[i]!;
    if (row >= 0) out[i] = newer[row]!;
    else if (row !== ABSENT) out[i] = older[~row]!;
  }
  return out;
}

interface MaybeWide {
  readonly values: Float64Array;
  readonly wide?: BigInt64Array | BigUint64Array | undefined;
}

/** The slow, exact path: a bigint per row. */
function gatherWide(
  out: BigInt64Array | BigUint64Array,
  newer: MaybeWide,
  older: MaybeWide,
  pick: Int32Array,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    const row = pick[i]!;
    if (row >= 0) out[i] = wideAt(newer, row);
    else if (row !== ABSENT) out[i] = wideAt(older, ~row);
  }
}

function wideAt(column: MaybeWide, row: number): bigint {
  return column.wide === undefined ? BigInt(column.values[row]!) : column.wide[row]!;
}

type Strings = Extract<ColumnValues, {type: 'string'}>;

function gatherStrings(newer: Strings, older: Strings, pick: Int32Array, count: number): Strings {
  const ends = new Uint32Array(count);
  let total = 0;
  for (let i = 0; i < count; i++) {
    const row = pick[i]!;
    if (row >= 0) total += stringLength(newer.ends, row);
    else if (row !== ABSENT) total += stringLength(older.ends, ~row);
    ends[i] = total;
  }
  const bytes = new Uint8Array(total);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const row = pick[i]!;
    if (row === ABSENT) continue;
    const source = row >= 0 ? newer : older;
    const sourceRow = row >= 0 ? row : ~row;
    at = copyBytes(source, sourceRow, bytes, at);
  }
  return {type: 'string', ends, bytes};
}

function stringLength(ends: Uint32Array, row: number): number {
  return row === 0 ? ends[0]! : ends[row]! - ends[row - 1]!;
}

/** A plain loop: most strings are shorter than what `set` costs to set up. */
function copyBytes(source: Strings, row: number, out: Uint8Array, start: number): number {
  const {bytes} = source;
  let at = start;
  for (let i = row === 0 ? 0 : source.ends[row - 1]!; i < source.ends[row]!; i++)
    out[at++] = bytes[i]!;
  return at;
}

/** Rows [from, to) of a dense column, sharing its memory where the type allows. */
export function sliceColumn(column: ChunkColumn, from: number, to: number): ChunkColumn {
  const values = sliceValues(column.values, from, to);
  return column.present === undefined
    ? {values}
    : {values, present: column.present.subarray(from, to)};
}

function sliceValues(values: ColumnValues, from: number, to: number): ColumnValues {
  switch (values.type) {
    case 'float':
      return {type: 'float', values: values.values.subarray(from, to)};
    case 'boolean':
      return {type: 'boolean', values: values.values.subarray(from, to)};
    case 'integer':
      return {
        type: 'integer',
        values: values.values.subarray(from, to),
        wide: values.wide?.subarray(from, to),
      };
    case 'unsigned':
      return {
        type: 'unsigned',
        values: values.values.subarray(from, to),
        wide: values.wide?.subarray(from, to),
      };
    case 'string': {
      const base = from === 0 ? 0 : values.ends[from - 1]!;
      const ends = values.ends.slice(from, to);
      for (let i = 0; i < ends.length; i++) ends[i] = ends[i]! - base;
      return {type: 'string', ends, bytes: values.bytes.subarray(base)};
    }
  }
}
