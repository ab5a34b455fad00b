// The rows of a scan as bodies of columns (column-body.ts), with every value as it was stored.

import type {ColumnId, SeriesId} from '@flotilla/base';
import {
  ByteWriter,
  type FieldType,
  type SeriesChunk,
  type TableScan,
  VARINT_BYTES_MAX,
} from '@flotilla/column';
import {
  COLUMN_BODY_BYTES,
  COLUMN_BODY_VERSION,
  COLUMN_PRECISIONS,
  type ColumnPrecision,
} from './column-body.ts';
import {ColumnRun} from './column-run.ts';

/** A row's series and offset. */
const ROW_BYTES = 12;
/** A row that takes more, of strings that came one by one, goes field by field: one log entry takes no more. */
const ROW_BYTES_MAX = COLUMN_BODY_BYTES;

export interface ColumnTable {
  readonly name: string;
  readonly tags: readonly {readonly column: ColumnId; readonly name: string}[];
  /** As the scan was asked for them. */
  readonly fields: readonly {readonly name: string; readonly type: FieldType}[];
}

/** Of the bucket that is scanned. */
export interface ColumnTimes {
  readonly startMs: number;
  readonly precision: ColumnPrecision;
}

export interface ColumnBody {
  readonly body: Uint8Array;
  readonly rows: number;
}

const encoder = new TextEncoder();

export class ColumnWriter {
  readonly #name: string;
  readonly #times: ColumnTimes;
  readonly #bodyBytes: number;
  /** Ascending by the bytes of their names. */
  readonly #tags: readonly {readonly column: ColumnId; readonly name: Uint8Array}[];
  readonly #runs: readonly ColumnRun[];
  #rowCount = 0;
  #seriesOfRow = new Int32Array(0);
  #offsets = new Float64Array(0);
  /** Of the body being made: each one's values of tags. */
  readonly #series: Uint8Array[][] = [];
  #seriesBytes = 0;
  #lastSeries: SeriesId | undefined;

  constructor(
    {name, tags, fields}: ColumnTable,
    times: ColumnTimes,
    bodyBytes = COLUMN_BODY_BYTES,
  ) {
    this.#name = name;
    this.#times = times;
    this.#bodyBytes = bodyBytes;
    this.#tags = tags
      .map((tag) => ({column: tag.column, name: encoder.encode(tag.name)}))
      .sort((a, b) => Buffer.compare(a.name, b.name));
    this.#runs = fields.map((field) => new ColumnRun(field.name, field.type));
  }

