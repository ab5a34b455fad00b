// A Parquet file that an export writes: rows gather in DuckDB, in the order in which they come, and go into the file
// at its end. It takes its name when it is whole. What the columns are stands in its key-value metadata, so that
// an import of the file needs no more: by their places, since Parquet and DuckDB take names that differ in case
// alone for the same.

import {rm} from 'node:fs/promises';
import {z} from 'zod';
import type {CsvCell} from './csv-reader.ts';
import {type ChunkType, Duckdb, type DuckdbAppender, literal} from './duckdb.ts';
import {hasNoField, type RowsWanted, type RowsWritten, recordsOf} from './export-rows.ts';
import {type Compression, checksumOf, type Written} from './manifest.ts';
import {takeName} from './output-file.ts';
import {nsOfTime, valueOfCell} from './row-points.ts';
import {columnsOf, type FieldType, quoted, TableShape} from './table-shape.ts';

/** As many as a chunk of DuckDB may have. */
const CHUNK_ROWS = 2_048;
/** In the key-value metadata of a file. */
export const SHAPE_KEY = 'flotilla';

/** What stands under it. */
export const ShapeText = z.object({
  version: z.literal(1, 'it was written by another version of flotilla'),
  ...TableShape.shape,
});

const TYPES: Readonly<Record<FieldType, ChunkType>> = {
  float: 'DOUBLE',
  integer: 'BIGINT',
  unsigned: 'UBIGINT',
  boolean: 'BOOLEAN',
  string: 'VARCHAR',
};
const COMPRESSIONS: Readonly<Record<Compression, string>> = {
  none: 'uncompressed',
  gzip: 'gzip',
  zstd: 'zstd',
};

export class ParquetFile {
  readonly #file: string;
  readonly #shape: TableShape;
  readonly #duckdb: Duckdb;
  readonly #appender: DuckdbAppender;
  readonly #types: readonly ChunkType[];
  /** Of the rows that are in no chunk yet. */
  #columns: unknown[][];

  private constructor(file: string, shape: TableShape, duckdb: Duckdb, appender: DuckdbAppender) {
    this.#file = file;
    this.#shape = shape;
    this.#duckdb = duckdb;
    this.#appender = appender;
    this.#types = typesOf(shape);
    this.#columns = this.#types.map(() => []);
  }

  static async create(file: string, shape: TableShape): Promise<ParquetFile> {
    const duckdb = await Duckdb.open(temporaryOf(file));
    try {
      const columns = typesOf(shape).map((type, i) => `c${i} ${type}`);
      await duckdb.run(`CREATE TABLE gathered (${columns.join(', ')})`);
      return new ParquetFile(file, shape, duckdb, await duckdb.appender('gathered'));
    } catch (error) {
      duckdb.close();
      throw error;
    }
  }

  add(cells: readonly CsvCell[]): void {
    const {tags, fields} = this.#shape;
    this.#columns[0]!.push(nsOfTime(cells[0] ?? ''));
    // No series has a tag that is empty.
    for (let i = 1; i <= tags.length; i++) this.#columns[i]!.push(cells[i] || null);
    for (const [i, {type}] of fields.entries()) {
      const at = 1 + tags.length + i;
      const cell = cells[at];
      this.#columns[at]!.push(cell === undefined ? null : itemOf(type, cell));
    }
    if (this.#columns[0]!.length === CHUNK_ROWS) this.#append();
  }

  /** What it holds. */
  async end(compression: Compression): Promise<Pick<Written, 'bytes' | 'sha256'>> {
    if (this.#columns[0]!.length > 0) this.#append();
    this.#appender.closeSync();
    const beside = besideOf(this.#file);
    await this.#duckdb.run(copyText(this.#shape, beside, COMPRESSIONS[compression]));
    await this.#close();
    const written = await checksumOf(beside);
    await takeName(beside, this.#file);
    return written;
  }

  /** Nothing of it stays. */
  async abandon(): Promise<void> {
    await this.#close();
    await rm(besideOf(this.#file), {force: true});
  }

  async #close(): Promise<void> {
    this.#duckdb.close();
    await rm(temporaryOf(this.#file), {recursive: true, force: true});
  }

  #append(): void {
    this.#appender.appendDataChunk(this.#duckdb.chunkOf(this.#types, this.#columns));
    this.#columns = this.#types.map(() => []);
  }
}

/** The rows of a window. For the rest as `writeRows`: of these all have a form. */
export async function writeParquetRows(
  wanted: RowsWanted,
  file: ParquetFile,
): Promise<RowsWritten> {
  let rows = 0;
  let rowsWithoutFields = 0;
  for await (const records of recordsOf(wanted)) {
    for (const {cells} of records) {
      if (hasNoField(wanted.shape, cells)) {
        rowsWithoutFields += 1;
        continue;
      }
      file.add(cells);
      rows += 1;
    }
    wanted.onRows(records.length);
  }
  return {rows, leftOut: {rows: 0, values: 0, rowsWithoutFields}};
}

function typesOf({tags, fields}: TableShape): ChunkType[] {
  return ['BIGINT', ...tags.map(() => 'VARCHAR' as const), ...fields.map(({type}) => TYPES[type])];
}

function itemOf(type: FieldType, cell: string): unknown {
  const value = valueOfCell(type, cell);
  return typeof value === 'object' ? value.value : value;
}

function copyText(shape: TableShape, file: string, codec: string): string {
  const columns = columnsOf(shape).map((name, i) =>
    i === 0 ? `make_timestamp_ns(c0) AS ${quoted(name)}` : `c${i} AS ${quoted(name)}`,
  );
  const metadata = JSON.stringify({version: 1, ...shape} satisfies z.input<typeof ShapeText>);
  const options = `FORMAT parquet, COMPRESSION ${codec}, KV_METADATA {${SHAPE_KEY}: ${literal(metadata)}}`;
  return `COPY (SELECT ${columns.join(', ')} FROM gathered) TO ${literal(file)} (${options})`;
}

function besideOf(file: string): string {
  return `${file}.part`;
}

function temporaryOf(file: string): string {
  return `${file}.spill`;
}
