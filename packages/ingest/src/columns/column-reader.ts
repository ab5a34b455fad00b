// A body of columns (column-body.ts) to a batch, column by column so that a thread need not read all of it in one
// turn. Whatever a value or a name may not be is held against each: what comes from here goes into a log, and
// nothing behind looks at it again. A body with one fault is refused whole; ours is the only writer.

import {isUtf8} from 'node:buffer';
import {DbError, FatalError, LIMITS} from '@flotilla/base';
import {
  ByteReader,
  type ColumnValues,
  type FieldType,
  type ParsedBatch,
  type ParsedField,
  ParsedSeries,
  SHARE_VALUES_MAX,
  type StringValues,
} from '@flotilla/column';
import {isTimeInRange} from '../line-protocol/row-time.ts';
import {
  COLUMN_BODY_VERSION,
  COLUMN_PRECISIONS,
  COLUMN_ROW_TEXT_BYTES_MAX,
  COLUMN_TEXT_BYTES_MAX,
  COLUMN_TYPES,
  type ColumnPrecision,
  EVERY_ROW,
  TYPE_MASK,
  UNITS_PER_MS,
  WIDE,
} from './column-body.ts';

const EXACT_MAX = 2 ** 53;
/** Its series and its offset. */
const ROW_BYTES = 12;
/** Names are objects: some milliseconds of them. */
const SERIES_A_STEP = 1024;

const decoder = new TextDecoder('utf-8', {ignoreBOM: true});

interface Head {
  readonly precision: ColumnPrecision;
  readonly table: string;
  readonly tags: readonly string[];
  readonly rowCount: number;
  readonly series: readonly ParsedSeries[];
}

interface Rows {
  readonly rowCount: number;
  readonly seriesOfRow: Int32Array;
  readonly timesMs: Float64Array;
  readonly timesNs: Int32Array;
}

/** Reads one body. */
export class ColumnReader {
  readonly #reader: ByteReader;
  readonly #steps: Generator<undefined, ParsedBatch>;

  constructor(body: Uint8Array) {
    this.#reader = new ByteReader(body);
    this.#steps = this.#read();
  }

  /**
   * Reads on by some `bytesMax`, whole columns each time; the batch once the body is at its end. Its arrays are
   * the caller's, its strings views of the body. Throws INVALID_ARGUMENT.
   */
  readOn(bytesMax: number): ParsedBatch | undefined {
    const start = this.#reader.position;
    try {
      while (this.#reader.position - start < bytesMax) {
        const {done, value} = this.#steps.next();
        if (done === true) return value;
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      throw new DbError('INVALID_ARGUMENT', `the body is not one of columns: ${error.message}`);
    }
  }

  *#read(): Generator<undefined, ParsedBatch> {
    const reader = this.#reader;
    const head = yield* readHead(reader);
    const rows = readRows(reader, head);
    yield;
    const count = reader.count(LIMITS.columns_per_table_max.value);
    const fields: ParsedField[] = [];
    const every = everyRow(rows.rowCount);
    let valueCount = 0;
    for (let i = 0; i < count; i++) {
      const field = readField(reader, every);
      fields.push(field);
      valueCount += field.count;
      // All of them may be of one share.
      if (valueCount > SHARE_VALUES_MAX)
        throw new FatalError(`it has over ${SHARE_VALUES_MAX} values`);
      yield;
    }
    if (reader.remaining > 0)
      throw new FatalError(`${reader.remaining} bytes stand behind its end`);
    const names = [...head.tags, ...fields.map(({name}) => name)];
    if (new Set(names).size < names.length) throw new FatalError('a name stands twice');
    checkNoneEmpty(fields, rows.rowCount);
    checkNoneLong(fields, rows.rowCount);
    const lines = new Uint32Array(rows.rowCount);
    for (let row = 0; row < rows.rowCount; row++) lines[row] = row + 1;
    const table = {table: head.table, series: head.series, ...rows, lines, fields};
    return {tables: [table], rowCount: rows.rowCount, badLines: [], badLineCount: 0};
  }
}

/** Which row it is, for the list of those that a write refuses. */
export function rowTextOf({tables: [table]}: ParsedBatch): (line: number) => string {
  return (line) => {
    const row = line - 1;
    const {tagNames, tagValues} = table!.series[table!.seriesOfRow[row]!]!;
    const tags = tagNames.map((name, i) => `,${name}=${tagValues[i]}`);
    const nanoseconds = BigInt(table!.timesMs[row]!) * 1_000_000n + BigInt(table!.timesNs[row]!);
    return `${table!.table}${tags.join('')} .. ${nanoseconds}`;
  };
}

function* readHead(reader: ByteReader): Generator<undefined, Head> {
  const version = reader.u8();
  if (version !== COLUMN_BODY_VERSION) throw new FatalError(`it is of version ${version}`);
  const precision = COLUMN_PRECISIONS[reader.u8()];
  if (precision === undefined) throw new FatalError('its precision is unknown');
  const table = readName(reader);
  const tags = readTags(reader);
  const rowCount = reader.count(Math.floor(reader.remaining / ROW_BYTES));
  const seriesCount = reader.count(rowCount);
  const series: ParsedSeries[] = [];
  for (let i = 0; i < seriesCount; i++) {
    series.push(readSeries(reader, table, tags));
    if (i % SERIES_A_STEP === 0) yield;
  }
  return {precision, table, tags, rowCount, series};
}

