// Chosen values of a column, copied out in their order. Typed arrays throughout; one loop per type.

import type {ColumnValues, ParsedField} from '@flotilla/column';

export interface GatheredValues {
  readonly count: number;
  /** Position among the chosen rows of each value, ascending; undefined: value i belongs to row i. */
  readonly rows: Int32Array | undefined;
  readonly values: ColumnValues;
}

/** The values of `rows` (ascending), or undefined where none of them has one. */
export function gatherField(
  field: ParsedField,
  rowCount: number,
  rows: Int32Array,
): GatheredValues | undefined {
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

/** The values at `positions`, in that order. */
export function pick(values: ColumnValues, positions: Int32Array, count: number): ColumnValues {
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