  /** Closes the scan. */
  async *read(scan: TableScan): AsyncGenerator<ColumnBody> {
    try {
      for (let chunks = await scan.next(); chunks !== undefined; chunks = await scan.next())
        for (const chunk of chunks) yield* this.#add(scan, chunk);
    } finally {
      scan.close();
    }
    if (this.#rowCount > 0) yield this.#take();
  }

  *#add(scan: TableScan, chunk: SeriesChunk): Generator<ColumnBody> {
    const bytesMax = rowBytesMax(chunk);
    const present = [...chunk.columns.keys()].filter((i) => chunk.columns[i] !== undefined);
    if (bytesMax > ROW_BYTES_MAX && present.length > 1) {
      for (const column of present) yield* this.#add(scan, withOnly(chunk, column));
      return;
    }
    const step = Math.max(1, Math.floor(this.#bodyBytes / bytesMax));
    for (const {start, end} of rangesWithValues(chunk)) {
      for (let from = start; from < end; from += step) {
        this.#addRows(scan, chunk, from, Math.min(end, from + step));
        if (this.#bytes >= this.#bodyBytes) yield this.#take();
      }
    }
  }

  get #bytes(): number {
    const own = this.#seriesBytes + this.#rowCount * ROW_BYTES;
    return this.#runs.reduce((sum, {bytes}) => sum + bytes, own);
  }

  #addRows(scan: TableScan, chunk: SeriesChunk, start: number, end: number): void {
    const count = end - start;
    if (this.#lastSeries !== chunk.series) this.#addSeries(scan, chunk.series);
    this.#makeRoom(this.#rowCount + count);
    this.#seriesOfRow.fill(this.#series.length - 1, this.#rowCount, this.#rowCount + count);
    this.#offsets.set(chunk.offsets.subarray(start, end), this.#rowCount);
    for (const [i, run] of this.#runs.entries())
      run.add(chunk.columns[i], start, end, this.#rowCount);
    this.#rowCount += count;
  }

  #addSeries(scan: TableScan, series: SeriesId): void {
    const values = this.#tags.map(({column}) =>
      encoder.encode(scan.tagValue(series, column) ?? ''),
    );
    this.#series.push(values);
    for (const {length} of values) this.#seriesBytes += length + VARINT_BYTES_MAX;
    this.#lastSeries = series;
  }

  #makeRoom(rowCount: number): void {
    if (this.#offsets.length >= rowCount) return;
    const capacity = Math.max(rowCount, this.#offsets.length * 2);
    const series = new Int32Array(capacity);
    series.set(this.#seriesOfRow.subarray(0, this.#rowCount));
    this.#seriesOfRow = series;
    const offsets = new Float64Array(capacity);
    offsets.set(this.#offsets.subarray(0, this.#rowCount));
    this.#offsets = offsets;
  }

  /** The body, and begins the next one. */
  #take(): ColumnBody {
    const rows = this.#rowCount;
    const used = this.#runs.filter(({count}) => count > 0);
    const writer = new ByteWriter(this.#bytes + 64 * 1024);
    writer.u8(COLUMN_BODY_VERSION);
    writer.u8(COLUMN_PRECISIONS.indexOf(this.#times.precision));
    writeText(writer, encoder.encode(this.#name));
    writer.varint(this.#tags.length);
    for (const {name} of this.#tags) writeText(writer, name);
    writer.varint(rows);
    writer.varint(this.#series.length);
    for (const values of this.#series) for (const value of values) writeText(writer, value);
    writer.signedVarint(this.#times.startMs);
    writer.bytes(new Uint8Array(this.#seriesOfRow.buffer, 0, rows * 4));
    writer.bytes(new Uint8Array(this.#offsets.buffer, 0, rows * 8));
    writer.varint(used.length);
    for (const run of used) {
      writeText(writer, encoder.encode(run.name));
      run.write(writer, rows);
    }
    for (const run of this.#runs) run.clear();
    this.#rowCount = 0;
    this.#series.length = 0;
    this.#seriesBytes = 0;
    this.#lastSeries = undefined;
    return {body: writer.written(), rows};
  }
}

function writeText(writer: ByteWriter, text: Uint8Array): void {
  writer.varint(text.length);
  writer.bytes(text);
}

/** What the largest row may take: of one with long strings a body has few. */
function rowBytesMax({rowCount, columns}: SeriesChunk): number {
  let bytes = ROW_BYTES;
  for (const column of columns) {
    if (column === undefined) continue;
    bytes += 8;
    if (column.values.type !== 'string') continue;
    const {ends} = column.values;
    let longest = 0;
    for (let row = 0; row < rowCount; row++)
      longest = Math.max(longest, ends[row]! - (row === 0 ? 0 : ends[row - 1]!));
    bytes += longest;
  }
  return bytes;
}

function withOnly(chunk: SeriesChunk, column: number): SeriesChunk {
  const columns = chunk.columns.map((each, i) => (i === column ? each : undefined));
  return {...chunk, columns};
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Of a row that had values in dropped columns alone nothing is left. */
function rangesWithValues({rowCount, columns}: SeriesChunk): Range[] {
  if (columns.some((column) => column !== undefined && column.present === undefined))
    return [{start: 0, end: rowCount}];
  const has = new Uint8Array(rowCount);
  for (const column of columns)
    for (let row = 0; row < rowCount; row++) has[row]! |= column?.present?.[row] ?? 0;
  const ranges: Range[] = [];
  for (let row = 0; row < rowCount; row++) {
    if (has[row] === 0) continue;
    const start = row;
    while (row < rowCount && has[row] === 1) row++;
    ranges.push({start, end: row});
  }
  return ranges;
}
