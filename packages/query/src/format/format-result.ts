// Answers as bytes: JSON (an array of row objects), NDJSON, CSV (RFC 4180, with a header), and a text
// table for people. All but the table stream; the table needs the widths of all rows, and so holds them
// and knows its length before its first byte. An answer past answer_bytes_max ends in QUERY_ERROR.

import {Buffer} from 'node:buffer';
import {DbError, LIMITS} from '@flotilla/base';
import {type QueriesMemory, QueryMemory} from '../execute/memory.ts';
import type {ResultBatch, ResultColumn} from '../execute/merge-results.ts';
import {CellWriter} from './cell-writer.ts';
import {TextWriter} from './text-writer.ts';
import {valueText} from './value-text.ts';

export type ResultFormat = 'json' | 'ndjson' | 'csv' | 'table';

export const CONTENT_TYPES: Readonly<Record<ResultFormat, string>> = {
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
  table: 'text/plain; charset=utf-8',
};

export interface FormatOptions {
  readonly bytesMax?: number | undefined;
  /** Of what a table holds until all of its rows have come. */
  readonly memoryBytesMax?: number | undefined;
  readonly memory?: QueriesMemory | undefined;
}

/** Rows are gathered up to this before they go out; one row may be larger. */
const PIECE_BYTES = 256 * 1024;
const [NEWLINE, COMMA, BRACE] = [0x0a, 0x2c, 0x7d];
/** Of a cell that waits for the widths, beside its text. */
const CELL_BYTES = 24;

export async function* formatResult(
  format: ResultFormat,
  batches: AsyncIterable<ResultBatch>,
  options: FormatOptions = {},
): AsyncGenerator<Uint8Array, void> {
  const bytesMax = options.bytesMax ?? LIMITS.answer_bytes_max.value;
  let count = 0;
  for await (const piece of piecesOf(format, batches, {...options, bytesMax})) {
    count += piece.length;
    refuseOver(bytesMax, count);
    yield piece;
  }
}

function piecesOf(
  format: ResultFormat,
  batches: AsyncIterable<ResultBatch>,
  options: FormatOptions & {readonly bytesMax: number},
): AsyncIterable<Uint8Array> {
  switch (format) {
    case 'json':
      return formatJson(batches);
    case 'ndjson':
      return formatNdjson(batches);
    case 'csv':
      return formatCsv(batches);
    case 'table':
      return formatTable(batches, options);
  }
}

function refuseOver(bytesMax: number, bytes: number): void {
  if (bytes <= bytesMax) return;
  const message = `the answer has over answer_bytes_max (${bytesMax}) bytes: ask for fewer rows or columns`;
  throw new DbError('QUERY_ERROR', message, {limit: 'answer_bytes_max'});
}

async function* formatJson(batches: AsyncIterable<ResultBatch>): AsyncIterable<Uint8Array> {
  const out = new TextWriter();
  const cells = new CellWriter(out);
  let before = '[';
  for await (const {rowCount, columns} of batches) {
    const names = jsonNames(columns);
    for (let row = 0; row < rowCount; row++) {
      out.ascii(before);
      writeJsonRow(out, cells, {names, columns, row});
      before = ',\n';
      if (out.length >= PIECE_BYTES) yield out.take();
    }
    if (out.length > 0) yield out.take();
  }
  out.ascii(before === '[' ? '[]\n' : ']\n');
  yield out.take();
}

async function* formatNdjson(batches: AsyncIterable<ResultBatch>): AsyncIterable<Uint8Array> {
  const out = new TextWriter();
  const cells = new CellWriter(out);
  for await (const {rowCount, columns} of batches) {
    const names = jsonNames(columns);
    for (let row = 0; row < rowCount; row++) {
      writeJsonRow(out, cells, {names, columns, row});
      out.character(NEWLINE);
      if (out.length >= PIECE_BYTES) yield out.take();
    }
    if (out.length > 0) yield out.take();
  }
}

