// The rows of one table and window, from the cluster to an output: asked for as CSV, in which every value is
// exact, and written as lines or as CSV again. Nothing is held but a piece of the answer.

import type {FlotillaClient, QueryOptions} from '@flotilla/client';
import {CsvReader, type CsvRecord, csvLine} from './csv-reader.ts';
import type {Format, LeftOut} from './manifest.ts';
import type {Output} from './output-file.ts';
import {lineOfCells} from './row-points.ts';
import {columnsOf, quoted, type TableShape} from './table-shape.ts';
import {TIME_MIN, type Window} from './windows.ts';

export interface RowsWanted {
  readonly client: FlotillaClient;
  readonly query: QueryOptions;
  readonly shape: TableShape;
  readonly window: Pick<Window, 'start' | 'end'>;
  readonly format: Format;
  /** Told after each piece. */
  readonly onRows: (count: number) => void;
}

export interface RowsWritten {
  readonly rows: number;
  readonly leftOut: LeftOut;
  /** Of what had no form, the first that was met. */
  readonly firstFault?: string | undefined;
}

export async function writeRows(wanted: RowsWanted, output: Output): Promise<RowsWritten> {
  const writer = new RowWriter(wanted);
  for await (const records of recordsOf(wanted)) {
    const text = writer.textOf(records);
    if (text !== '') await output.write(text);
    wanted.onRows(records.length);
  }
  return writer.written();
}

/** Without the header. Throws where one cannot be read. */
export async function* recordsOf({
  client,
  query,
  shape,
  window,
}: Pick<RowsWanted, 'client' | 'query' | 'shape' | 'window'>): AsyncGenerator<CsvRecord[]> {
  // A mark of the byte order is a letter like any other where a string begins with it.
  const decoder = new TextDecoder('utf-8', {ignoreBOM: true});
  const reader = new CsvReader();
  let hasHeader = false;
  const rest = (records: CsvRecord[]): CsvRecord[] => {
    const faulty = records.find(({fault}) => fault !== undefined);
    if (faulty !== undefined) throw new Error(`line ${faulty.line} of the answer: ${faulty.fault}`);
    if (hasHeader || records.length === 0) return records;
    hasHeader = true;
    return records.slice(1);
  };
  for await (const piece of client.queryBytes(selectText(shape, window), 'csv', query))
    yield rest(reader.push(decoder.decode(piece, {stream: true})));
  yield rest(reader.push(decoder.decode()));
  yield rest(reader.end());
}

/** Of a row whose fields were all dropped nothing is left to write. */
export function hasNoField({tags}: TableShape, cells: CsvRecord['cells']): boolean {
  return cells.every((cell, i) => i <= tags.length || cell === undefined);
}

export function selectText(shape: TableShape, {start, end}: RowsWanted['window']): string {
  const columns = columnsOf(shape).map(quoted).join(', ');
  const from = start < TIME_MIN ? TIME_MIN : start;
  return `SELECT ${columns} FROM ${quoted(shape.name)} WHERE time >= ${from} AND time < ${end} ORDER BY time`;
}

class RowWriter {
  readonly #shape: TableShape;
  readonly #format: Format;
  #rows = 0;
  #leftOut = {rows: 0, values: 0, rowsWithoutFields: 0};
  #firstFault: string | undefined;

  constructor({shape, format}: Pick<RowsWanted, 'shape' | 'format'>) {
    this.#shape = shape;
    this.#format = format;
  }

  textOf(records: readonly CsvRecord[]): string {
    let text = '';
    for (const {cells} of records) text += this.#textOf(cells);
    return text;
  }

  written(): RowsWritten {
    return {rows: this.#rows, leftOut: this.#leftOut, firstFault: this.#firstFault};
  }

  #textOf(cells: CsvRecord['cells']): string {
    if (hasNoField(this.#shape, cells)) {
      this.#leftOut.rowsWithoutFields += 1;
      return '';
    }
    const text = this.#format === 'csv' ? csvLine(cells) : this.#lineOf(cells);
    if (text !== '') this.#rows += 1;
    return text;
  }

  #lineOf(cells: CsvRecord['cells']): string {
    try {
      const {line, valuesLeftOut} = lineOfCells(this.#shape, cells);
      if (valuesLeftOut > 0) this.#firstFault ??= `a value of ${this.#shape.name} is not finite`;
      this.#leftOut.values += valuesLeftOut;
      if (line !== undefined) return `${line}\n`;
      this.#leftOut.rows += 1;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      this.#firstFault ??= error.message;
      this.#leftOut.rows += 1;
    }
    return '';
  }
}
