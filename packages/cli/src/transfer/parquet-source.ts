// A Parquet file that an import reads, by DuckDB: what it says of itself, and its rows in their order.

import path from 'node:path';
import type {RowChunk} from '@flotilla/server/offline';
import {z} from 'zod';
import {UsageError} from '../terminal.ts';
import {Duckdb, type DuckdbChunk, type DuckdbColumn, literal} from './duckdb.ts';
import {SHAPE_KEY, ShapeText} from './parquet-file.ts';
import type {FileColumn, ParquetLayout} from './parquet-layout.ts';
import {columnsOf, type FieldType, type TableShape} from './table-shape.ts';

/** In which DuckDB has fewer digits than the file: nanoseconds of a zone, and those of old writers. */
const CUT = /^(?:INT96\b|.*isAdjustedToUTC=1.*NANOS=Nano)/s;

export interface ParquetRows {
  readonly chunk: RowChunk;
  /** Of each row what is wrong with it, if anything is. */
  readonly faults: readonly (string | null)[];
}

export class ParquetSource {
  readonly #duckdb: Duckdb;
  readonly #table: string;
  readonly columns: readonly FileColumn[];
  readonly rowCount: number;
  /** Of a file that an export wrote. */
  readonly shape: TableShape | undefined;

  private constructor(
    duckdb: Duckdb,
    table: string,
    found: Pick<ParquetSource, 'columns' | 'rowCount' | 'shape'>,
  ) {
    this.#duckdb = duckdb;
    this.#table = table;
    this.columns = found.columns;
    this.rowCount = found.rowCount;
    this.shape = found.shape;
  }

  static async open(file: string): Promise<ParquetSource> {
    const duckdb = await Duckdb.open(`${file}.spill`);
    try {
      const of = literal(globless(path.resolve(file)));
      const table = `read_parquet(${of}, hive_partitioning=false)`;
      const metadata = await duckdb.rows(
        `SELECT decode(value) FROM parquet_kv_metadata(${of}) WHERE decode(key) = '${SHAPE_KEY}'`,
      );
      const shape = metadata.length === 0 ? undefined : shapeOf(String(metadata[0]![0]));
      const columns = await describe(duckdb, of, table);
      const [[count] = []] = await duckdb.rows(`SELECT num_rows FROM parquet_file_metadata(${of})`);
      const named = shape === undefined ? columns : withNames(columns, shape);
      return new ParquetSource(duckdb, table, {columns: named, rowCount: Number(count), shape});
    } catch (error) {
      duckdb.close();
      if (error instanceof UsageError) throw error;
      const {message} = error as Error;
      throw new Error(`${file} cannot be read as Parquet: ${message}`, {cause: error});
    }
  }

  close(): void {
    this.#duckdb.close();
  }

  /** Those behind the first `skipped`. */
  async *rows({shape, select}: ParquetLayout, skipped: number): AsyncGenerator<ParquetRows> {
    const names = this.columns.map((_, i) => `c${i}`);
    const from = `${this.#table} AS parquet(${names.join(', ')})`;
    const offset = skipped === 0 ? '' : ` OFFSET ${skipped}`;
    const stream = await this.#duckdb.stream(`${select(from)}${offset}`);
    for (;;) {
      const chunk = await stream.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) return;
      yield rowsOf(chunk, shape);
    }
  }
}

/** A name in which nothing stands for other letters. */
function globless(file: string): string {
  return file.replaceAll(/[*?[]/g, '[$&]');
}

function shapeOf(text: string): TableShape {
  const parsed = ShapeText.safeParse(JSON.parse(text));
  if (!parsed.success)
    throw new UsageError(
      `its metadata \`${SHAPE_KEY}\` does not say what its columns are: ${z.prettifyError(parsed.error)}`,
    );
  const {name, tags, fields} = parsed.data;
  return {name, tags, fields};
}

async function describe(duckdb: Duckdb, file: string, table: string): Promise<FileColumn[]> {
  const described = await duckdb.rows(`DESCRIBE SELECT * FROM ${table}`);
  const stored = await duckdb.rows(
    `SELECT name, concat_ws(' ', type, logical_type) FROM parquet_schema(${file})`,
  );
  const cut = new Set(stored.flatMap(([name, type]) => (CUT.test(String(type)) ? [name] : [])));
  return described.map(([name, type]) => {
    return {name: String(name), type: String(type), ...(cut.has(name) && {isCut: true})};
  });
}

/** Those of the table, in the order in which an export writes them: DuckDB changes names that differ in case alone. */
function withNames(columns: readonly FileColumn[], shape: TableShape): FileColumn[] {
  const names = columnsOf(shape);
  if (names.length === columns.length)
    return columns.map((column, i) => ({...column, name: names[i]!}));
  throw new UsageError(
    `its metadata \`${SHAPE_KEY}\` tells of ${names.length} columns, it has ${columns.length}`,
  );
}

function rowsOf(chunk: DuckdbChunk, {tags, fields}: TableShape): ParquetRows {
  const {rowCount} = chunk;
  const column = (at: number): DuckdbColumn => chunk.getColumnVector(at);
  const times = new BigInt64Array(rowCount);
  const faults: (string | null)[] = [];
  const [ofTimes, ofFaults] = [column(0), column(1 + tags.length + fields.length)];
  for (let row = 0; row < rowCount; row++) {
    const fault = ofFaults.getItem(row) as string | null;
    faults.push(fault);
    times[row] = (ofTimes.getItem(row) as bigint | null) ?? 0n;
  }
  return {
    faults,
    chunk: {
      rowCount,
      times,
      tags: tags.map((_, i) => textsOf(column(1 + i), rowCount)),
      columns: fields.map(({type}, i) => fieldOf(column(1 + tags.length + i), type, rowCount)),
    },
  };
}

const NOTHING = new Uint8Array(0);

function textsOf(column: DuckdbColumn, rowCount: number): Uint8Array[] {
  return Array.from({length: rowCount}, (_, row) => {
    const item = column.getItem(row) as {readonly bytes: Uint8Array} | null;
    return item === null ? NOTHING : item.bytes;
  });
}

type RowColumn = Exclude<RowChunk['columns'][number], undefined>;

function fieldOf(column: DuckdbColumn, type: FieldType, rowCount: number): RowColumn {
  const items = Array.from({length: rowCount}, (_, row) => column.getItem(row));
  const present = Uint8Array.from(items, (item) => (item === null ? 0 : 1));
  return {values: valuesOf(type, items), ...(present.includes(0) && {present})};
}

/** A slot without a value holds anything. */
function valuesOf(type: FieldType, items: readonly unknown[]): RowColumn['values'] {
  switch (type) {
    case 'float':
      return {type, values: Float64Array.from(items, (item) => (item as number | null) ?? 0)};
    case 'boolean':
      return {type, values: Uint8Array.from(items, (item) => (item === true ? 1 : 0))};
    case 'string': {
      const texts = items.map((item) => (item as {bytes: Uint8Array} | null)?.bytes ?? NOTHING);
      let end = 0;
      const ends = Uint32Array.from(texts, ({length}) => (end += length));
      return {type, ends, bytes: Buffer.concat(texts)};
    }
    default: {
      const exact = items.map((item) => (item as bigint | null) ?? 0n);
      const values = Float64Array.from(exact, Number);
      return type === 'integer'
        ? {type, values, wide: BigInt64Array.from(exact)}
        : {type, values, wide: BigUint64Array.from(exact)};
    }
  }
}
