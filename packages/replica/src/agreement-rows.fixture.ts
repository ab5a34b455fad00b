// Rows of any bits as a share's columns, and back as text.

import type {ColumnId, TableId} from '@flotilla/base';
import {
  type ColumnValues,
  encodeSeriesKey,
  type FieldType,
  type ShareTable,
} from '@flotilla/column';

export const TABLES = [1, 2] as TableId[];
export const TYPES: readonly FieldType[] = ['float', 'integer', 'unsigned', 'boolean', 'string'];
export const FIELDS = TYPES.map((type, i) => ({column: (10 + i) as ColumnId, type}));

export interface Row {
  readonly table: number;
  readonly host: number;
  readonly offset: number;
  /** By field; undefined: not written. 64 bits of any kind. */
  readonly bits: readonly (bigint | undefined)[];
}

const FLOATS = new Float64Array(1);
const FLOAT_BITS = new BigUint64Array(FLOATS.buffer);

function valuesOf(type: FieldType, bits: readonly bigint[]): ColumnValues {
  switch (type) {
    case 'float':
      return {type, values: new Float64Array(BigUint64Array.from(bits).buffer)};
    case 'integer': {
      const wide = BigInt64Array.from(bits, (each) => BigInt.asIntN(64, each));
      const values = Float64Array.from(wide, Number);
      return values.every(Number.isSafeInteger) ? {type, values} : {type, values, wide};
    }
    case 'unsigned': {
      const wide = BigUint64Array.from(bits);
      const values = Float64Array.from(wide, Number);
      return values.every(Number.isSafeInteger) ? {type, values} : {type, values, wide};
    }
    case 'boolean':
      return {type, values: Uint8Array.from(bits, (each) => Number(each & 1n))};
    case 'string': {
      const texts = bits.map((each) => Buffer.from(each.toString(36)));
      let end = 0;
      const ends = Uint32Array.from(texts, (text) => (end += text.length));
      return {type, ends, bytes: new Uint8Array(Buffer.concat(texts))};
    }
  }
}

export function textAt(values: ColumnValues, row: number): string {
  switch (values.type) {
    case 'float':
      FLOATS[0] = values.values[row]!;
      return `f${FLOAT_BITS[0]!.toString(16)}`;
    case 'boolean':
      return values.values[row] === 1 ? 'true' : 'false';
    case 'string': {
      const start = row === 0 ? 0 : values.ends[row - 1]!;
      return `"${Buffer.from(values.bytes.subarray(start, values.ends[row])).toString()}"`;
    }
    default:
      return String(values.wide?.[row] ?? values.values[row]);
  }
}

export function tableOf(table: number, rows: readonly Row[]): ShareTable {
  const hosts = [...new Set(rows.map(({host}) => host))];
  const columns = FIELDS.flatMap(({column, type}, field) => {
    const at = rows.flatMap(({bits}, row) => (bits[field] === undefined ? [] : [row]));
    if (at.length === 0) return [];
    const values = valuesOf(
      type,
      at.map((row) => rows[row]!.bits[field]!),
    );
    const isFull = at.length === rows.length;
    return [{column, count: at.length, rows: isFull ? undefined : Int32Array.from(at), values}];
  });
  return {
    table: table as TableId,
    rowCount: rows.length,
    series: hosts.map((host) =>
      encodeSeriesKey(table as TableId, [{column: 1 as ColumnId, value: `h${host}`}]),
    ),
    seriesOfRow: Int32Array.from(rows, ({host}) => hosts.indexOf(host)),
    offsets: Float64Array.from(rows, ({offset}) => offset),
    columns,
  };
}
