// CREATE, ALTER, DROP, SHOW, DESCRIBE, EXPLAIN: through meta, answered from the catalog. The request's database
// is looked up only for a name that does not say its own: CREATE DATABASE works without any.

import {DbError, META_SET, type ReplicaSetId} from '@flotilla/base';
import type {Command, Database, Tenant} from '@flotilla/catalog';
import {
  type AdminStatement,
  type ExplainStatement,
  explainSelect,
  type ResultBatch,
  type TableName,
} from '@flotilla/query';
import type {AnswerNotes} from './answer-notes.ts';
import {cardinalityRows, readCardinality} from './cardinality.ts';
import {findDatabase, findTenant} from './catalog-access.ts';
import {
  databasesOf,
  describeDatabase,
  describeTable,
  describeTenant,
  explainedRows,
  liveTenants,
  mustTable,
  names,
  tagKeys,
} from './catalog-rows.ts';
import {confirmDrop, type Dropped, dropTimes} from './drop-fences.ts';
import {ReplicaStatements} from './replica-statements.ts';
import {refreshFor, type SqlServiceDeps, type StatementContext} from './statement-context.ts';
import {textRows} from './text-rows.ts';
import {ttlChange, ttlChangeText} from './ttl-change.ts';

type Rows = AsyncIterable<ResultBatch>;
type Showing =
  | ExplainStatement
  | Extract<AdminStatement, {kind: `show-${string}` | `describe-${string}`}>;
type Changing = Exclude<AdminStatement, Showing | {kind: 'order'}>;

export class AdminStatements {
  readonly #deps: SqlServiceDeps;
  readonly #replicas: ReplicaStatements;

  constructor(deps: SqlServiceDeps) {
    this.#deps = deps;
    this.#replicas = new ReplicaStatements(deps);
  }

