// One column of rows that follow each other, out of its pieces: each is copied whole, which costs a
// sixth of picking value by value, as sources that meet are merged.

import type {ChunkColumn, ColumnValues, FieldType} from '@flotilla/column';

/** Rows [from, to) of some. Columns are undefined where none of the rows has a value. */
export interface Piece {
  readonly rows: {readonly columns: readonly (ChunkColumn | undefined)[]};
  readonly from: number;
  readonly to: number;
}

const SET_ROWS_MIN = 64;

/**
 * One column of all pieces, undefined if no row has a value. The arrays are new. Without an object for a piece and a
 * column: of a wide table these are very many, and most have no value.
 */
export function concatColumn(pieces: readonly Piece[], field: number): ChunkColumn | undefined {
  let type: FieldType | undefined;
  let isDense = true;
  for (const {rows, from, to} of pieces) {
    const column = rows.columns[field];
    if (column?.present !== undefined || column === undefined) isDense = false;
    if (type === undefined && column !== undefined && hasValue(column, from, to))
      type = column.values.type;
  }
  if (type === undefined) return undefined;
  const values = concatValues(type, pieces, field);
  return isDense ? {values} : {values, present: concatPresence(pieces, field)};
}

function hasValue({present}: ChunkColumn, from: number, to: number): boolean {
  if (present === undefined) return from < to;
  for (let row = from; row < to; row++) if (present[row] === 1) return true;
  return false;
}

function concatPresence(pieces: readonly Piece[], field: number): Uint8Array {
  const present = new Uint8Array(countRows(pieces));
  let at = 0;
  for (const piece of pieces) {
    const {rows, from, to} = piece;
    const column = rows.columns[field];
    if (column?.present !== undefined) copyRows(column.present, piece, present, at);
    else if (column !== undefined) present.fill(1, at, at + to - from);
    at += to - from;
  }
  return present;
}

function countRows(pieces: readonly Piece[]): number {
  let rows = 0;
  for (const {from, to} of pieces) rows += to - from;
  return rows;
}

type Of<Type extends FieldType> = Extract<ColumnValues, {type: Type}>;

function concatValues(type: FieldType, pieces: readonly Piece[], field: number): ColumnValues {
  switch (type) {
    case 'float':
      return {type, values: concatDoubles(pieces, field)};
    case 'integer': {
      const values = concatDoubles(pieces, field);
      return hasWide(pieces, field)
        ? {type, values, wide: concatWide(new BigInt64Array(values.length), pieces, field)}
        : {type, values};
    }
    case 'unsigned': {
      const values = concatDoubles(pieces, field);
      return hasWide(pieces, field)
        ? {type, values, wide: concatWide(new BigUint64Array(values.length), pieces, field)}
        : {type, values};
    }
    case 'boolean':
      return {type, values: concatFlags(pieces, field)};
    case 'string':
      return concatStrings(pieces, field);
  }
}

function concatDoubles(pieces: readonly Piece[], field: number): Float64Array {
  const out = new Float64Array(countRows(pieces));
  let at = 0;
  for (const piece of pieces) {
    const column = piece.rows.columns[field];
    if (column !== undefined) copyRows((column.values as Of<'float'>).values, piece, out, at);
    at += piece.to - piece.from;
  }
  return out;
}

/** Of few a plain loop takes less than what `set`, and the view for it, cost to set up. */
export function copyRows<Values extends Float64Array | Uint8Array>(
  values: Values,
  {from, to}: {readonly from: number; readonly to: number},
  out: Values,
  at: number,
): void {
  if (to - from > SET_ROWS_MIN) out.set(values.subarray(from, to), at);
  else for (let row = from; row < to; row++) out[at + row - from] = values[row]!;
}

function concatFlags(pieces: readonly Piece[], field: number): Uint8Array {
  const out = new Uint8Array(countRows(pieces));
  let at = 0;
  for (const piece of pieces) {
    const column = piece.rows.columns[field];
    if (column !== undefined) copyRows((column.values as Of<'boolean'>).values, piece, out, at);
    at += piece.to - piece.from;
  }
  return out;
}

function hasWide(pieces: readonly Piece[], field: number): boolean {
  for (const {rows} of pieces)
    if ((rows.columns[field]?.values as Of<'integer'> | undefined)?.wide !== undefined) return true;
  return false;
}

/** The slow, exact path: a bigint per row of pieces that are narrow. */
function concatWide<Wide extends BigInt64Array | BigUint64Array>(
  out: Wide,
  pieces: readonly Piece[],
  field: number,
): Wide {
  let at = 0;
  for (const {rows, from, to} of pieces) {
    const {values, wide} = (rows.columns[field]?.values ?? {}) as Partial<Of<'integer'>>;
    for (let row = from; row < to && values !== undefined; row++)
      out[at + row - from] = wide === undefined ? BigInt(values[row]!) : wide[row]!;
    at += to - from;
  }
  return out;
}

function concatStrings(pieces: readonly Piece[], field: number): ColumnValues {
  const ends = new Uint32Array(countRows(pieces));
  const texts = pieces.map(({rows, from, to}) => {
    const column = rows.columns[field];
    if (column === undefined || from === to) return new Uint8Array(0);
    const {ends: own, bytes} = column.values as Of<'string'>;
    return bytes.subarray(beginOf(own, from), own[to - 1]!);
  });
  const bytes = new Uint8Array(texts.reduce((sum, {length}) => sum + length, 0));
  let at = 0;
  let base = 0;
  pieces.forEach(({rows, from, to}, piece) => {
    const own = (rows.columns[field]?.values as Of<'string'> | undefined)?.ends;
    const before = own === undefined ? 0 : beginOf(own, from);
    for (let row = from; row < to; row++)
      ends[at + row - from] = base + (own === undefined ? 0 : own[row]! - before);
    bytes.set(texts[piece]!, base);
    at += to - from;
    base += texts[piece]!.length;
  });
  return {type: 'string', ends, bytes};
}

/** Of the text of a row. */
function beginOf(ends: Uint32Array, row: number): number {
  return row === 0 ? 0 : ends[row - 1]!;
}
