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
  type ResultBatch,
  type SelectStatement,
  type Statement,
  type TableName,
} from '@flotilla/query';
import type {FragmentReader, WriteRouter} from '@flotilla/router';
import {AdminStatements} from './admin-statements.ts';
import {AnswerNotes} from './answer-notes.ts';
import {type CatalogAccess, findDatabase} from './catalog-access.ts';
import type {ClusterView} from './cluster-view.ts';
import type {SqlCall, StreamAnswer} from './gateway.ts';
import {beginDeadline, SetReadings} from './set-readings.ts';
import {refreshFor, type StatementContext} from './statement-context.ts';
import {textRows} from './text-rows.ts';

export interface SqlServiceDeps {
  readonly access: CatalogAccess;
  readonly meta: MetaClient;
  readonly reader: FragmentReader;
  readonly router: WriteRouter;
  readonly view: ClusterView;
  readonly clock: Clock;
}

interface Answer {
  readonly batches: AsyncIterable<ResultBatch>;
  /** Of a SELECT. */
  readonly readings?: SetReadings | undefined;
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
    const {clock} = this.#deps;
    const timeoutMs = call.deadlineMs ?? LIMITS.query_deadline_ms.value;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    const notes = new AnswerNotes();
    const statement = parseStatement(call.text);
    const answer = await this.#execute(statement, {call, deadlineMs, stop, notes});
    const formatted = formatResult(call.format, answer.batches);
    const chunks = await begun(formatted, answer.readings, stop.signal);
    return {
      status: 200,
      headers: {'content-type': CONTENT_TYPES[call.format], ...notes.headers()},
      chunks: annotated(chunks, call.format, notes),
    };
  }

  async #execute(statement: Statement, context: StatementContext): Promise<Answer> {
    switch (statement.kind) {
      case 'select':
        return this.#select(statement, context);
      case 'insert':
        return {batches: await this.#insert(statement, context)};
      default:
        return {batches: await this.#admin.run(statement, context)};
    }
  }

  async #select(statement: SelectStatement, context: StatementContext): Promise<Answer> {
    const {access, clock, reader} = this.#deps;
    const {call, deadlineMs, stop, notes} = context;
    const {consistency, maxStalenessMs, partial: isPartial} = call;
    // A bucket or table that another node just made is never overlooked.
    await refreshFor(context, this.#deps);
    const database = await findDatabase(access, call, deadlineMs);
    const nowNs = BigInt(Math.floor(clock.wallMs())) * 1_000_000n;
    const {fragments, ...plan} = planSelect(statement, access.catalog, {
      tenant: database.tenant,
      database: database.id,
      nowNs,
    });
    const mayGiveUp = isPartial || maxStalenessMs !== undefined;
    const beginDeadlineMs = mayGiveUp ? beginDeadline(clock, deadlineMs) : deadlineMs;
    const read = {consistency, maxStalenessMs, deadlineMs, beginDeadlineMs};
    const options = {fragments, read, isPartial, stop: stop.signal, notes};
    const readings = new SetReadings(reader, options);
    const timer = clock.setTimer(Math.max(0, deadlineMs - clock.monotonicMs()), () =>
      stop.abort(readings.deadlinePassed()),
    );
    const results = mergeResults({fragments, ...plan}, readings.streams(), {signal: stop.signal});
    const end = (): void => {
      timer.cancel();
      readings.end();
    };
    return {batches: ended(results, stop.signal, end), readings};
  }

  async #insert(
    statement: InsertStatement,
    {call, deadlineMs}: StatementContext,
  ): Promise<AsyncIterable<ResultBatch>> {
    const {access, router, clock} = this.#deps;
    const database = await findDatabase(access, call, deadlineMs);
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

/** The same chunks, the first one fetched and all sets begun: what fails before still becomes an error answer. */
async function begun(
  chunks: AsyncIterable<Uint8Array>,
  readings: SetReadings | undefined,
  stopped: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  try {
    await readings?.begun();
  } catch (error) {
    await iterator.return?.();
    throw reasonOf(error, stopped);
  }
  return (async function* () {
    try {
      for (let next = first; next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  })();
}

/** The same chunks, and after them what the headers could not say. */
async function* annotated(
  chunks: AsyncIterable<Uint8Array>,
  format: SqlCall['format'],
  notes: AnswerNotes,
): AsyncIterable<Uint8Array> {
  yield* chunks;
  if (format === 'ndjson') {
    const line = notes.lastLine();
    if (line !== undefined) yield line;
    return;
  }
  const [late] = notes.lateMissing;
  // Only NDJSON has room to say so now: the others must not end as if they were whole.
  if (late !== undefined) {
    const message = `replica set ${late} cannot be read, and the answer had begun`;
    throw new DbError('UNAVAILABLE', message, {replicaSet: late});
  }
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
    throw reasonOf(error, stopped);
  } finally {
    end();
  }
}

/** What was stopped fails for the reason of that. */
function reasonOf(error: unknown, stopped: AbortSignal): unknown {
  const isStopped = stopped.aborted && error instanceof DbError && error.code === 'CANCELLED';
  return isStopped ? stopped.reason : error;
}
