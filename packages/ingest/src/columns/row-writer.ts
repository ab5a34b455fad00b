// Rows of any series in any order, as they come out of a file, as bodies of columns (column-body.ts). Which rows a
// body has depends on these rows alone, and not on the chunks in which they come: who goes on after a row that a body
// ended with makes the same bodies again.

import {assert} from '@flotilla/base';
import {ByteWriter, type ChunkColumn, type FieldType, VARINT_BYTES_MAX} from '@flotilla/column';
import {
  COLUMN_BODY_BYTES,
  COLUMN_BODY_VERSION,
  COLUMN_PRECISIONS,
  type ColumnPrecision,
  UNITS_PER_MS,
} from './column-body.ts';
import {ColumnRun} from './column-run.ts';

/** A row's series and offset. */
const ROW_BYTES = 12;
const NS_PER_MS = 1_000_000n;
/** Offsets are whole numbers that a double has exactly. */
const OFFSET_END = 2n ** 53n;

export interface RowTable {
  readonly name: string;
  readonly tags: readonly string[];
  readonly fields: readonly {readonly name: string; readonly type: FieldType}[];
}

/** Rows, column by column. */
export interface RowChunk {
  readonly rowCount: number;
  /** Nanoseconds since the epoch. */
  readonly times: BigInt64Array;
  /** Of each tag the value of each row, UTF-8; empty: the row's series has not that tag. */
  readonly tags: readonly (readonly Uint8Array[])[];
  /** Of each field; undefined: no row has a value. */
  readonly columns: readonly (ChunkColumn | undefined)[];
}

const encoder = new TextEncoder();

export class RowWriter {
  readonly #table: RowTable;
  readonly #bodyBytes: number;
  /** Ascending by the bytes of their names; `place` is theirs in a chunk. */
  readonly #tags: readonly {readonly name: Uint8Array; readonly place: number}[];
  readonly #runs: readonly ColumnRun[];
  readonly #seriesOfKey = new Map<string, number>();
  readonly #series: Uint8Array[][] = [];
  readonly #seriesOfRow: number[] = [];
  readonly #times: bigint[] = [];
  /** Of the times. */
  #range: {readonly min: bigint; readonly max: bigint; readonly precision: ColumnPrecision} = NONE;
  #bytes = 0;

  constructor(table: RowTable, bodyBytes = COLUMN_BODY_BYTES) {
    this.#table = table;
    this.#bodyBytes = bodyBytes;
    this.#tags = table.tags
      .map((tag, place) => ({name: encoder.encode(tag), place}))
      .sort((a, b) => Buffer.compare(a.name, b.name));
    this.#runs = table.fields.map(({name, type}) => new ColumnRun(name, type));
  }

  get isEmpty(): boolean {
    return this.#times.length === 0;
  }

