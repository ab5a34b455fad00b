// CREATE, ALTER, DROP, SHOW, DESCRIBE: through meta, answered from the catalog. The request's database
// is looked up only for a name that does not say its own: CREATE DATABASE works without any.

import {DbError, META_SET} from '@flotilla/base';
import {type Catalog, type Database, TRASH_RETENTION_MS} from '@flotilla/catalog';
import type {AdminStatement, ResultBatch} from '@flotilla/query';
import type {AnswerNotes} from './answer-notes.ts';
import {findDatabase, findTenant} from './catalog-access.ts';
import {durationText} from './durations.ts';
import {refreshFor, type SqlServiceDeps, type StatementContext} from './statement-context.ts';
import {type Cell, textRows} from './text-rows.ts';

type Rows = AsyncIterable<ResultBatch>;

export class AdminStatements {
  readonly #deps: SqlServiceDeps;

  constructor(deps: SqlServiceDeps) {
    this.#deps = deps;
  }

  /** @param notes told where what is shown may be old. */
  async run(
    statement: AdminStatement,
    context: StatementContext,
    notes: AnswerNotes,
  ): Promise<Rows> {
    const tenant = context.call.tenant;
    const atMs = this.#deps.clock.wallMs();
    switch (statement.kind) {
      case 'create-database': {
        const {name, ifNotExists, options} = statement;
        return this.#change({type: 'create-database', tenant, name, ifNotExists, options}, context);
      }
      case 'alter-database': {
        const {name, options} = statement;
        return this.#change({type: 'alter-database', tenant, name, options}, context);
      }
      case 'drop-database': {
        const {name, ifExists} = statement;
        const purgeAtMs = atMs + (statement.afterMs ?? TRASH_RETENTION_MS);
        return this.#change(
          {type: 'drop-database', tenant, name, ifExists, atMs, purgeAtMs},
          context,
        );
      }
      case 'drop-table': {
        const {table, ifExists} = statement;
        const database = await this.#database(table.database, context);
        const purgeAtMs = atMs + (statement.afterMs ?? TRASH_RETENTION_MS);
        const command = {type: 'drop-table', database: database.id, name: table.name} as const;
        return this.#change({...command, ifExists, atMs, purgeAtMs}, context);
      }
      default:
        if (!(await refreshFor(context, this.#deps))) notes.missing(META_SET);
        return this.#show(statement, context);
    }
  }

  async #change(
    command: Parameters<SqlServiceDeps['meta']['propose']>[0],
    {deadlineMs}: StatementContext,
  ): Promise<Rows> {
    await this.#deps.meta.propose(command, {deadlineMs});
    // So that whoever goes on through this node finds what was made.
    await this.#deps.access.refresh(deadlineMs);
    return textRows([{name: 'result', type: 'string'}], [['ok']]);
  }

  async #show(
    statement: Extract<AdminStatement, {kind: `show-${string}` | `describe-${string}`}>,
    context: StatementContext,
  ): Promise<Rows> {
    const {catalog} = this.#deps.access;
    switch (statement.kind) {
      case 'show-databases': {
        const {call, deadlineMs} = context;
        const tenant = await findTenant(this.#deps.access, call.tenant, deadlineMs);
        const mine = [...catalog.databases()].filter(
          (one) => one.tenant === tenant.id && one.dropped === undefined,
        );
        return names('database_name', mine.map(({name}) => name).sort());
      }
      case 'show-tables': {
        const {id} = await this.#database(statement.database, context);
        return names(
          'table_name',
          catalog
            .tables(id)
            .map(({name}) => name)
            .sort(),
        );
      }
      case 'describe-database':
        return describeDatabase(await this.#database(statement.name, context));
      case 'describe-table': {
        const owner = await this.#database(statement.table.database, context);
        return describeTable(catalog, owner, statement.table.name);
      }
      case 'show-replicas':
        return this.#replicas();
      default:
        return statement satisfies never;
    }
  }

  /** @param name absent: the request's own. */
  #database(name: string | undefined, {call, deadlineMs}: StatementContext): Promise<Database> {
    const {tenant, database} = call;
    return findDatabase(this.#deps.access, {tenant, database: name ?? database}, deadlineMs);
  }

  async #replicas(): Promise<Rows> {
    const {sets} = await this.#deps.view.facts();
    const rows = sets.map((set): Cell[] => [
      set.id,
      set.replicas.map(({node, leader}) => `${node}${leader ? '*' : ''}`).join(','),
      set.database,
      set.shard,
      set.bucket.start,
      set.bucket.end,
      set.state,
    ]);
    return textRows(
      [
        {name: 'replica_id', type: 'integer'},
        {name: 'location', type: 'string'},
        {name: 'database', type: 'string'},
        {name: 'shard', type: 'integer'},
        {name: 'start_time', type: 'string'},
        {name: 'end_time', type: 'string'},
        {name: 'state', type: 'string'},
      ],
      rows,
    );
  }
}

function names(column: string, values: readonly string[]): Rows {
  return textRows(
    [{name: column, type: 'string'}],
    values.map((value) => [value]),
  );
}

function describeDatabase({options}: Database): Rows {
  const {ttlMs, shards, bucketDurationMs, replicas, precision, failover} = options;
  const columns = ['ttl', 'shard', 'bucket_duration', 'replica', 'precision', 'failover'];
  const row = [
    ttlMs === undefined ? 'none' : durationText(ttlMs),
    String(shards),
    durationText(bucketDurationMs),
    String(replicas),
    precision,
    failover,
  ];
  return textRows(
    columns.map((name) => ({name, type: 'string'})),
    [row],
  );
}

/** CnosDB's names of the types. */
const TYPE_NAMES = {
  float: 'DOUBLE',
  integer: 'BIGINT',
  unsigned: 'BIGINT UNSIGNED',
  boolean: 'BOOLEAN',
  string: 'STRING',
};

function describeTable(catalog: Catalog, database: Database, name: string): Rows {
  const table = catalog.tableByName(database.id, name);
  if (table === undefined) throw new DbError('TABLE_NOT_FOUND', `table "${name}" does not exist`);
  const ordered = [...table.columns].sort(
    (a, b) => Number(a.kind === 'field') - Number(b.kind === 'field'),
  );
  const rows = ordered.map((column) => [
    column.name,
    TYPE_NAMES[column.type],
    column.kind.toUpperCase(),
  ]);
  return textRows(
    ['column_name', 'data_type', 'column_type'].map((title) => ({name: title, type: 'string'})),
    [['time', 'TIMESTAMP', 'TIME'], ...rows],
  );
}