  /** @param notes told where what is shown may be old. */
  async run(
    statement: AdminStatement | ExplainStatement,
    context: StatementContext,
    notes: AnswerNotes,
  ): Promise<Rows> {
    if (isShowing(statement)) {
      if (!(await refreshFor(context, this.#deps))) notes.missing(META_SET);
      return this.#show(statement, context, notes);
    }
    if (statement.kind === 'order') {
      const {call, deadlineMs} = context;
      const by = call.caller?.type === 'administrator' ? call.caller.name : undefined;
      return this.#replicas.order(statement.order, {deadlineMs, by});
    }
    const command = await this.#commandOf(statement, context);
    if (command.type === 'alter-database') return resultRows(await this.#alter(command, context));
    const dropped = await this.#change(command, context, isMissingFine(statement));
    const open =
      dropped === undefined ? [] : await confirmDrop(this.#deps, dropped, context.deadlineMs);
    return resultRows(resultText(open));
  }

  async #commandOf(statement: Changing, context: StatementContext): Promise<Command> {
    const {tenant} = context.call;
    const {clock, trashRetentionMs: retentionMs} = this.#deps;
    const atMs = clock.wallMs();
    switch (statement.kind) {
      case 'create-tenant': {
        const {name, ifNotExists, comment} = statement;
        return {type: 'create-tenant', name, ifNotExists, comment};
      }
      case 'alter-tenant':
        return {type: 'alter-tenant', name: statement.name, comment: statement.comment};
      case 'drop-tenant': {
        const {name, ifExists, afterMs} = statement;
        return {type: 'drop-tenant', name, ifExists, ...dropTimes(atMs, {afterMs, retentionMs})};
      }
      case 'recover-tenant':
        return {type: 'recover-tenant', name: statement.name, as: statement.as};
      case 'recover-database':
        return {type: 'recover-database', tenant, name: statement.name, as: statement.as};
      case 'recover-table': {
        const {database, name} = await this.#tableIn(statement.table, context);
        return {type: 'recover-table', database, name, as: statement.as};
      }
      case 'create-database': {
        const {name, ifNotExists, options} = statement;
        return {type: 'create-database', tenant, name, ifNotExists, options};
      }
      case 'alter-database':
        return {
          type: 'alter-database',
          tenant,
          name: statement.name,
          options: statement.options,
          atMs: Math.floor(atMs),
        };
      case 'drop-database': {
        const {name, ifExists, afterMs} = statement;
        return {
          type: 'drop-database',
          tenant,
          name,
          ifExists,
          ...dropTimes(atMs, {afterMs, retentionMs}),
        };
      }
      case 'create-table': {
        const {table, ifNotExists, tags, fields} = statement;
        const {database, name} = await this.#tableIn(table, context);
        return {type: 'create-table', database, ifNotExists, table: {name, tags, fields}};
      }
      case 'alter-table': {
        const {database, name} = await this.#tableIn(statement.table, context);
        return {type: 'alter-table', database, name, change: statement.change};
      }
      case 'drop-table': {
        const {ifExists, afterMs} = statement;
        const {database, name} = await this.#tableIn(statement.table, context);
        return {
          type: 'drop-table',
          database,
          name,
          ifExists,
          ...dropTimes(atMs, {afterMs, retentionMs}),
        };
      }
      default:
        return statement satisfies never;
    }
  }

  async #tableIn(
    {database, name}: TableName,
    context: StatementContext,
  ): Promise<{readonly database: Database['id']; readonly name: string}> {
    const {id} = await this.#database(database, context);
    return {database: id, name};
  }

  /** Says what another ttl does. */
  async #alter(
    command: Extract<Command, {type: 'alter-database'}>,
    context: StatementContext,
  ): Promise<string> {
    const {access, clock, trashRetentionMs} = this.#deps;
    const find = () => this.#database(command.name, context);
    const before = await find().catch((error: unknown) => {
      // The order says so itself.
      if (error instanceof DbError && error.code === 'DATABASE_NOT_FOUND') return undefined;
      throw error;
    });
    await this.#change(command, context, false);
    if (before === undefined) return 'ok';
    const after = await find();
    const terms = {nowMs: Math.floor(clock.wallMs()), trashRetentionMs};
    const text = ttlChangeText(ttlChange(access.catalog, {before, after}, terms));
    return text === '' ? 'ok' : `ok: ${text}`;
  }

  /** What writes may not name any more from now on, or may name again. */
  async #change(
    command: Command,
    {deadlineMs}: StatementContext,
    isMissingFine: boolean,
  ): Promise<Dropped | undefined> {
    const {meta, access} = this.#deps;
    const proposing = proposeFenced(meta, command, deadlineMs);
    const dropped = await (isMissingFine ? proposing.catch(ignoreMissing) : proposing);
    // So that whoever goes on through this node finds what was made.
    await access.refresh(deadlineMs);
    return dropped;
  }

  async #show(statement: Showing, context: StatementContext, notes: AnswerNotes): Promise<Rows> {
    const {catalog} = this.#deps.access;
    switch (statement.kind) {
      case 'show-databases': {
        const {id} = await this.#tenant(context.call.tenant, context);
        return names('database_name', namesOf(databasesOf(catalog, id)));
      }
      case 'show-tenants':
        return names('tenant_name', namesOf(liveTenants(catalog)));
      case 'describe-tenant':
        return describeTenant(catalog, await this.#tenant(statement.name, context));
      case 'show-tables': {
        const {id} = await this.#database(statement.database, context);
        return names('table_name', namesOf(catalog.tables(id)));
      }
      case 'show-tag-keys': {
        const {database, table} = statement;
        const owner = await this.#database(database, context);
        const tables =
          table === undefined ? catalog.tables(owner.id) : [mustTable(catalog, owner, table.name)];
        return tagKeys(tables);
      }
      case 'show-cardinality':
        return this.#cardinality(statement, context, notes);
      case 'explain':
        return this.#explain(statement, context);
      case 'describe-database':
        return describeDatabase(await this.#database(statement.name, context));
      case 'describe-table': {
        const owner = await this.#database(statement.table.database, context);
        return describeTable(mustTable(catalog, owner, statement.table.name));
      }
      case 'show-replicas':
        return this.#replicas.replicas();
      case 'show-operations':
        return this.#replicas.operations();
      default:
        return statement satisfies never;
    }
  }

  async #cardinality(
    {database, table, limit}: Extract<AdminStatement, {kind: 'show-cardinality'}>,
    context: StatementContext,
    notes: AnswerNotes,
  ): Promise<Rows> {
    const {catalog} = this.#deps.access;
    const {call, deadlineMs, stop} = context;
    const {consistency, maxStalenessMs, partial: isPartial} = call;
    const owner = await this.#database(database, context);
    const wanted = {
      database: owner,
      table: table && mustTable(catalog, owner, table.name),
      limit,
    };
    const terms = {consistency, maxStalenessMs, isPartial, deadlineMs, stop: stop.signal, notes};
    const report = await readCardinality(this.#deps, catalog, wanted, terms);
    return cardinalityRows(report, {isOfTable: table !== undefined});
  }

  async #explain({select}: ExplainStatement, context: StatementContext): Promise<Rows> {
    const {access, clock} = this.#deps;
    const {id: database, tenant} = await this.#database(undefined, context);
    const nowNs = BigInt(Math.floor(clock.wallMs())) * 1_000_000n;
    return explainedRows(explainSelect(select, access.catalog, {tenant, database, nowNs}));
  }

  #tenant(name: string, {deadlineMs}: StatementContext): Promise<Tenant> {
    return findTenant(this.#deps.access, name, deadlineMs);
  }

  /** @param name absent: the request's own. */
  #database(name: string | undefined, {call, deadlineMs}: StatementContext): Promise<Database> {
    const {tenant, database} = call;
    return findDatabase(this.#deps.access, {tenant, database: name ?? database}, deadlineMs);
  }
}

async function proposeFenced(
  meta: SqlServiceDeps['meta'],
  command: Command,
  deadlineMs: number,
): Promise<Dropped | undefined> {
  if (command.type === 'drop-table') {
    const {table} = await meta.propose(command, {deadlineMs});
    return table && {database: command.database, fence: {table}};
  }
  if (command.type === 'alter-table' && command.change.kind === 'drop-column') {
    const fence = await meta.propose(command, {deadlineMs});
    return {database: command.database, fence};
  }
  if (command.type === 'drop-database') {
    const {database} = await meta.propose(command, {deadlineMs});
    return database && {database};
  }
  if (command.type === 'recover-table') {
    const {table} = await meta.propose(command, {deadlineMs});
    return {database: command.database, fence: {recovered: [table]}};
  }
  if (command.type === 'recover-database') {
    const {database} = await meta.propose(command, {deadlineMs});
    return {database, isRecovered: true};
  }
  await meta.propose(command, {deadlineMs});
  return undefined;
}

/** RECOVER .. IF EXISTS; DROP's command says so itself. */
function isMissingFine(statement: Changing): boolean {
  return statement.kind.startsWith('recover-') && 'ifExists' in statement && statement.ifExists;
}

/** Of RECOVER .. IF EXISTS: nothing of that name is in the trash. */
function ignoreMissing(error: unknown): undefined {
  const codes = ['TABLE_NOT_FOUND', 'DATABASE_NOT_FOUND', 'TENANT_NOT_FOUND'];
  if (error instanceof DbError && codes.includes(error.code)) return undefined;
  throw error;
}

function resultRows(text: string): Rows {
  return textRows([{name: 'result', type: 'string'}], [[text]]);
}

function resultText([first, ...more]: readonly ReplicaSetId[]): string {
  if (first === undefined) return 'ok';
  const others = more.length === 0 ? 'has' : `and ${more.length} more have`;
  return `ok, but replica set ${first} ${others} not confirmed it yet`;
}

function isShowing(statement: AdminStatement | ExplainStatement): statement is Showing {
  return /^(show|describe|explain)/.test(statement.kind);
}

function namesOf(things: readonly {readonly name: string}[]): string[] {
  return things.map(({name}) => name).sort();
}
