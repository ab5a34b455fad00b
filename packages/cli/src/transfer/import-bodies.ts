// A source as bodies of line protocol, each with the lines of the source that it stands for. Of a source no more
// is held than a piece and a body.

import type {Readable} from 'node:stream';
import type {BatchLimits} from '@flotilla/client';
import {UsageError} from '../terminal.ts';
import {CsvReader, type CsvRecord, csvLine} from './csv-reader.ts';
import {batchesOf, withoutLines} from './line-bodies.ts';
import type {RefusedLine} from './refused-lines.ts';
import {lineOfCells, type TimeUnit} from './row-points.ts';
import {columnsOf, type FieldType, type TableShape} from './table-shape.ts';

export interface Body {
  /** Absent: lines. */
  readonly form?: 'columns' | undefined;
  readonly bytes: Uint8Array;
  /** Of the source, from 1. A row of Parquet is a line like any other. */
  readonly firstLine: number;
  /** Lines of the source that are read once it is written. */
  readonly endLine: number;
  readonly rows: number;
  /** Rows of the source that have no form as a line. */
  readonly refused: readonly RefusedLine[];
  /** The line of the source that a line of the body, from 1, stands for. */
  lineAt(bodyLine: number): number;
}

/** Lines as they are. */
export async function* lineBodies(
  stream: Readable,
  limits: BatchLimits,
  skipped: number,
): AsyncGenerator<Body> {
  for await (const batch of batchesOf(stream, limits)) {
    const unsent = withoutLines(batch, skipped);
    if (unsent === undefined) continue;
    const {bytes, firstLine, lineCount} = unsent;
    yield {
      bytes,
      firstLine,
      endLine: firstLine + lineCount - 1,
      rows: lineCount,
      refused: [],
      lineAt: (bodyLine) => firstLine + bodyLine - 1,
    };
  }
}

/** What the columns of a CSV file are, by their names in its first line. */
export type ColumnTypes = ReadonlyMap<string, 'tag' | FieldType>;

export function typesOf({tags, fields}: TableShape): ColumnTypes {
  return new Map<string, 'tag' | FieldType>([
    ...tags.map((name) => [name, 'tag'] as const),
    ...fields.map(({name, type}) => [name, type] as const),
  ]);
}

export interface CsvTerms {
  readonly table: string;
  readonly types: ColumnTypes;
  /** In which whole numbers count as times. */
  readonly unit: TimeUnit;
}

export async function* csvBodies(
  stream: Readable,
  terms: CsvTerms,
  {limits, skipped}: {readonly limits: BatchLimits; readonly skipped: number},
): AsyncGenerator<Body> {
  const builder = new BodyBuilder();
  let layout: CsvLayout | undefined;
  for await (const records of recordsOf(stream)) {
    for (const record of records) {
      if (layout === undefined) layout = layoutOf(record, terms);
      else if (record.line > skipped) builder.add(record, layout);
      const isFull = builder.bytes >= limits.bytesMax || builder.rows >= limits.linesMax;
      if (isFull) yield builder.take(record.endLine);
    }
  }
  if (!builder.isEmpty) yield builder.take(undefined);
}

interface LinedRecord extends CsvRecord {
  readonly endLine: number;
}

async function* recordsOf(stream: Readable): AsyncGenerator<readonly LinedRecord[]> {
  const decoder = new TextDecoder('utf-8', {fatal: true});
  const reader = new CsvReader();
  const lined = (records: readonly CsvRecord[]): readonly LinedRecord[] =>
    records.map((record, i) => {
      return {...record, endLine: (records[i + 1]?.line ?? reader.linesRead + 1) - 1};
    });
  for await (const piece of stream) {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : (piece as Uint8Array);
    yield lined(reader.push(mustDecode(() => decoder.decode(bytes, {stream: true}))));
  }
  yield lined(reader.push(mustDecode(() => decoder.decode())));
  yield lined(reader.end());
}

