// Bytes of a share, version 1:
//
//   u8 version, varint incarnation, varint sequence,
//   varint idempotency key bytes, UTF-8 (0: none), varint rows of all tables, varint tables, then each:
//     varint table id, varint rows,
//     varint dictionary bytes, dictionary: varint series count, then each series as
//       varint 2 * id + 1, or varint 2 * key bytes and the key
//     varint body bytes, body: seriesOfRow, offsets, varint columns, then each:
//       varint column id, u8 type (+ 8 if every row has a value), varint count, [rows], values
//
// seriesOfRow, offsets, rows and values are encoded columns. The dictionary stands apart from the
// body so that the leader can put ids for keys and copy the body as it is.

import {assert, type ColumnId, FatalError, type TableId} from '@flotilla/base';
import {ByteReader} from '../bytes/byte-reader.ts';
import {ByteWriter} from '../bytes/byte-writer.ts';
import type {ColumnArena} from '../codecs/column-arena.ts';
import {decodeColumn, encodeColumn} from '../codecs/column-codec.ts';
import {decodeNumbers, encodeNumbers} from '../codecs/numbers.ts';
import {scratchFloat64} from '../codecs/scratch.ts';
import type {FieldType} from '../column-values.ts';
import type {Share, ShareColumn, ShareHeader, ShareTable} from './share.ts';

const VERSION = 1;
const TYPES: readonly FieldType[] = ['float', 'integer', 'unsigned', 'boolean', 'string'];
const EVERY_ROW = 8;

/** More rows than a body of 64 MiB can hold lines of four bytes; a larger count is damage. */
const ROWS_MAX = 2 ** 24;
/**
 * A value takes four bytes of a line, too. Of all columns: a constant one takes memory by the row, and few bytes.
 * A body of more is refused before it becomes shares: no replica could apply them.
 */
export const SHARE_VALUES_MAX = 2 ** 24;
const SERIES_ID_MAX = 2 ** 50;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', {ignoreBOM: true});
/** One call at a time uses it; what leaves is a copy. */
const writer = new ByteWriter(64 * 1024);

export function encodeShare(share: Share): Uint8Array {
  writer.clear();
  writer.u8(VERSION);
  writer.varint(share.router.incarnation);
  writer.varint(share.router.sequence);
  const key = encoder.encode(share.idempotencyKey ?? '');
  writer.varint(key.length);
  writer.bytes(key);
  writer.varint(share.tables.reduce((sum, table) => sum + table.rowCount, 0));
  writer.varint(share.tables.length);
  for (const table of share.tables) writeTable(table);
  return writer.copy();
}

/**
 * Strings may be views of `bytes`; with an arena arrays are its, until it is cleared. Throws FatalError on
 * damage.
 */
export function decodeShare(bytes: Uint8Array, arena?: ColumnArena): Share {
  const reader = new ByteReader(bytes);
  const header = readHeader(reader);
  const tableCount = reader.count(bytes.length);
  const tables: ShareTable[] = [];
  const left = {rows: header.rowCount, values: SHARE_VALUES_MAX};
  for (let i = 0; i < tableCount; i++) tables.push(readTable(reader, left, arena));
  if (reader.remaining > 0 || left.rows > 0) {
    const rowCount = header.rowCount - left.rows;
    throw new FatalError(
      `cannot decode share: want ${header.rowCount} rows; have ${rowCount}, ${reader.remaining} bytes left`,
    );
  }
  const {incarnation, sequence, idempotencyKey} = header;
  return {router: {incarnation, sequence}, idempotencyKey, tables};
}

/** Reads the first few bytes only. */
export function shareHeader(bytes: Uint8Array): ShareHeader {
  return readHeader(new ByteReader(bytes));
}

/**
 * The same share with ids for the keys that `seriesId` knows. The same bytes if it knows none.
 * Throws FatalError on damage outside the bodies, which are not looked at.
 */
export function replaceSeriesKeys(
  bytes: Uint8Array,
  seriesId: (table: TableId, key: Uint8Array) => number | undefined,
): Uint8Array {
  const reader = new ByteReader(bytes);
  readHeader(reader);
  const tableCount = reader.count(bytes.length);
  writer.clear();
  writer.bytes(bytes.subarray(0, reader.position));
  let replaced = 0;
  for (let i = 0; i < tableCount; i++) {
    const table = reader.varint() as TableId;
    writer.varint(table);
    writer.varint(reader.varint());
    const series = readDictionary(reader);
    for (let j = 0; j < series.length; j++) {
      const key = series[j]!;
      const id = typeof key === 'number' ? undefined : seriesId(table, key);
      if (id === undefined) continue;
      series[j] = id;
      replaced++;
    }
    writeDictionary(series);
    const bodyBytes = reader.count(reader.remaining);
    writer.varint(bodyBytes);
    writer.bytes(reader.view(bodyBytes));
  }
  return replaced === 0 ? bytes : writer.copy();
}

function readHeader(reader: ByteReader): ShareHeader {
  const version = reader.u8();
  if (version !== VERSION) {
    throw new FatalError(`cannot decode share: want version ${VERSION}; have ${version}`);
  }
  const incarnation = reader.varint();
  const sequence = reader.varint();
  const keyBytes = reader.view(reader.varint());
  const idempotencyKey = keyBytes.length === 0 ? undefined : decoder.decode(keyBytes);
  return {incarnation, sequence, idempotencyKey, rowCount: reader.count(ROWS_MAX)};
}

