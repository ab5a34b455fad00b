// DuckDB, through which Parquet goes: loaded by the commands that are told to write or read such a file, and by no
// others. It is an optional dependency of 70 MB with a program of its own for each platform. So nothing here may
// need it: what is used of it is described below, and not taken from its types.

/** By a name that the compiler does not follow. */
const PACKAGE: string = '@duckdb/node-api';
/** Of one file: what does not fit goes into files beside it. */
const MEMORY_LIMIT = '512MB';
/** One packs or unpacks while another reads or writes. */
const THREADS = '2';

/** A column of up to 2048 rows. An item is written once the column is flushed. */
export interface DuckdbColumn {
  getItem(row: number): unknown;
}

export interface DuckdbChunk {
  readonly rowCount: number;
  getColumnVector(column: number): DuckdbColumn;
  setColumns(columns: readonly (readonly unknown[])[]): void;
}

export interface DuckdbAppender {
  appendDataChunk(chunk: DuckdbChunk): void;
  closeSync(): void;
}

interface DuckdbResult {
  getRows(): Promise<unknown[][]>;
}

/** Rows as they are wanted. */
export interface DuckdbStream {
  /** Without rows, or null: the end. */
  fetchChunk(): Promise<DuckdbChunk | null>;
}

interface DuckdbConnection {
  run(sql: string): Promise<DuckdbResult>;
  stream(sql: string): Promise<DuckdbStream>;
  createAppender(table: string): Promise<DuckdbAppender>;
  closeSync(): void;
}

interface DuckdbInstance {
  connect(): Promise<DuckdbConnection>;
  closeSync(): void;
}

interface DuckdbModule {
  readonly DuckDBInstance: {
    create(path: string, options: Readonly<Record<string, string>>): Promise<DuckdbInstance>;
  };
  readonly DuckDBDataChunk: {create(types: readonly unknown[]): DuckdbChunk};
  readonly BIGINT: unknown;
  readonly UBIGINT: unknown;
  readonly DOUBLE: unknown;
  readonly BOOLEAN: unknown;
  readonly VARCHAR: unknown;
}

/** As DuckDB names them. */
export type ChunkType = 'BIGINT' | 'UBIGINT' | 'DOUBLE' | 'BOOLEAN' | 'VARCHAR';

/** DuckDB is not there, or does not run on this machine. */
export class NoDuckdb extends Error {
  override readonly name = 'NoDuckdb';
}

/** Before anything is begun. Throws NoDuckdb. */
export async function mustHaveDuckdb(): Promise<void> {
  await loadDuckdb();
}

/** Throws NoDuckdb, which says what to do. */
async function loadDuckdb(): Promise<DuckdbModule> {
  try {
    return (await import(PACKAGE)) as DuckdbModule;
  } catch (cause) {
    const [reason] = String((cause as Error).message).split('\n');
    const next = `install the package ${PACKAGE} for this platform (in a clone: pnpm install), or take --format csv`;
    throw new NoDuckdb(`Parquet goes through DuckDB, which cannot be loaded: ${reason}; ${next}`, {
      cause,
    });
  }
}

/** An empty database in memory, for one file. Nothing is fetched for it, and it asks nobody. */
export class Duckdb {
  readonly #module: DuckdbModule;
  readonly #instance: DuckdbInstance;
  readonly #connection: DuckdbConnection;
  #isClosed = false;

  private constructor(
    module: DuckdbModule,
    instance: DuckdbInstance,
    connection: DuckdbConnection,
  ) {
    this.#module = module;
    this.#instance = instance;
    this.#connection = connection;
  }

  /** @param temporary  a directory that need not be there: for what does not fit into memory */
  static async open(temporary: string): Promise<Duckdb> {
    const module = await loadDuckdb();
    const instance = await module.DuckDBInstance.create(':memory:', {
      memory_limit: MEMORY_LIMIT,
      threads: THREADS,
      temp_directory: temporary,
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    });
    return new Duckdb(module, instance, await instance.connect());
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.closeSync();
    this.#instance.closeSync();
  }

  async run(sql: string): Promise<void> {
    await this.#connection.run(sql);
  }

  async rows(sql: string): Promise<unknown[][]> {
    return (await this.#connection.run(sql)).getRows();
  }

  stream(sql: string): Promise<DuckdbStream> {
    return this.#connection.stream(sql);
  }

  appender(table: string): Promise<DuckdbAppender> {
    return this.#connection.createAppender(table);
  }

  chunkOf(types: readonly ChunkType[], columns: readonly (readonly unknown[])[]): DuckdbChunk {
    const chunk = this.#module.DuckDBDataChunk.create(types.map((type) => this.#module[type]));
    chunk.setColumns(columns);
    return chunk;
  }
}

/** A text as SQL takes it. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