function mustDecode(decode: () => string): string {
  try {
    return decode();
  } catch (error) {
    throw new Error('the CSV is not UTF-8', {cause: error});
  }
}

interface CsvLayout {
  readonly shape: TableShape;
  /** By column of the shape: its place in a record. */
  readonly places: readonly number[];
  readonly width: number;
  readonly unit: TimeUnit;
}

/** Throws UsageError where the first line names no time, a column twice, or one whose type nobody told. */
export function layoutOf({cells, fault}: CsvRecord, {table, types, unit}: CsvTerms): CsvLayout {
  if (fault !== undefined) throw new UsageError(`the first line is no header: ${fault}`);
  const names = cells.map((cell) => cell ?? '');
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new UsageError(`the header names column "${twice}" twice`);
  if (!names.includes('time')) throw new UsageError('the header names no column `time`');
  const others = names.filter((name) => name !== 'time');
  const unknown = others.find((name) => !types.has(name));
  if (unknown !== undefined)
    throw new UsageError(
      `column "${unknown}": is it a tag, or a field of which type? Say it by --types '${unknown}=tag' or =float, integer, unsigned, boolean, string`,
    );
  const ofKind = (isTag: boolean): string[] =>
    others.filter((name) => (types.get(name) === 'tag') === isTag);
  const fields = ofKind(false).map((name) => ({name, type: types.get(name) as FieldType}));
  if (fields.length === 0)
    throw new UsageError('the header names no field: rows have at least one');
  const shape = {name: table, tags: ofKind(true), fields};
  const places = columnsOf(shape).map((name) => names.indexOf(name));
  return {shape, places, width: names.length, unit};
}

/** Gathers rows, as lines, until they are a body. */
class BodyBuilder {
  #lines: string[] = [];
  /** By physical line of the body: that of the source. */
  #sourceLines: number[] = [];
  #refused: RefusedLine[] = [];
  #firstLine: number | undefined;
  #lastLine = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Those without a form among them: a file of nothing else must not fill the memory. */
  get rows(): number {
    return this.#lines.length + this.#refused.length;
  }

  get isEmpty(): boolean {
    return this.#firstLine === undefined;
  }

  add(record: LinedRecord, layout: CsvLayout): void {
    this.#firstLine ??= record.line;
    this.#lastLine = record.endLine;
    const line = this.#lineOf(record, layout);
    if (line === undefined) return;
    const text = `${line}\n`;
    this.#lines.push(text);
    this.#bytes += Buffer.byteLength(text);
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1))
      this.#sourceLines.push(record.line);
  }

  take(endLine = this.#lastLine): Body {
    const sourceLines = this.#sourceLines;
    const firstLine = this.#firstLine ?? endLine;
    const body = {
      bytes: Buffer.from(this.#lines.join(''), 'utf8'),
      firstLine,
      endLine,
      rows: this.#lines.length,
      refused: this.#refused,
      lineAt: (bodyLine: number) => sourceLines[bodyLine - 1] ?? firstLine,
    };
    this.#lines = [];
    this.#sourceLines = [];
    this.#refused = [];
    this.#firstLine = undefined;
    this.#bytes = 0;
    return body;
  }

  #lineOf(record: LinedRecord, {shape, places, width, unit}: CsvLayout): string | undefined {
    const {cells, fault} = record;
    const refuse = (reason: string): undefined => {
      const text = csvLine(cells).trimEnd();
      this.#refused.push({line: record.line, code: 'CSV_ROW', reason, text});
    };
    if (fault !== undefined) return refuse(fault);
    if (cells.length !== width)
      return refuse(`${cells.length} cells, the header names ${width} columns`);
    try {
      const ordered = places.map((place) => cells[place]);
      const {line, valuesLeftOut} = lineOfCells(shape, ordered, unit);
      if (valuesLeftOut > 0) return refuse('NaN and infinities cannot be stored');
      return line ?? refuse('no field has a value');
    } catch (error) {
      if (error instanceof TypeError) return refuse(error.message);
      throw error;
    }
  }
}
