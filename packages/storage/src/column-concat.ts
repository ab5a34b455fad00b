// One column of rows that follow each other, out of its pieces: each is copied whole, which costs a
// sixth of picking value by value, as sources that meet are merged.

import type {ChunkColumn, ColumnValues, FieldType} from '@flotilla/column';

/** Rows [from, to) of a column, which is undefined where none of its rows has a value. */
export interface ColumnPiece {
  readonly column: ChunkColumn | undefined;
  readonly from: number;
  readonly to: number;
}

const SET_ROWS_MIN = 64;

/** All pieces as one column, undefined if no row has a value. The arrays are new. */
export function concatColumns(pieces: readonly ColumnPiece[]): ChunkColumn | undefined {
  const type = pieces.find(({column}) => column !== undefined)?.column?.values.type;
  if (type === undefined) return undefined;
  const values = concatValues(type, pieces);
  return pieces.every(isDense) ? {values} : {values, present: concatPresence(pieces)};
}

function isDense({column}: ColumnPiece): boolean {
  return column !== undefined && column.present === undefined;
}

function concatPresence(pieces: readonly ColumnPiece[]): Uint8Array {
  const present = new Uint8Array(countRows(pieces));
  let at = 0;
  for (const piece of pieces) {
    const {column, from, to} = piece;
    if (column?.present !== undefined) copyRows(column.present, piece, present, at);
    else if (column !== undefined) present.fill(1, at, at + to - from);
    at += to - from;
  }
  return present;
}

function countRows(pieces: readonly ColumnPiece[]): number {
  return pieces.reduce((sum, {from, to}) => sum + to - from, 0);
}

type Of<Type extends FieldType> = Extract<ColumnValues, {type: Type}>;

function concatValues(type: FieldType, pieces: readonly ColumnPiece[]): ColumnValues {
  switch (type) {
    case 'float':
      return {type, values: concatDoubles(pieces)};
    case 'integer': {
      const values = concatDoubles(pieces);
      return hasWide(pieces)
        ? {type, values, wide: concatWide(new BigInt64Array(values.length), pieces)}
        : {type, values};
    }
    case 'unsigned': {
      const values = concatDoubles(pieces);
      return hasWide(pieces)
        ? {type, values, wide: concatWide(new BigUint64Array(values.length), pieces)}
        : {type, values};
    }
    case 'boolean':
      return {type, values: concatFlags(pieces)};
    case 'string':
      return concatStrings(pieces);
  }
}

function concatDoubles(pieces: readonly ColumnPiece[]): Float64Array {
  const out = new Float64Array(countRows(pieces));
  let at = 0;
  for (const piece of pieces) {
    const {column, from, to} = piece;
    if (column !== undefined) copyRows((column.values as Of<'float'>).values, piece, out, at);
    at += to - from;
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

function concatFlags(pieces: readonly ColumnPiece[]): Uint8Array {
  const out = new Uint8Array(countRows(pieces));
  let at = 0;
  for (const piece of pieces) {
    const {column, from, to} = piece;
    if (column !== undefined) copyRows((column.values as Of<'boolean'>).values, piece, out, at);
    at += to - from;
  }
  return out;
}

function hasWide(pieces: readonly ColumnPiece[]): boolean {
  return pieces.some(({column}) => (column?.values as Of<'integer'>)?.wide !== undefined);
}

/** The slow, exact path: a bigint per row of pieces that are narrow. */
function concatWide<Wide extends BigInt64Array | BigUint64Array>(
  out: Wide,
  pieces: readonly ColumnPiece[],
): Wide {
  let at = 0;
  for (const {column, from, to} of pieces) {
    const {values, wide} = (column?.values ?? {}) as Partial<Of<'integer'>>;
    for (let row = from; row < to && values !== undefined; row++)
      out[at + row - from] = wide === undefined ? BigInt(values[row]!) : wide[row]!;
    at += to - from;
  }
  return out;
}

function concatStrings(pieces: readonly ColumnPiece[]): ColumnValues {
  const ends = new Uint32Array(countRows(pieces));
  const texts = pieces.map(({column, from, to}) => {
    if (column === undefined || from === to) return new Uint8Array(0);
    const {ends: own, bytes} = column.values as Of<'string'>;
    return bytes.subarray(beginOf(own, from), own[to - 1]!);
  });
  const bytes = new Uint8Array(texts.reduce((sum, {length}) => sum + length, 0));
  let at = 0;
  let base = 0;
  pieces.forEach(({column, from, to}, piece) => {
    const own = (column?.values as Of<'string'> | undefined)?.ends;
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
