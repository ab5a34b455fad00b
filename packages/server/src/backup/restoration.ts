// What a backup holds, to be written into a cluster by the ordinary way of writes: databases with their options,
// and rows as bodies of columns, set by set in the order of their ids. So it comes into any number of nodes and
// shards, and twice is once: a row has one time and one series.

import {FatalError} from '@flotilla/base';
import {type ColumnBody, ColumnWriter} from '@flotilla/ingest';
import {
  type BackedUpSet,
  BackupDirectory,
  type BackupRecord,
  openBackedUp,
} from '@flotilla/storage';
import {NodeDisk} from '../adapters/index.ts';
import {TYPE_NAMES} from '../engine/catalog-rows.ts';
import {durationText} from '../engine/durations.ts';
import type {
  BackedUpDatabase,
  BackedUpPlace,
  BackedUpTable,
  CatalogContent,
} from './catalog-content.ts';

const UNITS_PER_SECOND = {ns: 1e9, us: 1e6, ms: 1e3};
/** Of a bucket, whatever its duration and precision. */
const OFFSET_MAX = 2 ** 53;

export interface RestorationOptions {
  /** Absent: the newest complete one. */
  readonly id?: string | undefined;
  readonly tenant?: string | undefined;
  readonly database?: string | undefined;
}

/** As `database create` takes it. */
export interface RestoredDatabase {
  readonly tenant: string;
  readonly tenantComment?: string | undefined;
  readonly name: string;
  readonly precision: 'ns' | 'us' | 'ms';
  readonly options: Readonly<Record<string, unknown>>;
  /** An option too, of rows that come later: those that there are may be more, or spread over other shards. */
  readonly maxSeries?: number | undefined;
  /** Statements that make its tables, with their columns in the order that they had. */
  readonly tables: readonly string[];
}

export interface RestoredSet {
  readonly set: number;
  readonly database: RestoredDatabase;
  /** Of its files. */
  readonly bytes: number;
}

export class Restoration {
  readonly id: string;
  readonly databases: readonly RestoredDatabase[];
  readonly sets: readonly RestoredSet[];
  readonly #directory: BackupDirectory;
  readonly #read: readonly {
    readonly of: BackedUpSet;
    readonly place: BackedUpPlace;
    readonly database: BackedUpDatabase;
  }[];

  private constructor(
    directory: BackupDirectory,
    record: BackupRecord,
    {databases, places}: CatalogContent,
  ) {
    this.id = record.id;
    this.#directory = directory;
    const told = new Map(databases.map((one) => [one.id, describe(one)]));
    this.databases = [...told.values()];
    const byId = new Map(databases.map((one) => [one.id, one]));
    const bySet = new Map(places.map((place) => [place.set, place]));
    this.#read = [...record.sets]
      .sort((a, b) => a.set - b.set)
      .flatMap((of) => {
        const place = bySet.get(of.set);
        const database = place && byId.get(place.database);
        return database === undefined ? [] : [{of, place: place!, database}];
      });
    this.sets = this.#read.map(({of, database}) => ({
      set: of.set,
      database: told.get(database.id)!,
      bytes: of.files.reduce((sum, file) => sum + file.bytes, 0),
    }));
  }

  /** Throws an error that says why there is nothing to restore. */
  static async open(path: string, options: RestorationOptions): Promise<Restoration> {
    const directory = await BackupDirectory.open(new NodeDisk(path));
    const ids = await directory.ids();
    const id = options.id ?? ids.at(-1);
    if (id === undefined || !ids.includes(id)) {
      const what = id === undefined ? 'there is no complete backup' : `no backup ${id} is complete`;
      throw new Error(`${what}: backup list shows what there is, and backup makes another`);
    }
    const record = await directory.record(id);
    const bytes = await directory.read(record.catalog).catch((error: unknown) => {
      throw told(error, `the catalog of backup ${id}`);
    });
    const content = JSON.parse(Buffer.from(bytes).toString()) as CatalogContent;
    const {tenant, database} = options;
    const databases = content.databases.filter(
      (one) =>
        (tenant === undefined || one.tenant === tenant) &&
        (database === undefined || one.name === database),
    );
    if (databases.length === 0)
      throw new Error(`backup ${id} holds no such database: see what it is of with backup list`);
    return new Restoration(directory, record, {...content, databases});
  }

  /** The rows of one of `sets`, without those that were deleted, dropped or had expired. */
  async *bodies(at: number): AsyncGenerator<ColumnBody> {
    const {of} = this.#read[at]!;
    try {
      yield* this.#bodies(at);
    } catch (error) {
      // Readers know a file by its name in the replica.
      const text = String(error);
      const file = of.files.find(({name}) => text.includes(`/${name}`));
      const stored = file === undefined ? '' : `, ${file.name} is ${this.#directory.pathOf(file)}`;
      throw told(error, `replica set ${of.set} of backup ${this.id}${stored}`);
    }
  }

  async *#bodies(at: number): AsyncGenerator<ColumnBody> {
    const {of, place, database} = this.#read[at]!;
    const unitsPerSecond = UNITS_PER_SECOND[database.options.precision];
    const startUnits = (BigInt(place.startMs) * BigInt(unitsPerSecond)) / 1_000n;
    const storage = await openBackedUp(this.#directory, of, {
      bucket: {startUnits, unitsPerSecond},
      slices: {due: () => undefined},
    });
    try {
      const {expiredBeforeMs} = database;
      if (expiredBeforeMs !== undefined)
        storage.hideExpired({
          beforeOffset: ((expiredBeforeMs - place.startMs) * unitsPerSecond) / 1_000,
          catalogVersion: 0,
        });
      for (const table of database.tables) {
        const fields = columnsOf(table, 'field');
        const tags = columnsOf(table, 'tag');
        const times = {startMs: place.startMs, precision: database.options.precision};
        const writer = new ColumnWriter({name: table.name, tags, fields}, times);
        const rows = {table: table.id, startOffset: 0, endOffset: OFFSET_MAX, fields};
        yield* writer.read(storage.scan(rows));
      }
    } finally {
      await storage.close();
    }
  }
}

/** Of damage, what it is of and what to do. */
function told(error: unknown, what: string): unknown {
  if (!(error instanceof FatalError)) return error;
  const advice = 'backup verify names all that is damaged; --backup restores another one';
  return new FatalError(`${what}: ${error.message}; ${advice}`, error);
}

function columnsOf({columns}: BackedUpTable, of: 'tag' | 'field') {
  return columns
    .filter(({kind}) => kind === of)
    .map(({id, name, type}) => ({column: id, name, type}));
}

function describe(database: BackedUpDatabase): RestoredDatabase {
  const {name, tenant, tenantComment, options} = database;
  const {ttlMs, bucketDurationMs, shards, replicas, precision, failover, maxSeries} = options;
  return {
    ...{tenant, tenantComment, name, precision, maxSeries},
    tables: database.tables.map(creationOf),
    options: {
      ...(ttlMs !== undefined && {ttl: durationText(ttlMs)}),
      ...{bucketDuration: durationText(bucketDurationMs), shards, replicas, precision, failover},
    },
  };
}

function creationOf(table: BackedUpTable): string {
  const tags = columnsOf(table, 'tag').map(({name}) => quote(name));
  const columns = columnsOf(table, 'field').map(({name, type}) => {
    return `${quote(name)} ${TYPE_NAMES[type]}`;
  });
  if (tags.length > 0) columns.push(`TAGS(${tags.join(', ')})`);
  return `CREATE TABLE IF NOT EXISTS ${quote(table.name)} (${columns.join(', ')})`;
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