function readTags(reader: ByteReader): string[] {
  const tags: string[] = [];
  const count = reader.count(LIMITS.columns_per_table_max.value);
  let last: Uint8Array = new Uint8Array(0);
  for (let i = 0; i < count; i++) {
    const start = reader.position;
    tags.push(readName(reader, 'time'));
    const name = reader.bytes.subarray(start, reader.position);
    if (i > 0 && compareNames(last, name) >= 0) throw new FatalError('its tags do not ascend');
    last = name;
  }
  return tags;
}

/** Both with their lengths before them. */
function compareNames(a: Uint8Array, b: Uint8Array): number {
  const [textA, textB] = [a, b].map((bytes) => {
    const reader = new ByteReader(bytes);
    return reader.view(reader.varint());
  });
  return Buffer.compare(textA!, textB!);
}

function readSeries(reader: ByteReader, table: string, tags: readonly string[]): ParsedSeries {
  const start = reader.position;
  const names: string[] = [];
  const values: string[] = [];
  for (const tag of tags) {
    const value = readText(reader);
    if (value === '') continue;
    names.push(tag);
    values.push(value);
  }
  if (reader.position - start > COLUMN_TEXT_BYTES_MAX)
    throw new FatalError(`a series is over ${COLUMN_TEXT_BYTES_MAX} bytes`);
  return new ParsedSeries(table, names, values);
}

/** Of a table, or of a column, which `time` is not. */
function readName(reader: ByteReader, reserved?: 'time'): string {
  const start = reader.position;
  const name = readText(reader);
  if (reader.position - start > LIMITS.name_bytes_max.value + 2)
    throw new FatalError(`a name is over ${LIMITS.name_bytes_max.value} bytes`);
  if (name === '' || name === reserved || name.includes('\0'))
    throw new FatalError(`${JSON.stringify(name)} is no name`);
  return name;
}

function readText(reader: ByteReader): string {
  const bytes = reader.view(reader.varint());
  if (!isUtf8(bytes)) throw new FatalError('a text is not UTF-8');
  return decoder.decode(bytes);
}

function readRows(reader: ByteReader, {precision, rowCount, series}: Head): Rows {
  const startMs = reader.signedVarint();
  const seriesOfRow = new Int32Array(claim(reader, rowCount, ROW_BYTES));
  copyInto(seriesOfRow, reader);
  for (let row = 0; row < rowCount; row++) {
    const one = seriesOfRow[row]!;
    if (one < 0 || one >= series.length) throw new FatalError(`row ${row + 1} is of no series`);
  }
  const offsets = new Float64Array(rowCount);
  copyInto(offsets, reader);
  return {rowCount, seriesOfRow, ...timesOf(offsets, startMs, UNITS_PER_MS[precision])};
}

function timesOf(
  offsets: Float64Array,
  startMs: number,
  unitsPerMs: number,
): {timesMs: Float64Array; timesNs: Int32Array} {
  const rowCount = offsets.length;
  const nsPerUnit = 1e6 / unitsPerMs;
  const timesMs = new Float64Array(rowCount);
  const timesNs = new Int32Array(rowCount);
  for (let row = 0; row < rowCount; row++) {
    const offset = offsets[row]!;
    if (!(offset >= 0 && offset < EXACT_MAX && Math.floor(offset) === offset))
      throw new FatalError(`the time of row ${row + 1} is no offset`);
    // Exact: of an integer below 2^53 no quotient is rounded up to the next one.
    const ms = Math.floor(offset / unitsPerMs);
    const timeMs = startMs + ms;
    const timeNs = (offset - ms * unitsPerMs) * nsPerUnit;
    if (!isTimeInRange(timeMs, timeNs))
      throw new FatalError(`the time of row ${row + 1} is out of range`);
    timesMs[row] = timeMs;
    timesNs[row] = timeNs;
  }
  return {timesMs, timesNs};
}

/** @param every  all rows of the table */
function readField(reader: ByteReader, every: Int32Array): ParsedField {
  const name = readName(reader, 'time');
  const tag = reader.u8();
  const type = COLUMN_TYPES[tag & TYPE_MASK];
  const count = reader.count(every.length);
  const isEvery = (tag & EVERY_ROW) !== 0;
  const isWide = (tag & WIDE) !== 0;
  const isKnown = type !== undefined && tag < 2 * WIDE;
  if (!isKnown || (isEvery && count !== every.length) || count === 0)
    throw new FatalError(`its column of type ${tag} has ${count} of ${every.length} rows`);
  const rows = isEvery ? every : readRowNumbers(reader, count, every.length);
  return {name, count, rows, values: readValues(reader, type, count, isWide)};
}

