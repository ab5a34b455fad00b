// Rows of one table as columns, the body of POST /api/v1/write/columns: what is read from parts goes to a node
// without becoming text, and nothing in it has to be parsed. Version 1, little-endian:
//
//   u8 version, u8 precision (0 ns, 1 us, 2 ms)
//   text table
//   varint tags, then each: text name                               ascending by bytes
//   varint rows, varint series, then each: for each tag text value  empty: the series has not that tag
//   signed varint start                                             milliseconds since the epoch
//   rows x i32 series, rows x f64 offset                            units of the precision since the start
//   varint fields, then each:
//     text name, u8 type (+ 8: every row has a value, + 16: 64 bits), varint count
//     count x i32 row                                               ascending; none where every row has a value
//     values: count x f64 of floats, and of integers within 2^53; count x 8 bytes of 64-bit integers;
//       count x u8 of booleans; of strings count x u32 end, and their bytes
//
//   text: varint bytes, UTF-8. Types: 0 float, 1 integer, 2 unsigned, 3 boolean, 4 string.
//
// No encoding makes anything shorter: a body bounds what it takes in memory, whoever wrote it.

import {LIMITS} from '@flotilla/base';
import type {FieldType} from '@flotilla/column';

export const COLUMN_BODY_VERSION = 1;

/** In the order of their numbers. */
export const COLUMN_PRECISIONS = ['ns', 'us', 'ms'] as const;
export type ColumnPrecision = (typeof COLUMN_PRECISIONS)[number];
export const UNITS_PER_MS: Readonly<Record<ColumnPrecision, number>> = {ns: 1e6, us: 1e3, ms: 1};

/** In the order of their numbers. */
export const COLUMN_TYPES: readonly FieldType[] = [
  'float',
  'integer',
  'unsigned',
  'boolean',
  'string',
];
/** Some 20,000 rows of ten fields: a fraction of a second of a node's time, of which a write has four. */
export const COLUMN_BODY_BYTES = 2 * 1024 * 1024;
/** Either way of 1970: what is in a backup came as lines, mostly, and these take as much. */
export const COLUMN_TIME_NS_MAX = 9_223_372_036_854_775_806n;
/** A series, or one string: a statement may have said it, and no line or statement is longer. */
export const COLUMN_TEXT_BYTES_MAX = LIMITS.sql_bytes_max.value;
/** All strings of a row, so that one row is never too much for a log entry. */
export const COLUMN_ROW_TEXT_BYTES_MAX = LIMITS.share_bytes_max.value / 2;

export const TYPE_MASK = 7;
export const EVERY_ROW = 8;
export const WIDE = 16;
