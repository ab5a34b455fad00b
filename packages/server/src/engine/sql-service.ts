// A statement from its text to the answer: SELECT through plan, fragments and merge; INSERT through
// the write's way; the rest through meta and the catalog.

import {type Clock, DbError, LIMITS, type TenantId} from '@flotilla/base';
import type {Database, Table} from '@flotilla/catalog';
import type {MetaClient} from '@flotilla/meta';
import {
  CONTENT_TYPES,
  formatResult,
  type InsertStatement,
  insertToBatch,
  mergeResults,
  parseStatement,
  planSelect,
  type QueryPlan,
  type ResultBatch,
  type SelectStatement,
  type Statement,
  type TableName,
} from '@flotilla/query';
import type {FragmentReader, WriteRouter} from '@flotilla/router';
import {AdminStatements} from './admin-statements.ts';
import {type CatalogAccess, findDatabase} from './catalog-access.ts';
import type {ClusterView} from './cluster-view.ts';
import type {SqlCall, StreamAnswer} from './gateway.ts';
import {jointStreams} from './joint-streams.ts';
import {textRows} from './text-rows.ts';

export interface SqlServiceDeps {
  readonly access: CatalogAccess;
  readonly meta: MetaClient;
  readonly reader: FragmentReader;
  readonly router: WriteRouter;
  readonly view: ClusterView;
  readonly clock: Clock;
}

/** What a statement runs under. */
export interface StatementContext {
  readonly call: SqlCall;
  readonly database: Database;
  readonly deadlineMs: number;
  /** Aborted when the client goes away; here, when the deadline passes. The reason is a DbError. */
  readonly stop: AbortController;
}

export class SqlService {
  readonly #deps: SqlServiceDeps;
  readonly #admin: AdminStatements;

  constructor(deps: SqlServiceDeps) {
    this.#deps = deps;
    this.#admin = new AdminStatements(deps);
  }

  /** Rejects with what is wrong before the first byte; a failure after it ends the chunks. */
  async run(call: SqlCall, stop: AbortController): Promise<StreamAnswer> {
    const {access, clock} = this.#deps;
    const timeoutMs = call.deadlineMs ?? LIMITS.query_deadline_ms.value;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    const statement = parseStatement(call.text);
    const database = await findDatabase(access, call, deadlineMs);
    const batches = await this.#execute(statement, {call, database, deadlineMs, stop});
    const chunks = formatResult(call.format, batches);
    return {
      status: 200,
      headers: {'content-type': CONTENT_TYPES[call.format]},
      chunks: await begun(chunks),
    };
  }

  #execute(statement: Statement, context: StatementContext): Promise<AsyncIterable<ResultBatch>> {
    switch (statement.kind) {
      case 'select':
        return this.#select(statement, context);
      case 'insert':
        return this.#insert(statement, context);
      default:
        return this.#admin.run(statement, context);
    }
  }

  async #select(
    statement: SelectStatement,
    {call, database, deadlineMs, stop}: StatementContext,
  ): Promise<AsyncIterable<ResultBatch>> {
    const {access, clock, reader} = this.#deps;
    // A bucket or table that another node just made is never overlooked; a stale read does without.
    if (call.consistency === 'linearizable') await access.refresh(deadlineMs);
    const nowNs = BigInt(Math.floor(clock.wallMs())) * 1_000_000n;
    const plan: QueryPlan = planSelect(statement, access.catalog, {
      tenant: database.tenant,
      database: database.id,
      nowNs,
    });
    const timer = clock.setTimer(Math.max(0, deadlineMs - clock.monotonicMs()), () =>
      stop.abort(deadlinePassed()),
    );
    const reading = new AbortController();
    const signal = AbortSignal.any([stop.signal, reading.signal]);
    const options = {consistency: call.consistency, deadlineMs, signal};
    const streams = plan.fragments.map((fragment) => reader.read(fragment, options));
    const results = mergeResults(plan, jointStreams(streams, reading), {signal});
    return ended(results, stop.signal, () => timer.cancel());
  }

  async #insert(
    statement: InsertStatement,
    {database, deadlineMs}: StatementContext,
  ): Promise<AsyncIterable<ResultBatch>> {
    const {router, clock} = this.#deps;
    const target = await this.#tableOf(statement.table, database, deadlineMs);
    const batch = insertToBatch(statement, target.table, {nowMs: clock.wallMs()});
    const outcome = await router.write({
      database: target.database.id,
      batch,
      lineText: () => '',
      deadlineMs: Math.min(deadlineMs, clock.monotonicMs() + LIMITS.write_deadline_ms.value),
      acceptPartial: false,
    });
    const failed =
      outcome.sets.find(({outcome: what}) => what === 'unknown') ??
      outcome.sets.find(({error}) => error !== undefined);
    if (failed?.error !== undefined) throw failed.error;
    if (outcome.rejectedLines > 0) {
      const {code, reason, line} = outcome.lines[0]!;
      throw new DbError('QUERY_ERROR', `row ${line} of VALUES: ${reason}; nothing is written`, {
        code,
      });
    }
    return textRows([{name: 'rows', type: 'integer'}], [[outcome.writtenRows]]);
  }

  async #tableOf(
    name: TableName,
    fallback: Database,
    deadlineMs: number,
  ): Promise<{readonly database: Database; readonly table: Table}> {
    const {access} = this.#deps;
    const find = (): {database: Database; table: Table} | undefined => {
      const database =
        name.database === undefined ? fallback : this.#databaseOf(fallback.tenant, name.database);
      const table = database && access.catalog.tableByName(database.id, name.name);
      return database && table && {database, table};
    };
    const known = find();
    if (known !== undefined) return known;
    await access.refresh(deadlineMs);
    const now = find();
    if (now !== undefined) return now;
    throw new DbError(
      'TABLE_NOT_FOUND',
      `table "${name.name}" does not exist; the first write by line protocol makes it`,
    );
  }

  #databaseOf(tenant: TenantId, name: string): Database | undefined {
    return this.#deps.access.catalog.databaseByName(tenant, name);
  }
}

/** The same chunks, the first one fetched: what fails before it still becomes an error answer. */
async function begun(chunks: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  return (async function* () {
    try {
      for (let next = first; next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  })();
}

/** The same items; `end` is called after the last. What was stopped ends with the reason for that. */
async function* ended<Item>(
  items: AsyncIterable<Item>,
  stopped: AbortSignal,
  end: () => void,
): AsyncIterable<Item> {
  try {
    yield* items;
  } catch (error) {
    if (!stopped.aborted || !(error instanceof DbError) || error.code !== 'CANCELLED') throw error;
    throw stopped.reason;
  } finally {
    end();
  }
}

function deadlinePassed(): DbError {
  const message = 'the query was cancelled at its deadline; `timeout_ms` gives it more time';
  return new DbError('DEADLINE_EXCEEDED', message);
}
