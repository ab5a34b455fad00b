// The one shape of a run of values of one column, from the parser to the log, the memtable, the
// parts and the query: typed arrays, no object per value.

/** Type of a field. Tags are strings and live in series keys, not in columns. */
export type FieldType = 'float' | 'integer' | 'unsigned' | 'boolean' | 'string';

export interface FloatValues {
  readonly type: 'float';
  readonly values: Float64Array;
}

/**
 * Integers as doubles while each is inside ±2^53. `wide` stands beside them as soon as one value of
 * the run is not: then `wide` is exact for every row, and `values` holds the nearest doubles.
 */
export interface IntegerValues {
  readonly type: 'integer';
  readonly values: Float64Array;
  readonly wide?: BigInt64Array | undefined;
}

/** As IntegerValues, for u64. */
export interface UnsignedValues {
  readonly type: 'unsigned';
  readonly values: Float64Array;
  readonly wide?: BigUint64Array | undefined;
}

/** One byte a row, 0 or 1. */
export interface BooleanValues {
  readonly type: 'boolean';
  readonly values: Uint8Array;
}

/** UTF-8 text; value i is bytes[ends[i - 1] (0 for the first) .. ends[i]). */
export interface StringValues {
  readonly type: 'string';
  readonly ends: Uint32Array;
  readonly bytes: Uint8Array;
}

/** Arrays may be longer than the run; whoever holds a run knows its row count. */
export type ColumnValues =
  | FloatValues
  | IntegerValues
  | UnsignedValues
  | BooleanValues
  | StringValues;