function readRowNumbers(reader: ByteReader, count: number, rowCount: number): Int32Array {
  const rows = new Int32Array(claim(reader, count, 4));
  copyInto(rows, reader);
  let last = -1;
  for (let i = 0; i < count; i++) {
    const row = rows[i]!;
    if (row <= last || row >= rowCount) throw new FatalError('rows of a column do not ascend');
    last = row;
  }
  return rows;
}

function readValues(
  reader: ByteReader,
  type: FieldType,
  count: number,
  isWide: boolean,
): ColumnValues {
  if (isWide) return readWide(reader, type, count);
  switch (type) {
    case 'boolean':
      return {type, values: readFlags(reader, count)};
    case 'string':
      return readStrings(reader, count);
    default: {
      const values = new Float64Array(claim(reader, count, 8));
      copyInto(values, reader);
      if (type !== 'float') checkIntegers(values, type === 'integer' ? -EXACT_MAX : -1);
      return {type, values};
    }
  }
}

function readWide(reader: ByteReader, type: FieldType, count: number): ColumnValues {
  if (type !== 'integer' && type !== 'unsigned')
    throw new FatalError(`a column of ${type} is said to have 64 bits`);
  const wide =
    type === 'integer'
      ? new BigInt64Array(claim(reader, count, 8))
      : new BigUint64Array(claim(reader, count, 8));
  copyInto(wide, reader);
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = Number(wide[i]);
  return wide instanceof BigInt64Array
    ? {type: 'integer', values, wide}
    : {type: 'unsigned', values, wide};
}

/** Integers in (least, 2^53). */
function checkIntegers(values: Float64Array, least: number): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!(value > least && value < EXACT_MAX && Math.floor(value) === value))
      throw new FatalError(`${value} is no integer of its column`);
    // Of zeros integers have one.
    values[i] = value + 0;
  }
}

function readFlags(reader: ByteReader, count: number): Uint8Array {
  const flags = reader.view(count);
  for (let i = 0; i < count; i++)
    if (flags[i]! > 1) throw new FatalError(`${flags[i]} is no boolean`);
  return flags;
}

function readStrings(reader: ByteReader, count: number): ColumnValues {
  const ends = new Uint32Array(claim(reader, count, 4));
  copyInto(ends, reader);
  const bytes = reader.view(ends[count - 1]!);
  if (!isUtf8(bytes)) throw new FatalError('a string is not UTF-8');
  let start = 0;
  for (let i = 0; i < count; i++) {
    const end = ends[i]!;
    if (end < start || end - start > COLUMN_TEXT_BYTES_MAX || end > bytes.length)
      throw new FatalError(`a string does not end between 0 and ${COLUMN_TEXT_BYTES_MAX} bytes`);
    // Of valid bytes each piece is valid that does not begin within a character.
    if (end < bytes.length && (bytes[end]! & 0xc0) === 0x80)
      throw new FatalError('a string ends within a character');
    start = end;
  }
  return {type: 'string', ends, bytes};
}

/** A row without a value would be one that no line can say, and no query knows. */
function checkNoneEmpty(fields: readonly ParsedField[], rowCount: number): void {
  if (rowCount === 0 || fields.some(({count}) => count === rowCount)) return;
  const has = new Uint8Array(rowCount);
  for (const {rows, count} of fields) for (let i = 0; i < count; i++) has[rows[i]!] = 1;
  const empty = has.indexOf(0);
  if (empty >= 0) throw new FatalError(`row ${empty + 1} has no value`);
}

function checkNoneLong(fields: readonly ParsedField[], rowCount: number): void {
  const texts = fields.filter(({values}) => values.type === 'string');
  if (texts.length * COLUMN_TEXT_BYTES_MAX <= COLUMN_ROW_TEXT_BYTES_MAX) return;
  const bytes = new Float64Array(rowCount);
  for (const {rows, count, values} of texts) {
    const {ends} = values as StringValues;
    for (let i = 0; i < count; i++) bytes[rows[i]!]! += ends[i]! - (i === 0 ? 0 : ends[i - 1]!);
  }
  const long = bytes.findIndex((of) => of > COLUMN_ROW_TEXT_BYTES_MAX);
  if (long >= 0)
    throw new FatalError(
      `the strings of row ${long + 1} are over ${COLUMN_ROW_TEXT_BYTES_MAX} bytes`,
    );
}

/** Before memory is taken for them: a count of damaged bytes allocates nothing. */
function claim(reader: ByteReader, count: number, bytesEach: number): number {
  if (count * bytesEach > reader.remaining)
    throw new FatalError(`want ${count * bytesEach} bytes; have ${reader.remaining}`);
  return count;
}

type Filled = Float64Array | Int32Array | Uint32Array | BigInt64Array | BigUint64Array;

/** Whole: as long as the array is. */
function copyInto(array: Filled, reader: ByteReader): void {
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(
    reader.view(array.byteLength),
  );
}

function everyRow(count: number): Int32Array {
  const rows = new Int32Array(count);
  for (let row = 0; row < count; row++) rows[row] = row;
  return rows;
}