  /**
   * Adds rows of [start, end), each of which has a value, until the body is full. Returns the first row that it has
   * no room for, or `end`.
   */
  add(chunk: RowChunk, start: number, end: number): number {
    const first = this.#times.length;
    let row = start;
    while (row < end && this.#addRow(chunk, row)) row++;
    if (row > start)
      for (const [i, run] of this.#runs.entries()) run.add(chunk.columns[i], start, row, first);
    return row;
  }

  /** False: it has no room for it. */
  #addRow(chunk: RowChunk, row: number): boolean {
    const time = chunk.times[row]!;
    const range = this.isEmpty ? rangeOf(time) : widened(this.#range, time);
    const bytes = rowBytes(chunk, row);
    if (!this.isEmpty && (range === undefined || this.#bytes + bytes > this.#bodyBytes))
      return false;
    this.#range = range!;
    this.#bytes += bytes;
    this.#times.push(time);
    this.#seriesOfRow.push(this.#seriesAt(chunk, row));
    return true;
  }

  #seriesAt({tags}: RowChunk, row: number): number {
    let key = '';
    for (const values of tags) {
      const {buffer, byteOffset, byteLength} = values[row]!;
      key += `${byteLength}:${Buffer.from(buffer, byteOffset, byteLength).toString('latin1')}`;
    }
    const known = this.#seriesOfKey.get(key);
    if (known !== undefined) return known;
    const values = this.#tags.map(({place}) => tags[place]![row]!);
    this.#seriesOfKey.set(key, this.#series.length);
    for (const {length} of values) this.#bytes += length + VARINT_BYTES_MAX;
    return this.#series.push(values) - 1;
  }

  /** The body, and begins the next one. */
  take(): Uint8Array {
    assert(!this.isEmpty, 'a body without rows');
    const rowCount = this.#times.length;
    const used = this.#runs.filter(({count}) => count > 0);
    const writer = new ByteWriter(this.#bytes + 64 * 1024);
    const {min, precision} = this.#range;
    writer.u8(COLUMN_BODY_VERSION);
    writer.u8(COLUMN_PRECISIONS.indexOf(precision));
    writeText(writer, encoder.encode(this.#table.name));
    writer.varint(this.#tags.length);
    for (const {name} of this.#tags) writeText(writer, name);
    writer.varint(rowCount);
    writer.varint(this.#series.length);
    for (const values of this.#series) for (const value of values) writeText(writer, value);
    const startMs = wholeMs(min);
    const ns = nsPerUnit(precision);
    const offsets = this.#times.map((time) => Number((time - startMs * NS_PER_MS) / ns));
    writer.signedVarint(Number(startMs));
    writer.bytes(new Uint8Array(Int32Array.from(this.#seriesOfRow).buffer));
    writer.bytes(new Uint8Array(Float64Array.from(offsets).buffer));
    writer.varint(used.length);
    for (const run of used) {
      writeText(writer, encoder.encode(run.name));
      run.write(writer, rowCount);
    }
    this.#clear();
    return writer.written();
  }

  #clear(): void {
    for (const run of this.#runs) run.clear();
    this.#seriesOfKey.clear();
    this.#series.length = 0;
    this.#seriesOfRow.length = 0;
    this.#times.length = 0;
    this.#range = NONE;
    this.#bytes = 0;
  }
}

const NONE = {min: 0n, max: 0n, precision: 'ms'} as const;

function rangeOf(time: bigint) {
  return {min: time, max: time, precision: precisionOf(time)};
}

/** Undefined: in the unit that these times want they are too far apart for offsets. */
function widened({min, max, precision}: ReturnType<typeof rangeOf>, time: bigint) {
  const wider = {
    min: time < min ? time : min,
    max: time > max ? time : max,
    precision: finer(precision, precisionOf(time)),
  };
  const span = wider.max - wholeMs(wider.min) * NS_PER_MS;
  return span / nsPerUnit(wider.precision) < OFFSET_END ? wider : undefined;
}

/** The coarsest that has it exactly. */
function precisionOf(time: bigint): ColumnPrecision {
  if (time % NS_PER_MS === 0n) return 'ms';
  return time % 1_000n === 0n ? 'us' : 'ns';
}

function finer(a: ColumnPrecision, b: ColumnPrecision): ColumnPrecision {
  return UNITS_PER_MS[a] > UNITS_PER_MS[b] ? a : b;
}

function nsPerUnit(precision: ColumnPrecision): bigint {
  return NS_PER_MS / BigInt(UNITS_PER_MS[precision]);
}

/** The millisecond that it is in: before 1970, too, not after it. */
function wholeMs(time: bigint): bigint {
  const rest = time % NS_PER_MS;
  return (time - rest) / NS_PER_MS - (rest < 0n ? 1n : 0n);
}

function rowBytes({columns}: RowChunk, row: number): number {
  let bytes = ROW_BYTES;
  for (const column of columns) {
    if (column === undefined || column.present?.[row] === 0) continue;
    bytes += 8;
    if (column.values.type !== 'string') continue;
    const {ends} = column.values;
    bytes += ends[row]! - (row === 0 ? 0 : ends[row - 1]!);
  }
  return bytes;
}

function writeText(writer: ByteWriter, text: Uint8Array): void {
  writer.varint(text.length);
  writer.bytes(text);
}
