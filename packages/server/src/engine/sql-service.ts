// A statement from its text to the answer: SELECT through plan, fragments and merge; INSERT through
// the write's way; the rest through meta and the catalog.

import {DbError, LIMITS, type TenantId} from '@flotilla/base';
import type {Database, Table} from '@flotilla/catalog';
import {
  CONTENT_TYPES,
  formatResult,
  type InsertStatement,
  insertToBatch,
  parseStatement,
  type ResultBatch,
  type SelectStatement,
  type SeriesStatement,
  type Statement,
  type TableName,
} from '@flotilla/query';
import {AdminStatements} from './admin-statements.ts';
import {AnswerNotes} from './answer-notes.ts';
import {findDatabase} from './catalog-access.ts';
import {Deletes} from './deletes.ts';
import type {SqlCall, StreamAnswer} from './gateway.ts';
import {guarded} from './guarded-statements.ts';
import {type BegunAnswer, begun, Selects} from './selects.ts';
import type {SqlServiceDeps, StatementContext} from './statement-context.ts';
import {textRows} from './text-rows.ts';
import {writeError} from './write-answer.ts';

type Query = SelectStatement | SeriesStatement;

function isQuery(statement: Statement): statement is Query {
  return ['select', 'show-series', 'show-tag-values'].includes(statement.kind);
}

export class SqlService {
  readonly #deps: SqlServiceDeps;
  readonly #admin: AdminStatements;
  readonly #selects: Selects;
  readonly #deletes: Deletes;

  constructor(deps: SqlServiceDeps) {
    this.#deps = deps;
    this.#admin = new AdminStatements(deps);
    this.#selects = new Selects(deps);
    this.#deletes = new Deletes(deps);
  }

  /** Rejects with what is wrong before the first byte; a failure after it ends the chunks. */
  async run(call: SqlCall, stop: AbortController): Promise<StreamAnswer> {
    const {clock} = this.#deps;
    const timeoutMs = call.deadlineMs ?? LIMITS.query_deadline_ms.value;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    const statement = parseStatement(call.text);
    const {chunks, notes} = await guarded(statement, call, this.#deps, () =>
      this.#execute(statement, {call, deadlineMs, stop}),
    );
    return {
      status: 200,
      headers: {'content-type': CONTENT_TYPES[call.format], ...notes.headers()},
      chunks: annotated(chunks, call.format, notes),
    };
  }

  async #execute(statement: Statement, context: StatementContext): Promise<BegunAnswer> {
    if (isQuery(statement)) return this.#selects.run(statement, context);
    const notes = new AnswerNotes();
    const batches = await this.#batches(statement, context, notes);
    const chunks = await begun(
      formatResult(context.call.format, batches, {memory: this.#deps.memory}),
    );
    return {chunks, notes};
  }

  #batches(
    statement: Exclude<Statement, Query>,
    context: StatementContext,
    notes: AnswerNotes,
  ): Promise<AsyncIterable<ResultBatch>> {
    switch (statement.kind) {
      case 'insert':
        return this.#insert(statement, context);
      case 'delete':
        return this.#deletes.run(statement, context);
      default:
        return this.#admin.run(statement, context, notes);
    }
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
    const error = writeError(outcome);
    if (error !== undefined && error.code !== 'LINES_REJECTED') throw error;
    if (outcome.rejectedLines > 0) {
      const {code, reason, line} = outcome.lines[0]!;
      // Of a bucket that went while others were written to, a row may be refused later than they.
      const {writtenRows: written} = outcome;
      const rest = written === 0 ? 'nothing is written' : `${written} other rows are written`;
      throw new DbError('QUERY_ERROR', `row ${line} of VALUES: ${reason}; ${rest}`, {
        code,
        ...(written > 0 && {written}),
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
