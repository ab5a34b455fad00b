// The rows of a Parquet file as bodies of columns: floats that line protocol has no form for go in like any others,
// and nothing becomes text on the way. The form is a node's own, and so the writer of it is the node's, too.

import {
  COLUMN_ROW_TEXT_BYTES_MAX,
  COLUMN_TEXT_BYTES_MAX,
  COLUMN_TIME_NS_MAX,
  type RowChunk,
  RowWriter,
} from '@flotilla/server/offline';
import {UsageError} from '../terminal.ts';
import {type Body, type ColumnTypes, typesOf} from './import-bodies.ts';
import {type LayoutTerms, layoutOf} from './parquet-layout.ts';
import {ParquetSource} from './parquet-source.ts';
import type {RefusedLine} from './refused-lines.ts';
import type {TimeUnit} from './row-points.ts';
import type {TableShape} from './table-shape.ts';

const LIMITS: LayoutTerms['limits'] = {
  timeNs: COLUMN_TIME_NS_MAX,
  textBytes: COLUMN_TEXT_BYTES_MAX,
  rowTextBytes: COLUMN_ROW_TEXT_BYTES_MAX,
};
/** A file of nothing but rows that are refused must not fill the memory. */
const REFUSED_MAX = 10_000;

export interface ParquetTerms {
  /** Of the table, where it is there, or of the export. */
  readonly typesOf: (table: string) => Promise<ColumnTypes>;
  readonly table?: string | undefined;
  readonly tags: readonly string[];
  readonly unit: TimeUnit;
  /** Told how much has been read, from 0 to 1. */
  readonly onRead: (fraction: number) => void;
}

/** @param skipped  rows of the file that are written already */
export async function* parquetBodies(
  file: string,
  terms: ParquetTerms,
  skipped: number,
): AsyncGenerator<Body> {
  const source = await ParquetSource.open(file);
  try {
    const layout = layoutOf(source.columns, await layoutTerms(source, terms));
    const builder = new BodyBuilder(layout.shape, skipped);
    for await (const {chunk, faults} of source.rows(layout, skipped)) {
      yield* builder.add(chunk, faults);
      terms.onRead(builder.rowsRead / Math.max(1, source.rowCount));
    }
    if (!builder.isEmpty) yield builder.take();
  } finally {
    source.close();
  }
}

async function layoutTerms(source: ParquetSource, terms: ParquetTerms): Promise<LayoutTerms> {
  const {unit, tags} = terms;
  const {shape} = source;
  if (shape !== undefined && tags.length > 0)
    throw new UsageError('--tags: an export wrote this file, which says itself what its tags are');
  const table = terms.table ?? shape?.name;
  if (table === undefined)
    throw new UsageError('--table is missing: name the table to write the Parquet file to');
  const types = shape === undefined ? await terms.typesOf(table) : typesOf(shape);
  return {table, types, tags, unit, limits: LIMITS};
}

class BodyBuilder {
  readonly #shape: TableShape;
  readonly #writer: RowWriter;
  /** Rows of the file that are in this body or one before, or refused. */
  rowsRead: number;
  #firstRow: number;
  /** Of the file, from 1, of each row of the body. */
  #sourceRows: number[] = [];
  #refused: RefusedLine[] = [];

  constructor(shape: TableShape, skipped: number) {
    this.#shape = shape;
    this.#writer = new RowWriter(shape);
    this.rowsRead = skipped;
    this.#firstRow = skipped + 1;
  }

  get isEmpty(): boolean {
    return this.rowsRead < this.#firstRow;
  }

  *add(chunk: RowChunk, faults: readonly (string | null)[]): Generator<Body> {
    for (let row = 0; row < chunk.rowCount; ) {
      const fault = faults[row]!;
      if (fault !== null) {
        this.#refuse(chunk, row++, fault);
        if (this.#refused.length >= REFUSED_MAX) yield this.take();
        continue;
      }
      let end = row;
      while (end < chunk.rowCount && faults[end] === null) end++;
      const added = this.#writer.add(chunk, row, end);
      for (; row < added; row++) this.#sourceRows.push(++this.rowsRead);
      if (added < end) yield this.take();
    }
  }

  take(): Body {
    const sourceRows = this.#sourceRows;
    const firstRow = this.#firstRow;
    const body = {
      form: 'columns' as const,
      bytes: this.#writer.isEmpty ? new Uint8Array(0) : this.#writer.take(),
      firstLine: firstRow,
      endLine: this.rowsRead,
      rows: sourceRows.length,
      refused: this.#refused,
      lineAt: (row: number) => sourceRows[row - 1] ?? firstRow,
    };
    this.#sourceRows = [];
    this.#refused = [];
    this.#firstRow = this.rowsRead + 1;
    return body;
  }

  #refuse({tags, times}: RowChunk, row: number, reason: string): void {
    const {name, tags: names} = this.#shape;
    const texts = tags.flatMap((values, i) => {
      const value = Buffer.from(values[row]!).toString();
      return value === '' ? [] : [`,${names[i]}=${value}`];
    });
    const text = `${name}${texts.join('')} .. ${times[row]}`;
    this.#refused.push({line: ++this.rowsRead, code: 'PARQUET_ROW', reason, text});
  }
}