function writeTable(table: ShareTable): void {
  writer.varint(table.table);
  writer.varint(table.rowCount);
  writeDictionary(table.series);
  // The length of what follows is known at its end: room for the longest is closed up by a move.
  const start = writer.position;
  writeInt32(table.seriesOfRow, table.rowCount);
  encodeNumbers(table.offsets, table.rowCount, writer);
  writer.varint(table.columns.length);
  for (const column of table.columns) writeColumn(column, table.rowCount);
  insertLength(start);
}

/** Puts the length of what was written since `start` before it. */
function insertLength(start: number): void {
  const end = writer.position;
  writer.varint(end - start);
  const head = writer.position - end;
  const length = writer.buffer.slice(end, end + head);
  writer.buffer.copyWithin(start + head, start, end);
  writer.buffer.set(length, start);
}

/** What the rest of a share may hold. */
interface Left {
  rows: number;
  values: number;
}

function readTable(reader: ByteReader, left: Left, arena: ColumnArena | undefined): ShareTable {
  const table = reader.varint() as TableId;
  const rowCount = reader.count(left.rows);
  left.rows -= rowCount;
  const series = readDictionary(reader);
  const bodyBytes = reader.count(reader.remaining);
  const end = reader.position + bodyBytes;
  const seriesOfRow = readInt32(reader, rowCount, series.length, arena);
  const offsets = arena?.numbers(rowCount) ?? new Float64Array(rowCount);
  decodeNumbers(reader, rowCount, offsets);
  const columnCount = reader.count(bodyBytes);
  const columns: ShareColumn[] = [];
  for (let i = 0; i < columnCount; i++) columns.push(readColumn(reader, rowCount, left, arena));
  if (reader.position !== end) {
    throw new FatalError(`cannot decode share: body ends at ${reader.position}; want ${end}`);
  }
  return {table, rowCount, series, seriesOfRow, offsets, columns};
}

function writeDictionary(series: readonly (Uint8Array | number)[]): void {
  const start = writer.position;
  writer.varint(series.length);
  for (const entry of series) {
    if (typeof entry === 'number') {
      writer.varint(entry * 2 + 1);
    } else {
      writer.varint(entry.length * 2);
      writer.bytes(entry);
    }
  }
  insertLength(start);
}

function readDictionary(reader: ByteReader): (Uint8Array | number)[] {
  const length = reader.count(reader.remaining);
  const end = reader.position + length;
  const count = reader.count(length);
  const series: (Uint8Array | number)[] = [];
  for (let i = 0; i < count; i++) {
    const tag = reader.count(SERIES_ID_MAX);
    series.push(tag % 2 === 1 ? (tag - 1) / 2 : reader.view(tag / 2));
  }
  if (reader.position !== end) {
    throw new FatalError(`cannot decode share: dictionary ends at ${reader.position}; want ${end}`);
  }
  return series;
}

function writeColumn(column: ShareColumn, rowCount: number): void {
  const {rows, count, values} = column;
  assert(rows !== undefined || count === rowCount, 'a column without rows has a value in each');
  writer.varint(column.column);
  writer.u8(TYPES.indexOf(values.type) + (rows === undefined ? EVERY_ROW : 0));
  writer.varint(count);
  if (rows !== undefined) writeInt32(rows, count);
  encodeColumn(values, count, writer);
}

function readColumn(
  reader: ByteReader,
  rowCount: number,
  left: Left,
  arena: ColumnArena | undefined,
): ShareColumn {
  const column = reader.varint() as ColumnId;
  const tag = reader.u8();
  const type = TYPES[tag & 7];
  const count = reader.count(Math.min(rowCount, left.values));
  left.values -= count;
  const everyRow = (tag & EVERY_ROW) !== 0;
  if (type === undefined || tag > 15 || (everyRow && count !== rowCount)) {
    throw new FatalError(`cannot decode share column: type ${tag}, ${count} of ${rowCount} rows`);
  }
  const rows = everyRow ? undefined : readRows(reader, count, rowCount, arena);
  return {column, count, rows, values: decodeColumn(reader, type, count, arena)};
}

function writeInt32(values: Int32Array, count: number): void {
  const numbers = scratchFloat64('rows', count);
  for (let i = 0; i < count; i++) numbers[i] = values[i]!;
  encodeNumbers(numbers, count, writer);
}

/** Integers in 0 .. limit - 1. */
function readInt32(
  reader: ByteReader,
  count: number,
  limit: number,
  arena: ColumnArena | undefined,
): Int32Array {
  const numbers = scratchFloat64('rows', count);
  decodeNumbers(reader, count, numbers);
  const values = arena?.indexes(count) ?? new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const value = numbers[i]!;
    values[i] = value;
    if (!(value >= 0 && value < limit && values[i] === value)) {
      throw new FatalError(`cannot decode share: index ${value} of ${limit}`);
    }
  }
  return values;
}

function readRows(
  reader: ByteReader,
  count: number,
  rowCount: number,
  arena: ColumnArena | undefined,
): Int32Array {
  const rows = readInt32(reader, count, rowCount, arena);
  for (let i = 1; i < count; i++) {
    if (rows[i]! <= rows[i - 1]!) throw new FatalError('cannot decode share: rows not ascending');
  }
  return rows;
}