interface PlacedRow {
  /** Of each column, as it stands before its value. */
  readonly names: readonly Uint8Array[];
  readonly columns: readonly ResultColumn[];
  readonly row: number;
}

function jsonNames(columns: readonly ResultColumn[]): Uint8Array[] {
  return columns.map(({name}, i) => Buffer.from(`${i === 0 ? '{' : ','}${JSON.stringify(name)}:`));
}

function writeJsonRow(out: TextWriter, cells: CellWriter, {names, columns, row}: PlacedRow): void {
  for (let i = 0; i < columns.length; i++) {
    out.bytes(names[i]!);
    cells.json(columns[i]!.values, row);
  }
  out.character(BRACE);
}

async function* formatCsv(batches: AsyncIterable<ResultBatch>): AsyncIterable<Uint8Array> {
  const out = new TextWriter();
  const cells = new CellWriter(out);
  let hasHeader = false;
  for await (const {rowCount, columns} of batches) {
    if (!hasHeader) writeHeader(out, cells, columns);
    hasHeader = true;
    for (let row = 0; row < rowCount; row++) {
      for (let i = 0; i < columns.length; i++) {
        if (i > 0) out.character(COMMA);
        cells.csv(columns[i]!.values, row);
      }
      out.ascii('\r\n');
      if (out.length >= PIECE_BYTES) yield out.take();
    }
    if (out.length > 0) yield out.take();
  }
}

function writeHeader(out: TextWriter, cells: CellWriter, columns: readonly ResultColumn[]): void {
  columns.forEach(({name}, i) => {
    if (i > 0) out.character(COMMA);
    cells.csvText(name);
  });
  out.ascii('\r\n');
}

async function* formatTable(
  batches: AsyncIterable<ResultBatch>,
  options: FormatOptions & {readonly bytesMax: number},
): AsyncIterable<Uint8Array> {
  const memory = new QueryMemory(options.memoryBytesMax, options.memory);
  try {
    yield* tableText(batches, options.bytesMax, memory);
  } finally {
    memory.release();
  }
}

async function* tableText(
  batches: AsyncIterable<ResultBatch>,
  bytesMax: number,
  memory: QueryMemory,
): AsyncIterable<Uint8Array> {
  const rows: string[][] = [];
  let names: string[] = [];
  let right: boolean[] = [];
  for await (const {rowCount, columns} of batches) {
    names = columns.map(({name}) => oneLine(name));
    right = columns.map(({type}) => ['float', 'integer', 'unsigned'].includes(type));
    for (let row = 0; row < rowCount; row++) {
      const cells = columns.map(({values}) => oneLine(valueText(values, row) ?? ''));
      memory.take(cells.reduce((bytes, {length}) => bytes + CELL_BYTES + 2 * length, 0));
      rows.push(cells);
    }
  }
  const widths = names.map((name, i) =>
    rows.reduce((width, row) => Math.max(width, textWidth(row[i]!)), textWidth(name)),
  );
  // One wide cell makes every row as wide.
  refuseOver(bytesMax, (rows.length + 4) * widths.reduce((sum, width) => sum + width + 3, 2));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => padded(cell, widths[i]!, right[i]!)).join(' | ')} |\n`;
  const rule = `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+\n`;
  const out = new TextWriter();
  out.utf8(`${rule}${line(names)}${rule}`);
  for (const row of rows) {
    out.utf8(line(row));
    if (out.length >= PIECE_BYTES) yield out.take();
  }
  out.utf8(`${rule}${rows.length} ${rows.length === 1 ? 'row' : 'rows'}\n`);
  yield out.take();
}

/** A cell stays on its line. */
function oneLine(text: string): string {
  return text.replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t');
}

/** In code points: good enough for what is not CJK. */
function textWidth(text: string): number {
  return [...text].length;
}

function padded(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, width - textWidth(text)));
  return right ? space + text : text + space;
}
