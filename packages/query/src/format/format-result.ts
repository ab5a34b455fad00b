// Answers as bytes: JSON (an array of row objects), NDJSON, CSV (RFC 4180, with a header), and a text
// table for people. All but the table stream; the table needs the widths of all rows, and so holds them
// and knows its length before its first byte. An answer past answer_bytes_max ends in QUERY_ERROR.

import {Buffer} from 'node:buffer';
import {DbError, LIMITS} from '@flotilla/base';
import {type QueriesMemory, QueryMemory} from '../execute/memory.ts';
import type {ResultBatch} from '../execute/merge-results.ts';
import {valueJson, valueText} from './value-text.ts';

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

/** Text that is gathered before it goes out: rows may be a megabyte each. */
const PIECE_CHARACTERS = 1024 * 1024;
/** Of a cell that waits for the widths, beside its text. */
const CELL_BYTES = 24;

export async function* formatResult(
  format: ResultFormat,
  batches: AsyncIterable<ResultBatch>,
  options: FormatOptions = {},
): AsyncGenerator<Uint8Array, void> {
  const bytesMax = options.bytesMax ?? LIMITS.answer_bytes_max.value;
  let count = 0;
  for await (const text of textOf(format, batches, {...options, bytesMax})) {
    const piece = Buffer.from(text);
    count += piece.length;
    refuseOver(bytesMax, count);
    yield piece;
  }
}

function textOf(
  format: ResultFormat,
  batches: AsyncIterable<ResultBatch>,
  options: FormatOptions & {readonly bytesMax: number},
): AsyncIterable<string> {
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

async function* formatJson(batches: AsyncIterable<ResultBatch>): AsyncIterable<string> {
  let opened = false;
  for await (const batch of batches) {
    for (const rows of inPieces(jsonRows(batch), ',\n')) {
      yield `${opened ? ',\n' : '['}${rows}`;
      opened = true;
    }
  }
  yield opened ? ']\n' : '[]\n';
}

async function* formatNdjson(batches: AsyncIterable<ResultBatch>): AsyncIterable<string> {
  for await (const batch of batches) {
    for (const rows of inPieces(jsonRows(batch), '\n')) yield `${rows}\n`;
  }
}

/** Texts joined, as many as make a piece. */
function* inPieces(texts: Iterable<string>, separator: string): Generator<string> {
  let piece: string[] = [];
  let characters = 0;
  for (const text of texts) {
    piece.push(text);
    characters += text.length;
    if (characters < PIECE_CHARACTERS) continue;
    yield piece.join(separator);
    piece = [];
    characters = 0;
  }
  if (piece.length > 0) yield piece.join(separator);
}

function* jsonRows({rowCount, columns}: ResultBatch): Generator<string> {
  const names = columns.map(({name}, i) => `${i === 0 ? '{' : ','}${JSON.stringify(name)}:`);
  for (let row = 0; row < rowCount; row++) {
    let text = '';
    for (let i = 0; i < columns.length; i++) text += names[i]! + valueJson(columns[i]!.values, row);
    yield `${text}}`;
  }
}

async function* formatCsv(batches: AsyncIterable<ResultBatch>): AsyncIterable<string> {
  let header = true;
  for await (const batch of batches) {
    for (const lines of inPieces(csvLines(batch, header), '\r\n')) yield `${lines}\r\n`;
    header = false;
  }
}

function* csvLines({rowCount, columns}: ResultBatch, header: boolean): Generator<string> {
  if (header) yield columns.map(({name}) => csvField(name)).join(',');
  for (let row = 0; row < rowCount; row++)
    yield columns.map(({values}) => csvField(valueText(values, row))).join(',');
}

/** Null is empty; an empty text is quoted, so that the two differ. */
function csvField(text: string | undefined): string {
  if (text === undefined) return '';
  if (text !== '' && !/[",\r\n]/.test(text)) return text;
  return `"${text.replaceAll('"', '""')}"`;
}

async function* formatTable(
  batches: AsyncIterable<ResultBatch>,
  options: FormatOptions & {readonly bytesMax: number},
): AsyncIterable<string> {
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
): AsyncIterable<string> {
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
  yield `${rule}${line(names)}${rule}`;
  yield* inPieces(lines(rows, line), '');
  yield `${rule}${rows.length} ${rows.length === 1 ? 'row' : 'rows'}\n`;
}

function* lines(
  rows: readonly (readonly string[])[],
  line: (cells: readonly string[]) => string,
): Generator<string> {
  for (const row of rows) yield line(row);
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
